"""Outgoing HTTP calls through requests, httpx and urllib3, if they are installed.

A call is timed once, by the outermost library: a call of requests is not counted again by urllib3, which it uses, and
the redirects that requests or httpx follow are part of it. The time ends when the library returns the response.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from zemanta_ops.metrics.catalog import HTTP_CLIENT_DURATION
from zemanta_ops.metrics.client import default_client
from zemanta_ops.metrics.clock import perf_counter
from zemanta_ops.metrics.instrumentation.patching import Patch

UNKNOWN = "unknown"
_DEFAULT_PORTS = {"http": 80, "https": 443}
# The call that this code is part of, as one library calls another.
_outer: ContextVar[_Call | None] = ContextVar("zemanta_ops_outer_http_call", default=None)


class _Call:
    """One call; ``status`` is ``error`` until there is a response."""

    def __init__(self, peer: str, source: object) -> None:
        self.peer = peer
        self.source = source
        self.status = "error"
        self.error: str | None = None
        self.is_over = False
        self.owner = _find_owner()

    def contains(self, inner: _Call) -> bool:
        """Return whether another call is part of this one: a redirect of the same session, or the library below.

        A call to another peer is one of its own, such as that of a hook which fetches a token. So is the call of a task
        or thread that was started meanwhile, although it has a copy of this context.
        """
        is_part = inner.source is self.source or inner.peer == self.peer or _is_relayed(inner.source)
        return is_part and not self.is_over and self.owner == inner.owner


def _is_relayed(source: object) -> bool:
    """Return whether a pool of urllib3 sends to a proxy, whose address is not that of the peer."""
    proxy = getattr(source, "proxy", None)
    return proxy is not None and getattr(source, "host", None) == getattr(proxy, "host", None)


def _find_owner() -> tuple[int, int]:
    """Return what runs this code: the thread, and the task if there is one."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    return threading.get_ident(), id(task)


def _format_peer(scheme: str | None, host: str | None, port: int | None) -> str:
    plain = port is None or port == _DEFAULT_PORTS.get(scheme or "")
    return (host or UNKNOWN) if plain else f"{host}:{port}"


def _parse_peer(url: str) -> str:
    parts = urlsplit(url)
    return _format_peer(parts.scheme, parts.hostname, parts.port)


def _read(value: Callable[[], Any]) -> str:
    """Return what a call or its response is asked for, as text; ``unknown`` if it has no such thing. Never raises."""
    try:
        found = value()
        return found.decode() if isinstance(found, bytes) else str(found)
    except Exception:  # noqa: BLE001  (adapters, transports and test doubles need not give what the libraries do)
        return UNKNOWN


@contextmanager
def _time_call(method: str, peer: str, source: object) -> Iterator[_Call]:
    call, outer = _Call(peer, source), _outer.get()
    if outer is not None and outer.contains(call):
        yield call
        return
    _outer.set(call)
    started = perf_counter()
    try:
        yield call
    except BaseException as error:
        call.error = type(error).__name__
        raise
    finally:
        # Not reset(token), because a coroutine that is discarded may end in another context.
        call.is_over = True
        _outer.set(outer)
        tags = {"method": method.upper(), "peer": peer, "status": call.status, "error": call.error}
        default_client.timing(HTTP_CLIENT_DURATION.name, perf_counter() - started, **tags)


def _send_with_requests(original: Callable[..., Any], session: Any, /, *args: Any, **kwargs: Any) -> Any:
    request = args[0] if args else kwargs.get("request")
    if request is None:
        return original(session, *args, **kwargs)
    method, peer = _read(lambda: request.method or "GET"), _read(lambda: _parse_peer(request.url or ""))
    with _time_call(method, peer, session) as call:
        response = original(session, *args, **kwargs)
        call.status = _read(lambda: response.status_code)
        return response


def _describe_httpx(request: Any) -> tuple[str, str]:
    """Return the method and the peer."""
    return _read(lambda: request.method), _read(
        lambda: _format_peer(request.url.scheme, request.url.host, request.url.port)
    )


def _send_with_httpx(original: Callable[..., Any], session: Any, /, *args: Any, **kwargs: Any) -> Any:
    request = args[0] if args else kwargs.get("request")
    if request is None:
        return original(session, *args, **kwargs)
    with _time_call(*_describe_httpx(request), session) as call:
        response = original(session, *args, **kwargs)
        call.status = _read(lambda: response.status_code)
        return response


async def _send_with_async_httpx(original: Callable[..., Any], session: Any, /, *args: Any, **kwargs: Any) -> Any:
    request = args[0] if args else kwargs.get("request")
    if request is None:
        return await original(session, *args, **kwargs)
    with _time_call(*_describe_httpx(request), session) as call:
        response = await original(session, *args, **kwargs)
        call.status = _read(lambda: response.status_code)
        return response


def _open_with_urllib3(original: Callable[..., Any], pool: Any, /, *args: Any, **kwargs: Any) -> Any:
    method = _read(lambda: args[0] if args else kwargs.get("method", ""))
    with _time_call(method, _read(lambda: _format_peer(pool.scheme, pool.host, pool.port)), pool) as call:
        response = original(pool, *args, **kwargs)
        call.status = _read(lambda: response.status)
        return response


@cache
def _list_patches() -> tuple[Patch, ...]:
    patches: list[Patch] = []
    if find_spec("urllib3"):
        from urllib3.connectionpool import HTTPConnectionPool

        patches.append(Patch(HTTPConnectionPool, "urlopen", _open_with_urllib3))
    if find_spec("requests"):
        from requests import Session

        patches.append(Patch(Session, "send", _send_with_requests))
    if find_spec("httpx"):
        from httpx import AsyncClient, Client

        patches += [Patch(Client, "send", _send_with_httpx), Patch(AsyncClient, "send", _send_with_async_httpx)]
    return tuple(patches)


def install() -> None:
    """Time the calls of each installed library."""
    for patch in _list_patches():
        patch.apply()


def uninstall() -> None:
    """Stop, and put back the libraries' methods."""
    for patch in _list_patches():
        patch.remove()
