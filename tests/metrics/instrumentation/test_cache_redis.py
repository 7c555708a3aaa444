"""The cache instrumentation on a real Redis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import caches
from django.test import override_settings
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.servers.debian import Redis
from zemanta_ops.metrics.instrumentation import cache
from zemanta_ops.testing import Recorder

DURATION = "cache.operation.duration"
LOOKUPS = "cache.lookup.count"

pytestmark = pytest.mark.second_tier


@pytest.fixture
def store(redis: Redis) -> Iterator[Any]:
    with override_settings(CACHES={"default": redis.settings()}):
        cache.install()
        yield caches["default"]
        caches["default"].close()


def test_hits_and_misses(store: Any, captured_metrics: Recorder) -> None:
    store.set_many({"a": 1, "b": None})
    assert (store.get("a"), store.get("b", "else"), store.get("c", "else")) == (1, None, "else")
    assert store.get_many(["a", "b", "c"]) == {"a": 1, "b": None}
    captured_metrics.assert_incr(LOOKUPS, 4, alias="default", result="hit")
    captured_metrics.assert_incr(LOOKUPS, 2, alias="default", result="miss")


def test_every_operation_counts_once(store: Any, captured_metrics: Recorder) -> None:
    store.set("n", 1)
    store.incr("n")
    store.touch("n", 10)
    assert "n" in store
    store.delete_many(["n"])
    store.clear()
    operations = [record.tags["operation"] for record in captured_metrics.find(DURATION, outcome="ok")]
    assert operations == ["set", "incr", "touch", "has_key", "delete_many", "clear"]


async def test_async(store: Any, captured_metrics: Recorder) -> None:
    await store.aset("a", 1)
    assert await store.aget("a") == 1
    captured_metrics.assert_incr(LOOKUPS, 1, result="hit")
    assert len(captured_metrics.find(DURATION)) == 2


def test_a_redis_that_is_gone(store: Any, redis: Redis, captured_metrics: Recorder) -> None:
    redis.kill()
    with pytest.raises(RedisConnectionError):
        store.get("a")
    captured_metrics.assert_timing(DURATION, operation="get", outcome="error")
    captured_metrics.assert_not_emitted(LOOKUPS)
