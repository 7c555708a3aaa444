"""SIGTERM sends what is queued in each process that serves a site; no middleware hides that a loop serves it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.test import override_settings

from zemanta_ops.metrics import middleware
from zemanta_ops.metrics.client import default_client

MIDDLEWARE = "zemanta_ops.metrics.middleware.RequestMetricsMiddleware"
SYNC_ONLY = f"{__name__}.sync_only"


def sync_only(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Pass requests on; Django runs it, and what is above it, in a thread."""
    return get_response


@pytest.mark.parametrize(
    ("handler", "order", "on_loop"),
    [
        (ASGIHandler, [MIDDLEWARE], True),
        (ASGIHandler, [MIDDLEWARE, SYNC_ONLY], True),
        (ASGIHandler, [SYNC_ONLY, MIDDLEWARE], True),
        (WSGIHandler, [MIDDLEWARE], False),
        (WSGIHandler, [MIDDLEWARE, SYNC_ONLY], False),
    ],
)
def test_sigterm_is_handled_wherever_the_site_is_served(
    handler: Callable[[], Any], order: list[str], on_loop: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[object, bool]] = []
    monkeypatch.setattr(middleware, "flush_at_sigterm", lambda client, on_loop: given.append((client, on_loop)))
    with override_settings(MIDDLEWARE=order):
        handler()
    assert given == [(default_client, on_loop)]
