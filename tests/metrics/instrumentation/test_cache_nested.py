"""Operations inside operations, and other code around them: each is measured once, and nothing else changes."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache
from django.test import override_settings

from tests.metrics.instrumentation.caching import DURATION, list_lookups, list_operations
from zemanta_ops.metrics.instrumentation import cache
from zemanta_ops.testing import Recorder


@pytest.fixture(autouse=True)
def installed() -> Iterator[None]:
    backend = "django.core.cache.backends.locmem.LocMemCache"
    with override_settings(CACHES={"default": {"BACKEND": backend, "LOCATION": "nested"}}):
        cache.install()
        caches["default"].clear()
        yield


class Owned(LocMemCache):
    """A user's own backend, with arguments and results of its own."""

    def get(self, key: Any, default: Any = None, version: int | None = None, expire_time: bool = False) -> Any:
        found = super().get(key, default, version)
        return (found, None) if expire_time else found


def test_the_backend_gets_what_was_given_and_gives_what_it_returns(captured_metrics: Recorder) -> None:
    with override_settings(CACHES={"default": {"BACKEND": f"{__name__}.Owned", "LOCATION": "owned"}}):
        cache.install()
        default = object()
        owned: Any = caches["default"]
        assert owned.get("a", expire_time=True) == (None, None)
        assert owned.get("a", default, expire_time=True)[0] is default
        assert owned.get("a", default) is default
        assert type(owned) is Owned
    assert list_operations(captured_metrics) == ["get", "get", "get"]
    assert list_lookups(captured_metrics) == ["miss"]


def patch_object(opened: Any, seen: list[str]) -> None:
    """Do as Sentry's cache spans and the debug toolbar do: put a wrapper on the object."""
    for name in ("get", "set", "get_many"):
        original = getattr(opened, name)

        def around(*args: Any, original: Any = original, name: str = name, **kwargs: Any) -> Any:
            seen.append(name)
            return original(*args, **kwargs)

        setattr(opened, name, around)


@pytest.mark.parametrize("order", ["before we are installed", "after", "both"])
def test_whoever_else_wraps_the_object_is_called_and_so_are_we(order: str, captured_metrics: Recorder) -> None:
    seen: list[str] = []

    class Fresh(LocMemCache):
        pass

    opened: Any = Fresh("fresh", {})
    if order != "after":
        patch_object(opened, seen)
    cache._measure_cache(opened, "fresh")
    if order != "before we are installed":
        patch_object(opened, seen)
    opened.set("a", 1)
    assert opened.get("a") == 1
    assert list_operations(captured_metrics) == ["set", "get"]
    assert list_lookups(captured_metrics) == ["hit"]
    assert seen == ["set", "get"] if order != "both" else ["set", "set", "get", "get"]
    assert type(opened) is Fresh


def test_what_the_default_of_get_or_set_does_is_measured_for_itself(captured_metrics: Recorder) -> None:
    opened: Any = caches["default"]

    def total() -> int:
        opened.set("part", 2)
        return int(opened.get("part")) + int(opened.get_or_set("inner", lambda: opened.get("absent", 1)))

    assert opened.get_or_set("total", total) == 3
    assert list_operations(captured_metrics) == ["set", "get", "get", "get_or_set", "get_or_set"]
    assert list_lookups(captured_metrics).count("hit") == 1
    assert list_lookups(captured_metrics).count("miss") == 3


@pytest.mark.parametrize("start", ["task", "thread"])
def test_work_that_outlives_the_operation_in_which_it_began_is_measured(start: str, captured_metrics: Recorder) -> None:
    opened: Any = caches["default"]
    finished = threading.Event()

    def work() -> None:
        finished.wait(10)
        opened.get("total")
        opened.get("later")

    async def begin_task() -> None:
        async def later() -> None:
            work()

        opened.get_or_set("total", lambda: tasks.append(asyncio.create_task(later())))
        finished.set()
        await tasks[0]

    def begin_thread() -> None:
        context = contextvars.copy_context()
        threads.append(threading.Thread(target=context.run, args=(work,)))
        threads[0].start()

    tasks: list[asyncio.Task[None]] = []
    threads: list[threading.Thread] = []
    if start == "task":
        asyncio.run(begin_task())
    else:
        opened.get_or_set("total", begin_thread)
        finished.set()
        threads[0].join(10)
    assert list_operations(captured_metrics) == ["get_or_set", "get", "get"]


def test_a_key_that_cannot_be_compared_costs_no_answer(captured_metrics: Recorder) -> None:
    class Odd(str):
        def __eq__(self, other: object) -> bool:
            raise LookupError

        __hash__ = str.__hash__

    class Simple(LocMemCache):
        def get_or_set(self, key: Any, default: Any, timeout: Any = None, version: Any = None) -> Any:
            return self.get("odd", default)

    opened = cache._measure_cache(Simple("simple", {}), "simple")
    assert opened.get_or_set(Odd("odd"), 1) == 1
    assert list_operations(captured_metrics)[-1] == "get_or_set"


def test_an_operation_on_another_cache_inside_does_not_end_the_outer_one(captured_metrics: Recorder) -> None:
    other: Any = cache._measure_cache(LocMemCache("other", {}), "other")

    class Tiered(LocMemCache):
        def get_many(self, keys: Any, version: int | None = None) -> dict[Any, Any]:
            other.get("version")
            return {key: self.get(key) for key in keys}

    opened: Any = cache._measure_cache(Tiered("tiered", {}), "tiered")
    opened.get_many(["a", "b"])
    operations = [(record.tags["alias"], record.tags["operation"]) for record in captured_metrics.find(DURATION)]
    assert operations == [("other", "get"), ("tiered", "get_many")]
    # Nothing is running any more.
    opened.get("a")
    assert list_operations(captured_metrics)[-1] == "get"
