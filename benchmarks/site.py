"""The smallest Django site that resolves a URL and answers, for the benchmarks."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import django
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import include, path


def article(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer a constant."""
    return HttpResponse("ok")


async def article_async(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer a constant, natively async."""
    return HttpResponse("ok")


patterns = (
    [path("article/<int:pk>/", article, name="article"), path("async/<int:pk>/", article_async, name="async")],
    "shop",
)
urlpatterns = [path("shop/", include(patterns, namespace="shop"))]


def setup(port: int, **metrics: Any) -> None:
    """Configure Django, with every package of the peers reporting to this UDP port.

    The flusher waits, so that a measurement decides when it works; ``metrics`` are further settings of METRICS.
    """
    settings.configure(
        SECRET_KEY="benchmark-only",
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["*"],
        MIDDLEWARE=[],
        LOGGING_CONFIG=None,
        ZEMANTA_OPS={
            "METRICS": {"ENABLED": True, "PORT": port, "FLUSH_SECONDS": 3600.0, "AGENT_INTERVAL": 3600.0, **metrics}
        },
        STATSD_HOST="127.0.0.1",
        STATSD_PORT=port,
    )
    django.setup()


def wsgi(middleware: list[str]) -> Callable[[], None]:
    """Return a function that answers one request under WSGI, through these middlewares."""
    from django.core.handlers.wsgi import WSGIHandler

    with override_settings(MIDDLEWARE=middleware):
        handler = WSGIHandler()

    def start_response(status: str, headers: Any, exc_info: Any = None, /) -> Callable[[bytes], object]:
        return bytes

    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/shop/article/7/",
        "SCRIPT_NAME": "",
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "QUERY_STRING": "",
        "wsgi.input": io.BytesIO(),
        "wsgi.url_scheme": "http",
    }

    def request() -> None:
        response = handler(dict(environ), start_response)
        assert b"".join(response) == b"ok"
        response.close()

    return request


def asgi(middleware: list[str]) -> Callable[[], Any]:
    """Return a coroutine function that answers one request under ASGI, through these middlewares."""
    from django.core.handlers.asgi import ASGIHandler

    with override_settings(MIDDLEWARE=middleware):
        handler = ASGIHandler()
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/shop/async/7/",
        "query_string": b"",
        "headers": [(b"host", b"testserver")],
        "server": ("testserver", 80),
        "scheme": "http",
        "http_version": "1.1",
    }

    async def request() -> None:
        import asyncio

        incoming = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> dict[str, Any]:
            if incoming:
                return incoming.pop()
            await asyncio.Event().wait()
            return {}

        async def send(message: dict[str, Any]) -> None:
            pass

        await handler(dict(scope), receive, send)  # type: ignore[arg-type]

    return request
