"""Outgoing HTTP of requests, httpx and urllib3, whichever are installed: the timers of internal API calls.

A call is timed once, by the outermost library: a call of requests is not counted again by the urllib3 beneath it, and
the redirects that requests or httpx follow are part of it. Time ends when the library hands the response over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.util import find_spec
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from zemanta_ops.metrics.catalog import HTTP_CLIENT_DURATION
from zemanta_ops.metrics.client import default_client
from zemanta_ops.metrics.instrumentation.patching import Patch

_DEFAULT_PORTS = {"http": 80, "https": 443}
_inside: ContextVar[bool] = ContextVar("zemanta_ops_inside_http_call", default=False)


class _Call:
    """What is known of one call; ``status`` stays ``error`` until a response has come."""

    status: int | str = "error"
    error: str | None = None


def _peer(scheme: str | None, host: str | None, port: int | None) -> str:
    plain = port is None or port == _DEFAULT_PORTS.get(scheme or "")
    return (host or "unknown") if plain else f"{host}:{port}"


def _peer_of(url: str) -> str:
    try:
        parts = urlsplit(url)
        return _peer(parts.scheme, parts.hostname, parts.port)
    except ValueError:
        return "unknown"


@contextmanager
def _timed(method: str, peer: str) -> Iterator[_Call]:
    call = _Call()
    if _inside.get():
        yield call
        return
    _inside.set(True)
    started = perf_counter()
    try:
        yield call
    except BaseException as error:
        call.error = type(error).__name__
        raise
    finally:
        # Not reset(token): a coroutine that is thrown away may end in another context.
        _inside.set(False)
        default_client.timing(
            HTTP_CLIENT_DURATION.name,
            perf_counter() - started,
            method=method.upper(),
            peer=peer,
            status=call.status,
            error=call.error,
        )


def _requests_send(original: Callable[..., Any], session: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
    with _timed(request.method or "GET", _peer_of(request.url or "")) as call:
        response = original(session, request, *args, **kwargs)
        call.status = response.status_code
        return response


def _httpx_send(original: Callable[..., Any], session: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
    with _timed(request.method, _peer(request.url.scheme, request.url.host, request.url.port)) as call:
        response = original(session, request, *args, **kwargs)
        call.status = response.status_code
        return response


async def _httpx_async_send(original: Callable[..., Any], session: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
    with _timed(request.method, _peer(request.url.scheme, request.url.host, request.url.port)) as call:
        response = await original(session, request, *args, **kwargs)
        call.status = response.status_code
        return response


def _urllib3_urlopen(original: Callable[..., Any], pool: Any, method: str, *args: Any, **kwargs: Any) -> Any:
    with _timed(method, _peer(pool.scheme, pool.host, pool.port)) as call:
        response = original(pool, method, *args, **kwargs)
        call.status = response.status
        return response


@cache
def _patches() -> tuple[Patch, ...]:
    patches: list[Patch] = []
    if find_spec("urllib3"):
        from urllib3.connectionpool import HTTPConnectionPool

        patches.append(Patch(HTTPConnectionPool, "urlopen", _urllib3_urlopen))
    if find_spec("requests"):
        from requests import Session

        patches.append(Patch(Session, "send", _requests_send))
    if find_spec("httpx"):
        from httpx import AsyncClient, Client

        patches += [Patch(Client, "send", _httpx_send), Patch(AsyncClient, "send", _httpx_async_send)]
    return tuple(patches)


def install() -> None:
    """Time the calls of each library that is installed."""
    for patch in _patches():
        patch.apply()


def uninstall() -> None:
    """Stop, and put the libraries' methods back."""
    for patch in _patches():
        patch.remove()
