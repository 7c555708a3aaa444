"""A site, an ASGI application and a Celery application that real servers run in the lifecycle tests.

The agent's port and the flush interval come from the environment, as in a container.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator

import django
from celery import Celery
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

from zemanta_ops import metrics

LONG = 120.0
PAUSE = 0.05


def sync_only(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Do nothing, as a middleware that cannot be async."""
    return lambda request: get_response(request)


MIDDLEWARE = ["zemanta_ops.metrics.middleware.RequestMetricsMiddleware"]
if os.environ.get("LIFECYCLE_SYNC_ONLY"):
    MIDDLEWARE.append(f"{__name__}.sync_only")

settings.configure(
    SECRET_KEY="tests-only-not-a-secret",
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["zemanta_ops"],
    MIDDLEWARE=MIDDLEWARE,
)
django.setup()

# Emitted when the module is loaded. With preloading that is in the master: it must be sent once, not by every worker.
metrics.incr("loaded")


def hello(request: HttpRequest) -> HttpResponse:
    """Answer, and count with the application's own metric as well."""
    metrics.incr("hello")
    return HttpResponse("hello", headers={"X-Worker": os.getpid()})


async def hello_async(request: HttpRequest) -> HttpResponse:
    """Answer natively async."""
    metrics.incr("hello")
    return HttpResponse("hello")


async def hanging(request: HttpRequest) -> HttpResponse:
    """Answer when the client is long gone; the log shows when it began, and when Django has cancelled it."""
    print("began", flush=True)
    try:
        await asyncio.sleep(LONG)
    except asyncio.CancelledError:
        print("cancelled", flush=True)
        raise
    return HttpResponse("never")


def streaming(request: HttpRequest) -> StreamingHttpResponse:
    """Answer for as long as somebody reads."""

    def parts() -> Iterator[bytes]:
        for _ in range(int(LONG / PAUSE)):
            yield b"part" * 1000
            time.sleep(PAUSE)

    return StreamingHttpResponse(parts())


async def streaming_async(request: HttpRequest) -> StreamingHttpResponse:
    """Do the same natively async."""

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(int(LONG / PAUSE)):
            yield b"part" * 1000
            await asyncio.sleep(PAUSE)

    return StreamingHttpResponse(parts())


urlpatterns = [
    path("", hello, name="hello"),
    path("async/", hello_async, name="hello-async"),
    path("hang/", hanging, name="hang"),
    path("stream/", streaming, name="stream"),
    path("stream-async/", streaming_async, name="stream-async"),
]
application = get_wsgi_application()
asgi = get_asgi_application()

celery = Celery("lifecycle")
broker = os.environ.get("LIFECYCLE_BROKER", "/nowhere")
celery.conf.update(
    broker_url="filesystem://",
    broker_transport_options={"data_folder_in": broker, "data_folder_out": broker, "control_folder": broker},
    broker_connection_retry_on_startup=True,
    task_ignore_result=True,
)


@celery.task
def work() -> None:
    """Count one."""
    metrics.incr("worked")
