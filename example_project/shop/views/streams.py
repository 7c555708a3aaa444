"""Responses that are sent piece by piece, sync and async."""

import asyncio
from collections.abc import AsyncIterator, Iterator

from django.http import HttpRequest, StreamingHttpResponse

from example_project.shop.models import PrintJob

TICKS = 5
TICK_SECONDS = 0.02


def export(_request: HttpRequest) -> StreamingHttpResponse:
    """Export all jobs as CSV, row by row, without holding them all."""
    return StreamingHttpResponse(_rows(), content_type="text/csv; charset=utf-8")


async def ticker(_request: HttpRequest) -> StreamingHttpResponse:
    """Send a few ticks, a moment apart."""
    return StreamingHttpResponse(_ticks(), content_type="text/plain; charset=utf-8")


def _rows() -> Iterator[str]:
    yield "number,pages,state\n"
    for pk, pages, state in PrintJob.objects.values_list("pk", "pages", "state").iterator():
        yield f"{pk},{pages},{state}\n"


async def _ticks() -> AsyncIterator[str]:
    for tick in range(1, TICKS + 1):
        yield f"tick {tick}\n"
        await asyncio.sleep(TICK_SECONDS)
