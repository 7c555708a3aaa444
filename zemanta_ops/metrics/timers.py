"""Times a block or a function, also if it raises."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import AsyncGenerator, Callable, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from asgiref.sync import iscoroutinefunction

from zemanta_ops.metrics.clock import perf_counter

if TYPE_CHECKING:
    from typing_extensions import Self

F = TypeVar("F", bound=Callable[..., Any])


class Timer:
    """A context manager and decorator; ``emit`` gets the seconds.

    The decorator keeps name and signature. It times plain functions until they return, coroutine functions until they
    have been awaited, and generator functions from the first item to the end. The context manager may be entered again
    inside its own block, but not by several threads or tasks at once; the decorator may.
    """

    def __init__(self, emit: Callable[[float], None]) -> None:
        self._emit = emit
        self._starts: list[float] = []

    def __enter__(self) -> Self:
        self._starts.append(perf_counter())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._emit(perf_counter() - self._starts.pop())

    def __call__(self, function: F) -> F:
        if isinstance(function, (staticmethod, classmethod)):
            return cast(F, type(function)(self(function.__func__)))
        if not callable(cast(Any, function)):
            kind = type(function).__name__
            raise TypeError(f"timer measures functions, not a {kind}: put @timer below what makes the {kind}")
        wrapper = functools.wraps(function)(self._wrap(function))
        if isinstance(function, functools._lru_cache_wrapper):
            for name in ("cache_info", "cache_clear", "cache_parameters"):
                setattr(wrapper, name, getattr(function, name))
        return cast(F, wrapper)

    def _wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if _is_kind(inspect.isasyncgenfunction, function):
            return self._wrap_async_generator(function)
        if _is_kind(iscoroutinefunction, function):

            async def coroutine(*args: Any, **kwargs: Any) -> Any:
                with Timer(self._emit):
                    return await function(*args, **kwargs)

            return coroutine
        if _is_kind(inspect.isgeneratorfunction, function):
            return self._wrap_generator(function)

        def plain(*args: Any, **kwargs: Any) -> Any:
            with Timer(self._emit):
                return function(*args, **kwargs)

        return plain

    def _wrap_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def generator(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            with Timer(self._emit):
                return (yield from function(*args, **kwargs))

        code = getattr(inspect.unwrap(function), "__code__", None)
        is_awaitable = code is not None and code.co_flags & inspect.CO_ITERABLE_COROUTINE
        return types.coroutine(generator) if is_awaitable else generator

    def _wrap_async_generator(self, function: Callable[..., AsyncGenerator[Any, Any]]) -> Callable[..., Any]:
        async def generator(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            with Timer(self._emit):
                items = function(*args, **kwargs)
                try:
                    item = await items.asend(None)
                    while True:
                        try:
                            sent = yield item
                        except GeneratorExit:
                            await items.aclose()
                            raise
                        except BaseException as error:  # noqa: BLE001  (the generator handles what is thrown into it)
                            item = await items.athrow(error)
                        else:
                            item = await items.asend(sent)
                except StopAsyncIteration:
                    return

        return generator


def _is_kind(ask: Callable[[Any], bool], function: Callable[..., Any]) -> bool:
    """Return whether a function, or the ``__call__`` of an object, is of a kind."""
    return ask(function) or ask(getattr(type(function), "__call__", None))  # noqa: B004  (the function, not whether)
