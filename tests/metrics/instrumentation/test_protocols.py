"""What an instrumentation wraps gives, raises and is given the same as without it, whatever protocol it speaks."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterator
from typing import Any

import httpx
import pytest
import requests
from asgiref.sync import SyncToAsync
from django.core.cache.backends.locmem import LocMemCache

from tests.metrics.timed_functions import StopError, drive
from zemanta_ops.metrics.instrumentation import cache, http
from zemanta_ops.metrics.instrumentation.patching import Patch
from zemanta_ops.testing import Recorder

ENDS = (StopError("e"), KeyboardInterrupt(), SystemExit(3), GeneratorExit(), asyncio.CancelledError(), StopIteration(1))


def numbers() -> Iterator[int]:
    yield 1
    yield 2


async def async_numbers() -> AsyncIterator[int]:
    yield 1


class Steps:
    """An awaitable that yields to whoever drives it, and notes what it is sent or thrown."""

    def __await__(self) -> Generator[Any, Any, Any]:
        seen = []
        for _ in range(2):
            try:
                seen.append((yield "waiting"))
            except StopError as error:
                seen.append(repr(error))
        return seen


class Library:
    """Does what it is told to: the methods that instrumentations wrap, of every kind."""

    def plain(self, given: Any) -> Any:
        if isinstance(given, BaseException):
            raise given
        return given

    async def coroutine(self, given: Any) -> Any:
        return [await Steps(), self.plain(given)]

    def returns_awaitable(self, given: Any) -> Awaitable[Any]:
        return self.coroutine(given)


def patched(name: str) -> Any:
    """Return an object one of whose methods is patched as instrumentations do."""

    class Copy(Library):
        pass

    def around(original: Callable[..., Any], library: Any, /, *args: Any, **kwargs: Any) -> Any:
        return original(library, *args, **kwargs)

    async def around_async(original: Callable[..., Any], library: Any, /, *args: Any, **kwargs: Any) -> Any:
        return await original(library, *args, **kwargs)

    Patch(Copy, name, around_async if name == "coroutine" else around).apply()
    return Copy()


class Backend(LocMemCache):
    """Takes its result, or what it is to raise, as the key."""

    def __init__(self) -> None:
        super().__init__("protocols", {})

    def get(self, key: Any, default: Any = None, version: Any = None) -> Any:
        return Library().plain(key)

    async def aget(self, key: Any, default: Any = None, version: Any = None) -> Any:
        return await Library().coroutine(key)

    def aset(self, key: Any, value: Any, timeout: Any = None, version: Any = None) -> Any:
        return Library().coroutine(key)

    aadd: Any = SyncToAsync(lambda self, key, value, timeout=None, version=None: Library().plain(key))
    delete: Any = functools.partialmethod(LocMemCache.delete, version=None)

    @staticmethod
    def touch(key: Any, timeout: Any = None, version: Any = None) -> Any:
        return Library().plain(key)

    @classmethod
    def incr(cls, key: Any, delta: Any = 1, version: Any = None) -> Any:
        return [key, issubclass(cls, Backend)]


def measured() -> Any:
    class Fresh(Backend):
        pass

    return cache._measure_cache(Fresh(), "fresh")


@pytest.fixture(autouse=True)
def installed(captured_metrics: Recorder) -> Iterator[None]:
    cache.install()
    yield
    cache.uninstall()


SYNC: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "a patched method": (lambda: patched("plain").plain, lambda: Library().plain),
    "a patched method that returns an awaitable": (lambda: patched("returns_awaitable").plain, lambda: Library().plain),
    "a cache": (lambda: measured().get, lambda: Backend().get),
}
ASYNC: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "a patched method": (lambda: patched("coroutine").coroutine, lambda: Library().coroutine),
    "a patched method that returns an awaitable": (
        lambda: patched("returns_awaitable").returns_awaitable,
        lambda: Library().returns_awaitable,
    ),
    "a cache": (lambda: measured().aget, lambda: Backend().aget),
    "a cache whose method returns an awaitable": (
        lambda: lambda key: measured().aset(key, 1),
        lambda: lambda key: Backend().aset(key, 1),
    ),
}


@pytest.mark.parametrize("kind", SYNC)
@pytest.mark.parametrize("given", [None, {}, object(), numbers(), async_numbers(), Steps(), NotImplemented, Ellipsis])
def test_a_result_is_the_very_object(kind: str, given: Any) -> None:
    make, _ = SYNC[kind]
    assert make()(given) is given


@pytest.mark.parametrize("kind", SYNC)
@pytest.mark.parametrize("end", ENDS, ids=repr)
def test_what_is_raised_is_the_very_exception(kind: str, end: BaseException) -> None:
    make, _ = SYNC[kind]
    with pytest.raises(type(end)) as caught:
        make()(end)
    assert caught.value is end
    assert end.__context__ is None


@pytest.mark.parametrize("kind", ASYNC)
@pytest.mark.parametrize(
    "steps",
    [
        [None, "a", "b"],
        [None, StopError("in"), "b"],
        [None, "a", KeyError("k")],
        [None, asyncio.CancelledError()],
        [None, "close", "close"],
        ["close"],
        [StopError("early")],
        [None, GeneratorExit()],
        [None, "a", "b", None],
    ],
    ids=repr,
)
def test_a_coroutine_is_driven_as_without(kind: str, steps: list[Any]) -> None:
    make, bare = ASYNC[kind]
    seen = []
    for each in (make, bare):
        coroutine: Coroutine[Any, Any, Any] = each()("given")
        seen.append(drive(coroutine, steps))
        coroutine.close()
    assert seen[0] == seen[1]


def test_a_cache_method_that_is_not_a_coroutine_function_is_timed_until_it_has_been_awaited(
    captured_metrics: Recorder,
) -> None:
    async def use(opened: Any) -> Any:
        waiting = opened.aadd("key", 1)
        captured_metrics.assert_not_emitted("cache.operation.duration")
        return await waiting

    assert asyncio.run(use(measured())) == "key"
    assert [each.tags["operation"] for each in captured_metrics.find("cache.operation.duration")] == ["add"]


def test_methods_of_every_other_kind_work_as_without() -> None:
    opened = measured()
    assert opened.touch("key") == "key"
    assert opened.incr("key") == ["key", True]
    opened.set("key", 1)
    assert (opened.delete("key"), opened.delete("key")) == (True, False)


class Transport(httpx.AsyncBaseTransport, httpx.BaseTransport):
    """Raises what it is told to."""

    def __init__(self, end: BaseException) -> None:
        self._end = end

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        raise self._end

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        raise self._end


class Adapter(requests.adapters.BaseAdapter):
    def __init__(self, end: BaseException) -> None:
        super().__init__()
        self._end = end

    def send(self, *args: Any, **kwargs: Any) -> Any:
        raise self._end

    def close(self) -> None:
        """Nothing is open."""


def call_httpx(end: BaseException) -> None:
    with httpx.Client(transport=Transport(end)) as client:
        client.get("http://127.0.0.1/")


def call_httpx_async(end: BaseException) -> None:
    async def call() -> None:
        async with httpx.AsyncClient(transport=Transport(end)) as client:
            await client.get("http://127.0.0.1/")

    coroutine = call()
    try:
        while True:
            coroutine.send(None)
    except StopIteration:
        return


def call_requests(end: BaseException) -> None:
    with requests.Session() as session:
        session.mount("http://", Adapter(end))
        session.get("http://127.0.0.1/")


@pytest.mark.parametrize("call", [call_httpx, call_httpx_async, call_requests])
@pytest.mark.parametrize(
    "end", [StopError("e"), KeyboardInterrupt(), SystemExit(3), asyncio.CancelledError()], ids=repr
)
def test_an_outgoing_call_raises_what_it_raises_and_is_timed(
    call: Callable[[BaseException], None], end: BaseException, captured_metrics: Recorder
) -> None:
    http.install()
    try:
        with pytest.raises(type(end)) as caught:
            call(end)
    finally:
        http.uninstall()
    assert caught.value is end
    [record] = captured_metrics.find("http.client.duration")
    assert record.tags["error"] == type(end).__name__
