"""The cache instrumentation over the backends that come with Django."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.test import override_settings

from tests.metrics.instrumentation.caching import DURATION, LOOKUPS, list_lookups, list_operations
from zemanta_ops.metrics.instrumentation import cache
from zemanta_ops.testing import Recorder


class Unchangeable(type):
    """Refuses attributes, as the classes of extension modules do."""

    def __setattr__(cls, name: str, value: object) -> None:
        raise TypeError


class Compiled(BaseCache, metaclass=Unchangeable):
    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self._values: dict[str, Any] = {}

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        return self._values.get(key, default)

    def set(self, key: str, value: Any, timeout: Any = None, version: int | None = None) -> None:
        self._values[key] = value


class Broken(LocMemCache):
    def set(self, *args: Any, **kwargs: Any) -> None:
        raise ConnectionError


@pytest.fixture(autouse=True)
def installed(tmp_path: Path) -> Iterator[None]:
    settings = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": str(tmp_path)},
        "files": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": str(tmp_path / "c")},
        "compiled": {"BACKEND": f"{__name__}.Compiled"},
        "broken": {"BACKEND": f"{__name__}.Broken"},
    }
    with override_settings(CACHES=settings):
        cache.install()
        yield


@pytest.mark.parametrize("alias", ["default", "files"])
def test_hits_and_misses(alias: str, captured_metrics: Recorder) -> None:
    caches[alias].set("a", 1)
    assert caches[alias].get("a") == 1
    assert caches[alias].get("b") is None
    assert caches[alias].get(key="b", default="else") == "else"
    captured_metrics.assert_incr(LOOKUPS, 1, alias=alias, result="hit")
    captured_metrics.assert_incr(LOOKUPS, 2, alias=alias, result="miss")
    captured_metrics.assert_timing(DURATION, alias=alias, operation="set", outcome="ok")


def test_a_stored_none_is_a_hit(captured_metrics: Recorder) -> None:
    caches["default"].set("a", None)
    assert caches["default"].get("a", "else") is None
    captured_metrics.assert_incr(LOOKUPS, 1, result="hit")


def test_get_many_is_one_operation_that_counts_every_key(captured_metrics: Recorder) -> None:
    caches["default"].set_many({"a": 1, "b": 2})
    captured_metrics.clear()
    assert caches["default"].get_many(key for key in "aabc") == {"a": 1, "b": 2}
    assert [record.tags["operation"] for record in captured_metrics.find(DURATION)] == ["get_many"]
    captured_metrics.assert_incr(LOOKUPS, 2, result="hit")
    captured_metrics.assert_incr(LOOKUPS, 1, result="miss")


def test_an_operation_that_other_code_of_the_backend_calls_is_counted_once(captured_metrics: Recorder) -> None:
    caches["default"].add("n", 1)
    caches["default"].incr("n")
    assert [record.tags["operation"] for record in captured_metrics.find(DURATION)] == ["add", "incr"]


async def test_async_list_operations(captured_metrics: Recorder) -> None:
    await caches["default"].aset("a", 1)
    found = await asyncio.gather(caches["default"].aget("a"), caches["default"].aget("b"))
    assert tuple(found) == (1, None)
    operations = [record.tags["operation"] for record in captured_metrics.find(DURATION)]
    assert operations == ["set", "get", "get"]
    captured_metrics.assert_incr(LOOKUPS, 1, result="hit")
    captured_metrics.assert_incr(LOOKUPS, 1, result="miss")


def test_a_failing_backend_fails_as_before_and_is_timed(captured_metrics: Recorder) -> None:
    with pytest.raises(ConnectionError):
        caches["broken"].set("a", 1)
    captured_metrics.assert_timing(DURATION, alias="broken", operation="set", outcome="error")


def test_the_cache_stays_an_instance_of_its_backend() -> None:
    assert isinstance(caches["default"], LocMemCache)
    assert type(caches["default"]).__name__ == "LocMemCache"


def test_a_cache_that_was_open_before_is_measured_too(captured_metrics: Recorder) -> None:
    cache.uninstall()
    opened = caches["default"]
    cache.install()
    cache.install()
    opened.get("a")
    captured_metrics.assert_incr(LOOKUPS, 1, result="miss")
    assert len(captured_metrics.find(DURATION)) == 1


def test_removed_twice_measures_no_more_and_comes_back(captured_metrics: Recorder) -> None:
    opened = caches["default"]
    cache.uninstall()
    cache.uninstall()
    opened.get("a")
    captured_metrics.assert_not_emitted(DURATION)
    cache.install()
    opened.get("a")
    captured_metrics.assert_timing(DURATION)


def test_a_backend_that_cannot_be_measured_works_all_the_same(captured_metrics: Recorder) -> None:
    caches["compiled"].set("a", 1)
    assert caches["compiled"].get("a") == 1
    captured_metrics.assert_not_emitted(DURATION)


@pytest.mark.parametrize(
    ("call", "operation", "results"),
    [
        (lambda c: c.get_or_set("new", 1), "get_or_set", ["miss"]),
        (lambda c: c.get_or_set("new", lambda: None), "get_or_set", ["miss"]),
        (lambda c: c.get_or_set("a", 1), "get_or_set", ["hit"]),
        (lambda c: c.get("a"), "get", ["hit"]),
        (lambda c: c.get(key="a", default=3, version=1), "get", ["hit"]),
        (lambda c: c.get("new", None, 2), "get", ["miss"]),
        (lambda c: c.get_many(["a", "new", "a"]), "get_many", ["hit", "miss"]),
        (lambda c: c.get_many(keys=iter(["a", "new"])), "get_many", ["hit", "miss"]),
        (lambda c: c.get_many({"a": 1}.keys()), "get_many", ["hit"]),
        (lambda c: c.get_many([]), "get_many", []),
        (lambda c: c.incr("a"), "incr", []),
        (lambda c: c.decr("a", 2), "decr", []),
        (lambda c: c.incr_version("a"), "incr_version", []),
        (lambda c: c.decr_version("b", version=2), "decr_version", []),
        (lambda c: "a" in c, "has_key", []),
        (lambda c: c.set_many({"x": 1, "y": 2}), "set_many", []),
        (lambda c: c.delete_many(["a", "b"]), "delete_many", []),
        (lambda c: c.touch("a", 5), "touch", []),
        (lambda c: c.clear(), "clear", []),
    ],
)
def test_each_call_is_one_operation_under_its_own_name(
    call: Any, operation: str, results: list[str], captured_metrics: Recorder
) -> None:
    caches["default"].set("a", 7)
    caches["default"].set("b", 7, version=2)
    captured_metrics.clear()
    call(caches["default"])
    assert list_operations(captured_metrics) == [operation]
    assert list_lookups(captured_metrics) == results


def test_a_workload_that_only_misses_shows_no_hit(captured_metrics: Recorder) -> None:
    for number in range(20):
        caches["default"].get_or_set(f"key-{number}", number)
    assert list_lookups(captured_metrics) == ["miss"] * 20


async def test_async_get_or_set(captured_metrics: Recorder) -> None:
    assert await caches["default"].aget_or_set("a", 1) == 1
    assert await caches["default"].aget_or_set("a", 2) == 1
    assert list_operations(captured_metrics) == ["get_or_set", "get_or_set"]
    assert list_lookups(captured_metrics) == ["miss", "hit"]


def test_an_object_that_no_setting_names_is_left_alone(captured_metrics: Recorder) -> None:
    LocMemCache("own", {}).get("a")
    captured_metrics.assert_not_emitted(DURATION)


def test_errors_are_the_backends_own(captured_metrics: Recorder) -> None:
    opened: Any = caches["default"]
    calls: list[Callable[[], Any]] = [lambda: opened.incr("absent"), lambda: opened.get()]
    for call in calls:
        with pytest.raises((ValueError, TypeError)) as caught:
            call()
        assert "zemanta" not in str(caught.value)
    assert [record.tags["outcome"] for record in captured_metrics.find(DURATION)] == ["error", "error"]
