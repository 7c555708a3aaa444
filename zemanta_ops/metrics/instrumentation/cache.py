"""Django's cache: hits and misses per alias, and how long each operation took.

The methods of each configured backend's class are wrapped where they are, so that a cache keeps its class, and
arguments, results and exceptions are its own. What other code puts around a method, on the object or on the class,
before or after, calls the wrapped one. An operation that a backend builds from others (``get_many`` from ``get``,
``aget`` from ``get``) is measured once, as the operation that was called. What the application does inside its own
``default`` of ``get_or_set``, or in a task or thread that it starts there, is an operation of its own.

Whether a key was found is read from the result: ``get`` has found something unless it returns its ``default``. So a
stored ``None`` counts as a miss if the default is None too, and calls with arguments of a backend's own are not counted
as lookups.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from contextvars import ContextVar
from functools import partial, wraps
from inspect import getattr_static
from types import FunctionType
from typing import Any

from django.conf import settings
from django.core.cache import CacheHandler, caches
from django.utils.module_loading import import_string

from zemanta_ops.metrics.catalog import CACHE_DURATION, CACHE_LOOKUPS, CACHE_OPERATIONS
from zemanta_ops.metrics.clock import perf_counter
from zemanta_ops.metrics.instrumentation.emitting import Emitter
from zemanta_ops.metrics.instrumentation.patching import Method, Patch

_ALIAS = "_zemanta_ops_alias"
_WRAPPED = "_zemanta_ops_wraps"
_COUNTED = frozenset({"get", "get_many", "get_or_set"})

_durations = Emitter(CACHE_DURATION)
_lookups = Emitter(CACHE_LOOKUPS)


class _Operation:
    """One operation while it runs, and whether its lookups are still to be counted."""

    __slots__ = ("_key", "_outer", "_started", "alias", "cache", "counts", "is_over", "name")

    def __init__(self, cache: Any, alias: str, name: str, key: Any) -> None:
        self.cache = cache
        self.alias = alias
        self.name = name
        self.counts = name in _COUNTED
        self.is_over = False
        self._key = key

    def contains(self, cache: Any, key: Any) -> bool:
        """Return whether another operation is a part of this one.

        Of a context that was copied while this one ran, it is not. Only ``get_or_set`` calls code of the application:
        what is done there with another key is not a part either.
        """
        return cache is self.cache and not self.is_over and (self.name != "get_or_set" or _is_same(key, self._key))

    def __enter__(self) -> None:
        self._outer = _running.get()
        _running.set(self)
        self._started = perf_counter()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        elapsed = (perf_counter() - self._started) * 1000.0
        # Not reset(token), because a coroutine that is discarded may end in another context.
        self.is_over = True
        _running.set(self._outer)
        _durations.put(elapsed, self.alias, self.name, "error" if kind else "ok")

    def count(self, hits: int, misses: int) -> None:
        """Count keys that were found and not found."""
        if hits:
            _lookups.put(hits, self.alias, "hit")
        if misses:
            _lookups.put(misses, self.alias, "miss")


_running: ContextVar[_Operation | None] = ContextVar("zemanta_ops_running_cache_operation", default=None)


def _is_same(key: Any, other: Any) -> bool:
    try:
        return bool(key == other)
    except Exception:  # noqa: BLE001  (whatever a key's comparison does)
        return False


def _begin(
    cache: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[_Operation | None, _Operation | None]:
    """Return the operation to time and the one whose lookups this call may count; None for none."""
    alias, outer = getattr(cache, _ALIAS, None), _running.get()
    if not _PATCH.active or alias is None:
        return None, None
    key = args[0] if args else kwargs.get("key")
    if outer is None or not outer.contains(cache, key):
        operation = _Operation(cache, alias, name, key)
        return operation, operation
    if outer.name != "get_or_set" or name != "get" or not outer.counts:
        return None, None
    # The first lookup of get_or_set shows whether the key was there.
    outer.counts = False
    return None, outer


def _wrap_sync(original: Method, name: str) -> Method:
    @wraps(original)
    def method(cache: Any, /, *args: Any, **kwargs: Any) -> Any:
        timed, counted = _begin(cache, name, args, kwargs)
        if counted is None:
            return original(cache, *args, **kwargs)
        args, kept = _keep_keys(name, args, kwargs)
        if timed is None:
            result = original(cache, *args, **kwargs)
        else:
            with timed:
                result = original(cache, *args, **kwargs)
        _count_lookups(counted, name, args, kwargs, kept, result)
        return result

    return method


def _wrap_async(original: Method, name: str) -> Method:
    @wraps(original)
    async def method(cache: Any, /, *args: Any, **kwargs: Any) -> Any:
        timed, counted = _begin(cache, name, args, kwargs)
        if counted is None:
            return await original(cache, *args, **kwargs)
        args, kept = _keep_keys(name, args, kwargs)
        if timed is None:
            result = await original(cache, *args, **kwargs)
        else:
            with timed:
                result = await original(cache, *args, **kwargs)
        _count_lookups(counted, name, args, kwargs, kept, result)
        return result

    return method


class _Keys:
    """The keys that an iterator gives, while the backend takes them; a collection can be read again instead."""

    def __init__(self, keys: Iterator[Any]) -> None:
        self._keys = keys
        self.seen: list[Any] = []

    def __iter__(self) -> Iterator[Any]:
        for key in self._keys:
            self.seen.append(key)
            yield key


def _keep_keys(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], Iterable[Any]]:
    """Return the arguments, and the keys that ``get_many`` is asked for."""
    if name != "get_many":
        return args, ()
    keys = args[0] if args else kwargs.get("keys", ())
    if not isinstance(keys, Iterator):
        return args, keys
    kept = _Keys(keys)
    if not args:
        kwargs["keys"] = iter(kept)
        return args, kept.seen
    return (iter(kept), *args[1:]), kept.seen


def _count_lookups(
    operation: _Operation, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], keys: Iterable[Any], result: Any
) -> None:
    """Count what was found; never raises."""
    try:
        if name == "get_many" and isinstance(result, dict):
            operation.count(len(result), max(len(set(keys)) - len(result), 0))
        elif name == "get" and len(args) <= 3 and not set(kwargs) - {"key", "default", "version"}:
            default = args[1] if len(args) > 1 else kwargs.get("default")
            hit = result is not default
            operation.count(int(hit), int(not hit))
    except Exception:  # noqa: BLE001  (keys that cannot be hashed, or whatever a backend's result does)
        return


def _wrap_class(backend: type[Any]) -> None:
    """Wrap the operations of a backend's class, once; a class that refuses is not measured."""
    for operation in CACHE_OPERATIONS:
        # The result of the second is awaited, whatever kind of function a backend has for it.
        for name, wrap in ((operation, _wrap_sync), (f"a{operation}", _wrap_async)):
            original = _find_method(backend, name)
            if original is not None and not hasattr(vars(backend).get(name), _WRAPPED):
                method = wrap(original, operation)
                setattr(method, _WRAPPED, original)
                with suppress(TypeError, AttributeError):
                    setattr(backend, name, method)


def _find_method(backend: type[Any], name: str) -> Method | None:
    """Return a method of a class as a function of the object and the arguments; None if it is not a method."""
    found = getattr_static(backend, name, None)
    if found is None or isinstance(found, FunctionType):
        return found
    if isinstance(found, (staticmethod, classmethod)) or not hasattr(found, "__get__"):
        return None

    @wraps(getattr(backend, name))
    def method(cache: Any, /, *args: Any, **kwargs: Any) -> Any:
        return found.__get__(cache, type(cache))(*args, **kwargs)

    return method


def _measure_cache(cache: Any, alias: str) -> Any:
    with suppress(AttributeError, TypeError):
        setattr(cache, _ALIAS, alias)
        _wrap_class(type(cache))
        _wrap_attributes(cache)
    return cache


def _wrap_attributes(cache: Any) -> None:
    """Wrap what other code has put on the object before its class was wrapped, because that calls the original."""
    for operation in CACHE_OPERATIONS:
        for name in (operation, f"a{operation}"):
            put = vars(cache).get(name)
            if put is not None and not _calls_wrapped(put):
                setattr(cache, name, _wrap_attribute(cache, put, operation, is_async=name != operation))


def _wrap_attribute(cache: Any, put: Method, operation: str, *, is_async: bool) -> Method:
    """Return ``put``, which has no parameter for the cache, measured."""
    if is_async:

        async def call_async(_cache: Any, /, *args: Any, **kwargs: Any) -> Any:
            return await put(*args, **kwargs)

        bound = partial(_wrap_async(call_async, operation), cache)
    else:

        def call(_cache: Any, /, *args: Any, **kwargs: Any) -> Any:
            return put(*args, **kwargs)

        bound = partial(_wrap_sync(call, operation), cache)
    setattr(bound, _WRAPPED, put)
    return bound


def _calls_wrapped(put: Any) -> bool:
    """Return whether a wrapper on the object goes down to a method that is wrapped already."""
    while put is not None:
        if hasattr(put, _WRAPPED):
            return True
        put = getattr(put, "__wrapped__", None)
    return False


def _create_connection(original: Method, handler: CacheHandler, /, *args: Any, **kwargs: Any) -> Any:
    alias = str(args[0] if args else kwargs.get("alias"))
    return _measure_cache(original(handler, *args, **kwargs), alias)


_PATCH = Patch(CacheHandler, "create_connection", _create_connection)


def install() -> None:
    """Measure every configured cache, also those that are open."""
    _PATCH.apply()
    for configured in settings.CACHES.values():
        # Before other code wraps the methods of an object, so that it wraps ours.
        with suppress(Exception):
            _wrap_class(import_string(configured["BACKEND"]))
    opened = getattr(caches, "_connections", None)
    for alias in caches:
        if hasattr(opened, alias):
            _measure_cache(caches[alias], alias)


def uninstall() -> None:
    """Stop measuring; what is wrapped only calls the original from now on."""
    _PATCH.remove()
