"""Work that outlives its request is counted as outside of it, and leaves nothing behind in it."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory, RequestFactory, override_settings

from zemanta_ops.metrics import catalog
from zemanta_ops.metrics.middleware import RequestMetricsMiddleware
from zemanta_ops.metrics.request.state import REQUEST, RequestState, get_request_state

ON = override_settings(ZEMANTA_OPS={"METRICS": {"INSTRUMENT": ["database"]}})


def query() -> bool:
    """Do as the database instrumentation does; return whether it was counted in a request."""
    state = get_request_state()
    if state is not None:
        state.add(catalog.QUERY_DURATION, 1.0)
    return state is not None


def kept() -> RequestState | None:
    """Return the state that the context still refers to."""
    return REQUEST.get()


@ON
async def test_a_task_that_goes_on_after_the_response() -> None:
    answered = asyncio.Event()
    seen: list[int] = []
    tasks: list[asyncio.Task[None]] = []

    async def background() -> None:
        seen.append(query())
        await answered.wait()
        seen.append(query())
        state = kept()
        assert state is not None
        seen.append(len(state._samples))

    async def view(request: HttpRequest) -> HttpResponse:
        tasks.append(asyncio.create_task(background()))
        await asyncio.sleep(0)
        return HttpResponse()

    await RequestMetricsMiddleware(view)(AsyncRequestFactory().get("/"))
    answered.set()
    await tasks[0]
    assert seen == [True, False, 1]


@ON
async def test_tasks_of_a_group_are_part_of_the_request_that_waits_for_them() -> None:
    seen = []

    async def view(request: HttpRequest) -> HttpResponse:
        async def one() -> None:
            await asyncio.sleep(0)
            seen.append(query())

        await asyncio.gather(one(), one())
        return HttpResponse()

    await RequestMetricsMiddleware(view)(AsyncRequestFactory().get("/"))
    assert seen == [True, True]


@ON
@pytest.mark.parametrize(
    "start",
    [
        lambda work: threading.Thread(target=contextvars.copy_context().run, args=(work,)).start(),
        lambda work: ThreadPoolExecutor(1).submit(contextvars.copy_context().run, work),
    ],
    ids=["thread", "executor"],
)
@pytest.mark.parametrize("outcome", ["response", "error"])
def test_a_thread_with_a_copied_context(start: Callable[[Any], Any], outcome: str) -> None:
    answered, done, seen = threading.Event(), threading.Event(), []

    def work() -> None:
        answered.wait(10)
        seen.append(query())
        done.set()

    def view(request: HttpRequest) -> HttpResponse:
        assert query()
        start(work)
        if outcome == "error":
            raise LookupError
        return HttpResponse()

    try:
        RequestMetricsMiddleware(view)(RequestFactory().get("/"))
    except LookupError:
        assert outcome == "error"
    answered.set()
    assert done.wait(10)
    assert seen == [False]
