"""Recording a request never breaks it, and what is remembered of requests is bounded."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory, RequestFactory, override_settings

from zemanta_ops.metrics import catalog
from zemanta_ops.metrics.client import Client, default_client
from zemanta_ops.metrics.middleware import RequestMetricsMiddleware
from zemanta_ops.metrics.options import Options
from zemanta_ops.metrics.request import recorder as recorders
from zemanta_ops.metrics.request.recorder import Patterns, RequestRecorder
from zemanta_ops.metrics.request.state import RequestState, get_request_state
from zemanta_ops.testing import Recorder

INSTRUMENTED = override_settings(ZEMANTA_OPS={"METRICS": {"INSTRUMENT": ["database"]}})


@pytest.fixture
def client() -> Iterator[Client]:
    created = Client(Options(host_tag=None, threads=False, flush_seconds=3600, report_seconds=float("inf")))
    yield created
    created.close()


def answer_sync(view: Callable[[HttpRequest], HttpResponse]) -> HttpResponse:
    response: HttpResponse = RequestMetricsMiddleware(view)(RequestFactory().get("/"))
    return response


def answer_async(view: Callable[[HttpRequest], HttpResponse]) -> HttpResponse:
    async def async_view(request: HttpRequest) -> HttpResponse:
        return view(request)

    response: HttpResponse = asyncio.run(RequestMetricsMiddleware(async_view)(AsyncRequestFactory().get("/")))
    return response


ways = pytest.mark.parametrize("answer", [answer_sync, answer_async])


@pytest.mark.parametrize("failure", [LookupError, RuntimeError, TypeError, UnicodeError, RecursionError])
@pytest.mark.parametrize("status", [200, 500])
@ways
def test_a_request_whose_metrics_cannot_be_recorded_is_answered(
    answer: Callable[..., HttpResponse],
    status: int,
    failure: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object) -> str:
        raise failure

    # Whatever may be wrong with a request.
    monkeypatch.setattr(recorders, "name_request", fail)
    with INSTRUMENTED:
        response = answer(lambda request: HttpResponse("ok", status=status))
    assert (response.content, response.status_code) == (b"ok", status)
    assert [record.message for record in caplog.records if record.name == "zemanta_ops.metrics"] == [
        "The metrics of a request could not be recorded",
        "The instrumentation metrics of a request could not be recorded",
    ]


@ways
def test_the_error_of_a_view_goes_on_if_its_metrics_cannot_be_recorded(
    answer: Callable[..., HttpResponse], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> str:
        raise RuntimeError

    def view(request: HttpRequest) -> HttpResponse:
        raise LookupError("of the view")

    monkeypatch.setattr(recorders, "name_request", fail)
    with pytest.raises(LookupError, match="of the view"):
        answer(view)


def add(states: list[RequestState | None]) -> None:
    """Do as an instrumentation does."""
    states.append(get_request_state())
    if states[-1] is not None:
        states[-1].add(catalog.QUERY_DURATION, 1.0)


def ask_inside(states: list[RequestState | None]) -> None:
    def inner(request: HttpRequest) -> HttpResponse:
        add(states)
        return HttpResponse()

    def outer(request: HttpRequest) -> HttpResponse:
        add(states)
        RequestMetricsMiddleware(inner)(RequestFactory().get("/inner/"))
        add(states)
        return HttpResponse()

    RequestMetricsMiddleware(outer)(RequestFactory().get("/"))


async def ask_inside_async(states: list[RequestState | None]) -> None:
    async def inner(request: HttpRequest) -> HttpResponse:
        add(states)
        return HttpResponse()

    async def outer(request: HttpRequest) -> HttpResponse:
        add(states)
        await RequestMetricsMiddleware(inner)(AsyncRequestFactory().get("/inner/"))
        add(states)
        return HttpResponse()

    await RequestMetricsMiddleware(outer)(AsyncRequestFactory().get("/"))


@pytest.mark.parametrize("ask", [ask_inside, lambda states: asyncio.run(ask_inside_async(states))])
def test_a_request_inside_a_request_leaves_the_outer_one_its_state(
    ask: Callable[[list[RequestState | None]], None], captured_metrics: Recorder
) -> None:
    states: list[RequestState | None] = []
    with INSTRUMENTED:
        ask(states)
    assert states[0] is states[2] is not None
    assert states[1] not in (None, states[0])
    assert [record.value for record in captured_metrics.find(catalog.QUERY_DURATION.name)] == [1.0, 2.0]
    assert get_request_state() is None


def endless_text(request: HttpRequest, response: Any) -> dict[str, Any]:
    return {"user": request.GET["user"]}


def endless_number(request: HttpRequest, response: Any) -> dict[str, Any]:
    return {"user": int(request.GET["user"])}


@pytest.mark.parametrize("hook", [endless_text, endless_number])
def test_what_is_remembered_is_bounded_whatever_a_hook_returns(
    hook: Callable[..., Any], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorders, "MAX_CACHED", 10)
    recorder = RequestRecorder(client, hook=hook, buckets=(50.0,))
    for number in range(100):
        recorder.record(RequestFactory().get("/", {"user": str(number)}), HttpResponse(), 0.0)
        assert len(recorder._series) <= 10
        assert len(recorder._buckets) <= 10
    client.flush()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (asyncio.CancelledError(), "499"),
        # What a thread gets, depending on the version of asgiref.
        (concurrent.futures.CancelledError(), "499"),
        (SystemExit(), "500"),
        (KeyboardInterrupt(), "500"),
        (asyncio.TimeoutError(), "500"),
    ],
    ids=lambda given: type(given).__module__ + "." + type(given).__name__ if isinstance(given, BaseException) else "",
)
def test_a_request_that_is_cancelled_is_one_whose_client_has_gone(
    error: BaseException, status: str, captured_metrics: Recorder
) -> None:
    RequestRecorder(default_client).record_abort(RequestFactory().get("/"), error, 0.0)
    [record] = captured_metrics.find("http.request.count")
    assert (record.tags["status"], record.tags["exception"]) == (status, type(error).__name__)


@pytest.mark.parametrize("excluded", [["middleware"], ["mid*"], ["other"]])
def test_a_view_that_is_excluded_is_not_recorded_if_its_client_disconnects(
    excluded: list[str], captured_metrics: Recorder
) -> None:
    recorder = RequestRecorder(default_client, exclude_views=Patterns(excluded))
    recorder.record_abort(RequestFactory().get("/gone/"), asyncio.CancelledError(), 0.0)
    views = [record.tags["view"] for record in captured_metrics.find("http.request.count")]
    assert views == (["middleware"] if excluded == ["other"] else [])


@pytest.mark.parametrize(("status", "exception"), [(200, None), (404, None), (499, None), (500, "LookupError")])
@pytest.mark.parametrize("hook", [None, lambda *_: {}])
def test_an_exception_is_a_tag_of_server_errors_alone(
    status: int, exception: str | None, hook: Any, captured_metrics: Recorder
) -> None:
    request = RequestFactory().get("/")
    setattr(request, recorders.EXCEPTION_ATTRIBUTE, "LookupError")
    RequestRecorder(default_client, hook=hook).record(request, HttpResponse(status=status), 0.0)
    [record] = captured_metrics.find("http.request.count")
    assert record.tags.get("exception") == exception


def test_a_series_is_built_once(client: Client) -> None:
    recorder = RequestRecorder(client)
    first = recorder._find("home", "GET", 200, None, {})
    assert recorder._find("home", "GET", 200, None, {}) is first
    assert recorder._find("home", "GET", 404, None, {}) is not first
    assert recorder._find("home", "POST", 200, None, {}) is not first
    assert recorder._find("home", "GET", 200, None, {"shop": "eu"}) is not first


@pytest.mark.parametrize(
    ("patterns", "matching", "others"),
    [
        ([], [], ["", "a"]),
        (["a"], ["a"], ["", "ab", "b"]),
        (["a*"], ["a", "ab"], ["", "ba"]),
        (["*"], ["", "a"], []),
        (["a", "b*"], ["a", "b", "bc"], ["ab"]),
        (["a*b"], ["a*b"], ["a", "acb"]),
    ],
)
def test_a_pattern_is_a_text_or_a_prefix(patterns: list[str], matching: list[str], others: list[str]) -> None:
    found = Patterns(patterns)
    assert bool(found) == bool(patterns)
    assert all(map(found.match, matching))
    assert not any(map(found.match, others))
