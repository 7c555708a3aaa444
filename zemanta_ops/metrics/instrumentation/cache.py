"""Django's cache: hits and misses per alias, and how long each operation took.

A backend is measured by changing the class of its object to a subclass: the object is still an instance of its own
class, and no setting has to change. An operation that a backend builds from others (``get_many`` from ``get``, ``aget``
from ``get``) is measured once, as the operation that was called.
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

# A prepared read: positional and keyword arguments for the backend, and what the finishing function needs to know.
Prepared = tuple[tuple[Any, ...], dict[str, Any], Any]
Prepare = Callable[..., Prepared]
Finish = Callable[[str, Any, Any], Any]

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


_READS: dict[str, tuple[Prepare, Finish]] = {
    "get": (_prepare_get, _finish_get),
    "get_many": (_prepare_get_many, _finish_get_many),
}


class _OperationTimer:
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
        # Not reset(token), because a coroutine that is discarded may end in another context.
        _busy.set(self._outer)
        _durations.put(elapsed, self._cache.zemanta_ops_alias, self._operation, "error" if kind else "ok")


def _wrap_method(original: Method, operation: str) -> Method:
    wrap = _wrap_async if iscoroutinefunction(original) else _wrap_sync
    return wrap(original, operation, *_READS.get(operation, (None, None)))


def _wrap_sync(original: Method, operation: str, prepare: Prepare | None, finish: Finish | None) -> Method:
    @wraps(original)
    def method(cache: Any, *args: Any, **kwargs: Any) -> Any:
        if not _PATCH.active or _busy.get() is cache:
            return original(cache, *args, **kwargs)
        asked = None
        if prepare:
            args, kwargs, asked = prepare(*args, **kwargs)
        with _OperationTimer(cache, operation):
            result = original(cache, *args, **kwargs)
        return finish(cache.zemanta_ops_alias, result, asked) if finish else result

    return method


def _wrap_async(original: Method, operation: str, prepare: Prepare | None, finish: Finish | None) -> Method:
    @wraps(original)
    async def method(cache: Any, *args: Any, **kwargs: Any) -> Any:
        if not _PATCH.active or _busy.get() is cache:
            return await original(cache, *args, **kwargs)
        asked = None
        if prepare:
            args, kwargs, asked = prepare(*args, **kwargs)
        with _OperationTimer(cache, operation):
            result = await original(cache, *args, **kwargs)
        return finish(cache.zemanta_ops_alias, result, asked) if finish else result

    return method


def _make_subclass(backend: type[BaseCache]) -> type[BaseCache]:
    methods = {
        name: _wrap_method(getattr(backend, name), operation)
        for operation in CACHE_OPERATIONS
        for name in (operation, f"a{operation}")
    }
    return type(backend.__name__, (backend,), {"__module__": backend.__module__, **methods})


def _measure_cache(cache: Any, alias: str) -> Any:
    if not hasattr(cache, "zemanta_ops_alias"):
        cache.zemanta_ops_alias = alias
        backend = type(cache)
        if backend not in _subclasses:
            _subclasses[backend] = _make_subclass(backend)
        # A TypeError means that the backend's objects have another memory layout: it is not measured.
        with suppress(TypeError):
            cache.__class__ = _subclasses[backend]
    return cache


def _create_connection(original: Method, handler: CacheHandler, alias: str) -> Any:
    return _measure_cache(original(handler, alias), alias)


_PATCH = Patch(CacheHandler, "create_connection", _create_connection)


def install() -> None:
    """Measure every cache that this process opens, and those that this thread has open."""
    _PATCH.apply()
    opened = getattr(caches, "_connections", None)
    for alias in caches:
        if hasattr(opened, alias):
            _measure_cache(caches[alias], alias)


def uninstall() -> None:
    """Stop measuring, also the caches that are open."""
    _PATCH.remove()
