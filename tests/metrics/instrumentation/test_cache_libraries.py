"""The cache instrumentation beside Sentry and the debug toolbar, and over the backends of other packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.test import override_settings

from tests.metrics.instrumentation.caching import list_lookups, list_operations
from tests.servers.debian import Memcached, Redis
from zemanta_ops.metrics.instrumentation import cache
from zemanta_ops.testing import Recorder

# What the view of the site does with each cache. diskcache also sets and gets for other operations; these are its own.
OPERATIONS = ["set", "get", "get", "get_or_set", "get_many", "incr", "decr", "delete"]
LOOKUPS = ["hit", "miss", "miss", "hit", "miss"]


@pytest.mark.parametrize(
    "neighbour",
    [
        "sentry first",
        pytest.param("sentry last", marks=pytest.mark.more),
        "toolbar",
        pytest.param("toolbar, sentry first", marks=pytest.mark.more),
    ],
)
def test_neighbours_that_patch_caches_see_what_they_saw_and_so_do_we(neighbour: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.metrics.instrumentation.cache_neighbours", neighbour, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"},
    )
    assert done.returncode == 0, done.stderr
    for each in json.loads(done.stdout.splitlines()[-1]):
        for alias in ("default", "disk"):
            assert [operation for name, operation in each["operations"] if name == alias] == OPERATIONS
            assert [result for name, result in each["lookups"] if name == alias] == LOOKUPS
        assert each["classes"] == ["LocMemCache", "DjangoCache"]
        assert ("cache.get" in each["spans"]) == ("sentry" in neighbour)
        assert each["toolbar"] == ("toolbar" in neighbour)


def exercise(opened: Any) -> list[Any]:
    """Call every operation; return what each has returned or raised."""
    calls: list[Callable[[], Any]] = [
        lambda: opened.set("a", 1),
        lambda: opened.get("a"),
        lambda: opened.get("absent", "default"),
        lambda: opened.get_or_set("b", lambda: 7),
        lambda: opened.get_or_set("b", 8),
        lambda: opened.get_many(["a", "absent"]),
        lambda: opened.set_many({"c": 1, "d": 2}),
        lambda: opened.incr("a", 2),
        lambda: opened.decr("a"),
        lambda: opened.incr("never"),
        lambda: opened.incr_version("c"),
        lambda: opened.add("a", 5),
        lambda: opened.touch("a", 60),
        lambda: "a" in opened,
        lambda: opened.delete("a"),
        lambda: opened.delete_many(["b", "d"]),
    ]
    found = []
    for call in calls:
        try:
            found.append(call())
        except Exception as error:
            found.append(type(error).__name__)
    return found


# What exercise() is, as operations and as lookups.
NAMES = [
    "set",
    "get",
    "get",
    "get_or_set",
    "get_or_set",
    "get_many",
    "set_many",
    "incr",
    "decr",
    "incr",
    "incr_version",
]
NAMES += ["add", "touch", "has_key", "delete", "delete_many"]
RESULTS = ["hit", "miss", "miss", "hit", "hit", "miss"]


def compare(settings: dict[str, Any], recorded: Recorder) -> Any:
    """Fail unless a cache does the same with the instrumentation as without it; return the measured cache."""
    with override_settings(CACHES={"default": settings}):
        cache.uninstall()
        expected = exercise(caches["default"])
        caches["default"].clear()
        assert recorded.records == []
    with override_settings(CACHES={"default": settings}):
        cache.install()
        opened = caches["default"]
        assert exercise(opened) == expected
        assert list_operations(recorded) == NAMES
        assert list_lookups(recorded) == RESULTS
        recorded.clear()
        return opened


def test_diskcache(captured_metrics: Recorder, tmp_path: Path) -> None:
    opened = compare({"BACKEND": "diskcache.DjangoCache", "LOCATION": str(tmp_path)}, captured_metrics)
    opened.set("file", b"content", read=False, tag="t")
    value, expires = opened.get("file", expire_time=True)
    assert (value, type(expires), opened.get("absent", expire_time=True)) == (b"content", float, (None, None))
    assert opened.get("file", tag=True) == (b"content", "t")
    # What has a shape of the backend's own is neither a hit nor a miss.
    assert list_lookups(captured_metrics) == []


@pytest.mark.second_tier
@pytest.mark.parametrize("backend", ["django_redis.cache.RedisCache", "django.core.cache.backends.redis.RedisCache"])
def test_redis(backend: str, captured_metrics: Recorder, redis: Redis) -> None:
    opened = compare({**redis.settings(), "BACKEND": backend}, captured_metrics)
    if backend.startswith("django_redis"):
        opened.set("a", 1, timeout=50, nx=True)
        assert opened.get("a", client=opened.client.get_client()) == 1
        assert 0 < opened.ttl("a") <= 50
        assert opened.delete_pattern("*") >= 1


@pytest.mark.second_tier
def test_pymemcache(captured_metrics: Recorder, memcached: Memcached) -> None:
    compare(memcached.settings(), captured_metrics)
