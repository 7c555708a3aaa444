"""Django's cache: hits and misses per alias, and how long each operation took.

A backend is measured by giving the object a subclass of its own class: it stays an instance of that class, and no
setting has to change. An operation that a backend builds from others (``get_many`` from ``get``, ``aget`` from ``get``)
is measured once, as what was called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import wraps
from inspect import iscoroutinefunction
from time import perf_counter
from typing import Any

from django.core.cache import CacheHandler, caches
from django.core.cache.backends.base import BaseCache

from zemanta_ops.metrics.catalog import CACHE_DURATION, CACHE_LOOKUPS, CACHE_OPERATIONS
from zemanta_ops.metrics.client import default_client
from zemanta_ops.metrics.instrumentation.patching import Method, Patch

# Given (alias, what the backend returned), counts hits and misses and returns what the caller should see.
Finish = Callable[[str, Any], Any]
Prepared = tuple[tuple[Any, ...], dict[str, Any], Finish]

_MISSING = object()
_subclasses: dict[type[BaseCache], type[BaseCache]] = {}
_busy: ContextVar[BaseCache | None] = ContextVar("zemanta_ops_busy_cache", default=None)


def _count(alias: str, hits: int, misses: int) -> None:
    if hits:
        default_client.incr(CACHE_LOOKUPS.name, hits, alias=alias, result="hit")
    if misses:
        default_client.incr(CACHE_LOOKUPS.name, misses, alias=alias, result="miss")


def _prepare(*args: Any, **kwargs: Any) -> Prepared:
    return args, kwargs, lambda _alias, result: result


def _prepare_get(key: Any, default: Any = None, *args: Any, **kwargs: Any) -> Prepared:
    def finish(alias: str, found: Any) -> Any:
        hit = found is not _MISSING
        _count(alias, hit, not hit)
        return found if hit else default

    return (key, _MISSING, *args), kwargs, finish


def _prepare_get_many(keys: Iterable[Any], *args: Any, **kwargs: Any) -> Prepared:
    wanted = list(keys)

    def finish(alias: str, found: dict[Any, Any]) -> dict[Any, Any]:
        _count(alias, len(found), len(set(wanted)) - len(found))
        return found

    return (wanted, *args), kwargs, finish


_PREPARATIONS: dict[str, Callable[..., Prepared]] = {"get": _prepare_get, "get_many": _prepare_get_many}


@contextmanager
def _timed(cache: BaseCache, alias: str, operation: str) -> Iterator[None]:
    outcome = "error"
    outer = _busy.get()
    _busy.set(cache)
    started = perf_counter()
    try:
        yield
        outcome = "ok"
    finally:
        # Not reset(token): a coroutine that is thrown away may end in another context.
        _busy.set(outer)
        default_client.timing(
            CACHE_DURATION.name, perf_counter() - started, alias=alias, operation=operation, outcome=outcome
        )


def _measured(original: Method, operation: str) -> Method:
    prepare = _PREPARATIONS.get(operation, _prepare)

    def passes(cache: Any) -> bool:
        return not _PATCH.active or _busy.get() is cache

    @wraps(original)
    def method(cache: Any, *args: Any, **kwargs: Any) -> Any:
        if passes(cache):
            return original(cache, *args, **kwargs)
        args, kwargs, finish = prepare(*args, **kwargs)
        with _timed(cache, cache.zemanta_ops_alias, operation):
            return finish(cache.zemanta_ops_alias, original(cache, *args, **kwargs))

    @wraps(original)
    async def async_method(cache: Any, *args: Any, **kwargs: Any) -> Any:
        if passes(cache):
            return await original(cache, *args, **kwargs)
        args, kwargs, finish = prepare(*args, **kwargs)
        with _timed(cache, cache.zemanta_ops_alias, operation):
            return finish(cache.zemanta_ops_alias, await original(cache, *args, **kwargs))

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
