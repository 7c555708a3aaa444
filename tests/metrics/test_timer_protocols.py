"""A timed function behaves as it does without the timer, whatever protocol it speaks."""

from __future__ import annotations

import asyncio
import functools
import inspect
import types
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from tests.metrics.timed_functions import (
    STEPS,
    StopError,
    async_generator,
    coroutine,
    drive,
    drive_async,
    generator,
    plain,
    released,
    releasing,
    stubborn,
)
from zemanta_ops import metrics
from zemanta_ops.testing import capture_metrics


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_a_generator(steps: list[Any]) -> None:
    timed = metrics.timer("t")(generator)
    assert drive(timed("x"), steps) == drive(generator("x"), steps)


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize("function", [async_generator, stubborn, releasing])
def test_an_async_generator(function: Callable[[Any], Any], steps: list[Any]) -> None:
    if function is stubborn and steps.count("close") == 2:
        pytest.skip("what a generator that ignored its end answers to a second close is its own affair")
    timed = metrics.timer("t")(function)
    released.clear()
    with_timer = asyncio.run(drive_async(timed("x"), steps))
    after, released[:] = list(released), []
    assert (with_timer, after) == (asyncio.run(drive_async(function("x"), steps)), released)


def test_a_context_manager_made_of_a_timed_generator_rolls_back() -> None:
    done = []

    @contextmanager
    @metrics.timer("t")
    def transaction() -> Iterator[None]:
        try:
            yield
        except StopError:
            done.append("rolled back")
            raise

    @asynccontextmanager
    @metrics.timer("t")
    async def async_transaction() -> AsyncIterator[None]:
        try:
            yield
        except StopError:
            done.append("rolled back")
            raise

    async def fail() -> None:
        async with async_transaction():
            raise StopError

    with pytest.raises(StopError), transaction():
        raise StopError
    with pytest.raises(StopError):
        asyncio.run(fail())
    assert done == ["rolled back", "rolled back"]


def test_cancellation_reaches_the_function_and_is_timed() -> None:
    seen = []

    @metrics.timer("t")
    async def work() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def cancel() -> None:
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with capture_metrics() as recorded:
        asyncio.run(cancel())
    recorded.assert_timing("t")
    assert seen == ["cancelled"]


@types.coroutine
def old_coroutine(value: Any) -> Generator[Any, Any, Any]:
    yield from asyncio.sleep(0).__await__()
    return value


class Methods:
    @metrics.timer("t")
    def method(self) -> str:
        return "method"

    @metrics.timer("t")
    @classmethod
    def of_class(cls) -> str:
        return cls.__name__

    @metrics.timer("t")
    @staticmethod
    def static() -> str:
        return "static"

    @property
    @metrics.timer("t")
    def computed(self) -> str:
        return "computed"


class CallableObject:
    def __call__(self, value: Any) -> Any:
        return value


def test_other_kinds_of_callables() -> None:
    async def wait(awaitable: Awaitable[Any]) -> Any:
        return await awaitable

    methods = Methods()
    assert (methods.method(), methods.of_class(), Methods.of_class(), methods.static(), methods.computed) == (
        *("method", "Methods", "Methods", "static", "computed"),
    )
    assert metrics.timer("t")(functools.partial(plain, "p"))() == "p"
    assert metrics.timer("t")(CallableObject())("o") == "o"
    assert metrics.timer("t")(len)([1]) == 1
    assert asyncio.run(wait(metrics.timer("t")(old_coroutine)("old"))) == "old"
    assert asyncio.run(metrics.timer("t")(coroutine)("new")) == "new"
    with pytest.raises(StopError):
        metrics.timer("t")(plain)("raise")


class AsyncObject:
    async def __call__(self, value: Any) -> Any:
        return await coroutine(value)


class GeneratorObject:
    def __call__(self, value: Any) -> Generator[Any, Any, Any]:
        return (yield from generator(value))


class AsyncGeneratorObject:
    async def __call__(self, value: Any) -> AsyncGenerator[Any, Any]:
        async for each in async_generator(value):
            yield each


def test_objects_and_partial_functions_are_timed_to_their_end() -> None:
    async def slowly() -> None:
        await asyncio.sleep(0.02)

    class Slowly:
        async def __call__(self) -> None:
            await slowly()

    for each in (slowly, Slowly(), functools.partial(slowly)):
        with capture_metrics() as recorded:
            asyncio.run(metrics.timer("t")(each)())
        [record] = recorded.find("t")
        assert record.value >= 15


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize("made", [functools.partial(generator), GeneratorObject()], ids=["partial", "object"])
def test_a_generator_of_an_object_or_a_partial_function(made: Callable[[Any], Any], steps: list[Any]) -> None:
    assert drive(metrics.timer("t")(made)("x"), steps) == drive(made("x"), steps)


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize(
    "made", [functools.partial(async_generator), AsyncGeneratorObject()], ids=["partial", "object"]
)
def test_an_async_generator_of_an_object_or_a_partial_function(made: Callable[[Any], Any], steps: list[Any]) -> None:
    with_timer = asyncio.run(drive_async(metrics.timer("t")(made)("x"), steps))
    assert with_timer == asyncio.run(drive_async(made("x"), steps))


def test_a_class_is_still_called_at_once() -> None:
    assert isinstance(metrics.timer("t")(AsyncObject)(), AsyncObject)


@pytest.mark.parametrize("function", [plain, coroutine, generator, async_generator, old_coroutine])
def test_it_looks_as_without_the_timer(function: Callable[..., Any]) -> None:
    timed = metrics.timer("t")(function)
    for ask in (
        *(inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction),
        *(inspect.signature, lambda each: each.__name__, lambda each: each.__qualname__, lambda each: each.__doc__),
    ):
        assert ask(timed) == ask(function)
    made, expected = timed("x"), function("x")
    assert inspect.isawaitable(made) == inspect.isawaitable(expected)
    for each in (made, expected):
        if isinstance(each, Coroutine):
            each.close()


@pytest.mark.parametrize(
    "made",
    [
        property(plain),
        functools.cached_property(plain),
        functools.partialmethod(plain, "p"),
        functools.singledispatchmethod(plain),
        "plain",
    ],
)
def test_what_cannot_be_called_is_refused_when_it_is_decorated(made: Any) -> None:
    with pytest.raises(TypeError, match=f"not a {type(made).__name__}: put @timer below"):
        metrics.timer("t")(made)


def test_a_function_with_a_cache_keeps_the_methods_of_the_cache() -> None:
    timed = metrics.timer("t")(functools.lru_cache(maxsize=7)(plain))
    assert (timed("p"), timed("p")) == ("p", "p")
    assert (timed.cache_info().hits, timed.cache_parameters()["maxsize"]) == (1, 7)
    timed.cache_clear()
    assert timed.cache_info().currsize == 0
