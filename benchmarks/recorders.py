"""Middlewares for packages that have none: a clock around the request, and one function that records it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.test import override_settings
from django.utils.decorators import sync_and_async_middleware

Record = Callable[[Any, Any, float], object]
BUCKETS = (25, 50, 100, 250, 500, 1000, 2500, 5000)


def register(name: str, record: Record) -> str:
    """Make a middleware of ``record(request, response, seconds)``; return the dotted path for MIDDLEWARE."""

    @sync_and_async_middleware
    def factory(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
        async def answer_async(request: Any) -> Any:
            start = perf_counter()
            response = await get_response(request)
            record(request, response, perf_counter() - start)
            return response

        def answer(request: Any) -> Any:
            start = perf_counter()
            response = get_response(request)
            record(request, response, perf_counter() - start)
            return response

        return answer_async if iscoroutinefunction(get_response) else answer

    setattr(sys.modules[__name__], name, factory)
    return f"{__name__}.{name}"


@sync_and_async_middleware
def with_buckets(get_response: Callable[[Any], Any]) -> Any:
    """Return this package's middleware with BUCKETS on."""
    from zemanta_ops.metrics.middleware import RequestMetricsMiddleware
    from zemanta_ops.setting import read_section

    with override_settings(ZEMANTA_OPS={"METRICS": {**read_section("METRICS"), "BUCKETS": BUCKETS}}):
        return RequestMetricsMiddleware(get_response)
