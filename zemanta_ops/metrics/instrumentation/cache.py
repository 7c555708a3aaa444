"""Django's cache: hits and misses per alias, and how long each operation took.

A backend is measured by giving the object a subclass of its own class: it stays an instance of that class, and no
setting has to change. An operation that a backend builds from others (``get_many`` from ``get``, ``aget`` from ``get``)
is measured once, as what was called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from contextvars import ContextVar
from functools import wraps
from inspect import iscoroutinefunction
from time import perf_counter
from typing import Any

from django.core.cache import CacheHandler, caches
from django.core.cache.backends.base import BaseCache

from zemanta_ops.metrics.catalog import CACHE_DURATION, CACHE_LOOKUPS, CACHE_OPERATIONS
from zemanta_ops.metrics.instrumentation.emitting import Emitter
from zemanta_ops.metrics.instrumentation.patching import Method, Patch

# What a read asks for, from its arguments: (arguments for the backend, what its answer is held against).
Prepared = tuple[tuple[Any, ...], dict[str, Any], Any]

_MISSING = object()
_subclasses: dict[type[BaseCache], type[BaseCache]] = {}
_busy: ContextVar[BaseCache | None] = ContextVar("zemanta_ops_busy_cache", default=None)
_durations = Emitter(CACHE_DURATION)
_lookups = Emitter(CACHE_LOOKUPS)


def _prepare_get(key: Any, default: Any = None, *args: Any, **kwargs: Any) -> Prepared:
    return (key, _MISSING, *args), kwargs, default


def _finish_get(alias: str, found: Any, default: Any) -> Any:
    hit = found is not _MISSING
    _lookups.put(1, alias, "hit" if hit else "miss")
    return found if hit else default


def _prepare_get_many(keys: Iterable[Any], *args: Any, **kwargs: Any) -> Prepared:
    wanted = list(keys)
    return (wanted, *args), kwargs, wanted


def _finish_get_many(alias: str, found: dict[Any, Any], wanted: list[Any]) -> dict[Any, Any]:
    misses = len(set(wanted)) - len(found)
    if found:
        _lookups.put(len(found), alias, "hit")
    if misses:
        _lookups.put(misses, alias, "miss")
    return found


_READS: dict[str, tuple[Callable[..., Prepared], Callable[[str, Any, Any], Any]]] = {
    "get": (_prepare_get, _finish_get),
    "get_many": (_prepare_get_many, _finish_get_many),
}


class _Timed:
    """Times one operation, and marks its cache as busy."""

    __slots__ = ("_cache", "_operation", "_outer", "_started")

    def __init__(self, cache: Any, operation: str) -> None:
        self._cache = cache
        self._operation = operation

    def __enter__(self) -> None:
        self._outer = _busy.get()
        _busy.set(self._cache)
        self._started = perf_counter()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        elapsed = (perf_counter() - self._started) * 1000.0
        # Not reset(token): a coroutine that is thrown away may end in another context.
        _busy.set(self._outer)
        _durations.put(elapsed, self._cache.zemanta_ops_alias, self._operation, "error" if kind else "ok")


def _measured(original: Method, operation: str) -> Method:
    prepare, finish = _READS.get(operation, (None, None))

    @wraps(original)
    def method(cache: Any, *args: Any, **kwargs: Any) -> Any:
        if not _PATCH.active or _busy.get() is cache:
            return original(cache, *args, **kwargs)
        asked = None
        if prepare:
            args, kwargs, asked = prepare(*args, **kwargs)
        with _Timed(cache, operation):
            result = original(cache, *args, **kwargs)
        return finish(cache.zemanta_ops_alias, result, asked) if finish else result

    @wraps(original)
    async def async_method(cache: Any, *args: Any, **kwargs: Any) -> Any:
        if not _PATCH.active or _busy.get() is cache:
            return await original(cache, *args, **kwargs)
        asked = None
        if prepare:
            args, kwargs, asked = prepare(*args, **kwargs)
        with _Timed(cache, operation):
            result = await original(cache, *args, **kwargs)
        return finish(cache.zemanta_ops_alias, result, asked) if finish else result

    return async_method if iscoroutinefunction(original) else method


def _subclass(backend: type[BaseCache]) -> type[BaseCache]:
    methods = {
        name: _measured(getattr(backend, name), operation)
        for operation in CACHE_OPERATIONS
        for name in (operation, f"a{operation}")
    }
    return type(backend.__name__, (backend,), {"__module__": backend.__module__, **methods})


def _measure(cache: Any, alias: str) -> Any:
    if not hasattr(cache, "zemanta_ops_alias"):
        cache.zemanta_ops_alias = alias
        backend = type(cache)
        if backend not in _subclasses:
            _subclasses[backend] = _subclass(backend)
        # A backend whose objects have another layout in memory stays as it is, and is not measured.
        with suppress(TypeError):
            cache.__class__ = _subclasses[backend]
    return cache


def _create_connection(original: Method, handler: CacheHandler, alias: str) -> Any:
    return _measure(original(handler, alias), alias)


_PATCH = Patch(CacheHandler, "create_connection", _create_connection)


def install() -> None:
    """Measure every cache that this process opens, and those that this thread has open."""
    _PATCH.apply()
    opened = getattr(caches, "_connections", None)
    for alias in caches:
        if hasattr(opened, alias):
            _measure(caches[alias], alias)


def uninstall() -> None:
    """Measure no more; caches that are open go on unmeasured."""
    _PATCH.remove()
