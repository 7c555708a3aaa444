"""What one request leaves in the queue: which series, which value, and by which way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import ResolverMatch

from zemanta_ops.metrics import catalog
from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.options import Options
from zemanta_ops.metrics.request import recorder as recorders
from zemanta_ops.metrics.request.recorder import EXCEPTION_ATTRIBUTE, Patterns, RequestRecorder
from zemanta_ops.metrics.request.state import RESPONSE_HOOKS, RequestState
from zemanta_ops.metrics.series.series import Series

STARTED = 50.0
# Every request of these tests ends a quarter of a second later.
ELAPSED = 250.0


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorders, "perf_counter", lambda: STARTED + ELAPSED / 1000.0)


@pytest.fixture
def client() -> Iterator[Client]:
    created = Client(Options(host_tag=None, threads=False, flush_seconds=3600, report_seconds=float("inf")))
    created.health()
    # As if a flusher ran: then the recorder writes into the queue itself.
    created.queue.mark[0] = 1
    yield created
    created.queue.entries.clear()
    created.close()


def request(view: str = "home", method: str = "GET") -> HttpRequest:
    made = HttpRequest()
    made.method, made.resolver_match = method, ResolverMatch(lambda: None, (), {}, view)
    return made


def taken(client: Client) -> list[tuple[str, dict[str, str], Any]]:
    """Return and forget what is queued: name, tags and value."""
    entries = [(series.name, dict(series.tags), value) for series, value in client.queue.entries]
    client.queue.entries.clear()
    return entries


def home(**tags: Any) -> dict[str, str]:
    return {"method": "GET", "status": "200", "view": "home", **tags}


def test_a_request_is_one_entry_of_its_series(client: Client) -> None:
    recorder = RequestRecorder(client, every=4)
    for _ in range(2):
        recorder.record(request(), HttpResponse(), STARTED)
    [(first, value), (second, _)] = client.queue.entries
    assert first is second
    assert (first.kind, first.name, dict(first.tags), value) == ("ms", "http.request.duration", home(), ELAPSED)
    assert first.companion is not None
    assert (first.companion.kind, first.companion.name) == ("c", "http.request.count")
    assert dict(first.companion.tags) == home()
    assert (first.every, first.companion.every, first.buckets) == (4, 4, ())


def test_a_series_that_was_found_once_is_not_looked_for_again(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = RequestRecorder(client)
    recorder.record(request(), HttpResponse(), STARTED)
    monkeypatch.delattr(RequestRecorder, "_find")
    monkeypatch.delattr(recorders, "name_request")
    recorder.record(request(), HttpResponse(), STARTED)
    assert taken(client) == [("http.request.duration", home(), ELAPSED)] * 2


@pytest.mark.parametrize(("waiting", "way"), [(0, "queue"), (4, "queue"), (5, "put"), (6, "put")])
def test_a_queue_without_room_is_left_to_the_client(waiting: int, way: str, client: Client) -> None:
    ways: list[str] = []
    client.queue.room[0] = 5
    recorder = RequestRecorder(client)
    client.put = lambda series, value: ways.append(f"put {value}")
    other: Any = Series("c", "other", {}, "other", {})
    client.queue.entries += [(other, 1)] * waiting
    recorder.record(request(), HttpResponse(), STARTED)
    assert ways == ([] if way == "queue" else [f"put {ELAPSED}"])
    assert len(client.queue.entries) == waiting + (way == "queue")


def test_without_a_flusher_the_client_starts_one(client: Client) -> None:
    client.queue.mark[0] = 0
    recorder = RequestRecorder(client)
    put: list[Any] = []
    client.put = lambda series, value: put.append(value)
    recorder.record(request(), HttpResponse(), STARTED)
    assert (put, client.queue.entries) == ([ELAPSED], [])


@pytest.mark.parametrize(
    ("method", "tag"), [("GET", "GET"), ("DELETE", "DELETE"), ("get", "OTHER"), ("PROPFIND", "OTHER"), (None, "OTHER")]
)
def test_a_method_that_http_does_not_define_is_another(method: Any, tag: str, client: Client) -> None:
    recorder = RequestRecorder(client)
    recorder.record(request(method=method), HttpResponse(), STARTED)
    recorder.record_abort(request(method=method), ValueError(), STARTED)
    state = RequestState()
    state.add(catalog.QUERY_DURATION, 5.0)
    recorder.record_state(request(method=method), HttpResponse(), state)
    assert [tags["method"] for _, tags, _ in taken(client)] == [tag] * 3


def test_an_error_is_recorded_with_its_exception(client: Client) -> None:
    failed = request(method="POST")
    setattr(failed, EXCEPTION_ATTRIBUTE, "LookupError")
    RequestRecorder(client).record(failed, HttpResponse(status=503), STARTED)
    tags = home(method="POST", status="503", exception="LookupError")
    assert taken(client) == [("http.request.duration", tags, ELAPSED)]


def test_a_request_without_an_answer_is_recorded_with_its_time(client: Client) -> None:
    recorder = RequestRecorder(client, exclude_views=Patterns(["private"]))
    recorder.record_abort(request(method="PUT"), ValueError(), STARTED)
    tags = home(method="PUT", status="500", exception="ValueError")
    assert taken(client) == [("http.request.duration", tags, ELAPSED)]
    recorder.record_abort(request("private"), ValueError(), STARTED)
    assert taken(client) == []
    # Of a path that was not resolved, the status decides about the name.
    unresolved = HttpRequest()
    unresolved.method, unresolved.path_info = "GET", "/nowhere/"
    recorder.record_abort(unresolved, asyncio.CancelledError(), STARTED)
    [(_, tags, _)] = taken(client)
    assert (tags["view"], tags["status"], tags["exception"]) == ("middleware", "499", "CancelledError")


def test_an_abort_that_cannot_be_recorded_is_logged(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    broken: Any = object()
    RequestRecorder(client).record_abort(broken, ValueError(), STARTED)
    assert [record.message for record in caplog.records] == ["The metrics of a request could not be recorded"]


def test_a_hook_gets_the_request_and_the_answer_or_none(client: Client) -> None:
    asked: list[tuple[Any, Any]] = []

    def hook(*arguments: Any) -> dict[str, str]:
        asked.append(arguments)
        return {"shop": "eu"}

    recorder = RequestRecorder(client, hook=hook)
    given, answer = request(), HttpResponse()
    recorder.record(given, answer, STARTED)
    recorder.record_abort(given, ValueError(), STARTED)
    assert asked == [(given, answer), (given, None)]
    assert [tags["shop"] for _, tags, _ in taken(client)] == ["eu", "eu"]


def test_a_hook_that_fails_is_logged_once_and_costs_its_tags(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    def hook(*_: Any) -> dict[str, str]:
        raise LookupError

    recorder = RequestRecorder(client, hook=hook)
    for _ in range(3):
        recorder.record(request(), HttpResponse(), STARTED)
    assert taken(client) == [("http.request.duration", home(), ELAPSED)] * 3
    assert [record.message for record in caplog.records] == [
        "The function of REQUEST_TAGS failed. Its tags are omitted"
    ]


def test_the_series_of_text_tags_is_remembered_and_that_of_numbers_is_not(client: Client) -> None:
    # 1, 1.0 and True are equal as keys, and three different texts.
    for shop, text in (("eu", "eu"), (1, "1"), (1.0, "1.0"), (True, "true")):
        hook: Any = lambda *_, shop=shop: {"shop": shop}  # noqa: E731
        recorder = RequestRecorder(client, hook=hook)
        for _ in range(2):
            recorder.record(request(), HttpResponse(), STARTED)
        assert [tags["shop"] for _, tags, _ in taken(client)] == [text] * 2
        assert len(recorder._series) == (shop == text)


def test_a_stream_is_timed_to_its_end(client: Client) -> None:
    recorder = RequestRecorder(client, every=2)
    given = request(method="POST")
    setattr(given, EXCEPTION_ATTRIBUTE, "LookupError")
    answer = StreamingHttpResponse(iter([b"a"]), status=500)
    recorder.record(given, answer, STARTED)
    tags = home(method="POST", status="500", exception="LookupError")
    assert taken(client) == [("http.request.duration", tags, ELAPSED)]
    # As close() does, which would also look after the connections to databases that other tests have opened.
    for close in answer._resource_closers:  # type: ignore[attr-defined]
        close()
    [(series, value)] = client.queue.entries
    assert (series.name, dict(series.tags), value, series.every) == ("http.stream.duration", tags, ELAPSED, 2)


def test_what_was_measured_in_a_request_is_emitted_with_its_view(client: Client) -> None:
    recorder = RequestRecorder(client, every=3)
    state = RequestState()
    state.add(catalog.QUERY_DURATION, 5.0, (("alias", "default"),))
    state.add(catalog.QUERY_DURATION, 7.0, (("alias", "default"),))
    recorder.record_state(request(), HttpResponse(), state)
    [(series, value)] = client.queue.entries
    assert dict(series.tags) == {"alias": "default", "method": "GET", "view": "home"}
    assert (series.name, value, series.every) == (catalog.QUERY_DURATION.name, 12.0, 3)


def test_what_was_measured_in_an_excluded_view_is_not_emitted(client: Client) -> None:
    state = RequestState()
    state.add(catalog.QUERY_DURATION, 5.0)
    recorder = RequestRecorder(client, exclude_views=Patterns(["private", "unresolved"]))
    recorder.record_state(request("private"), HttpResponse(), state)
    unresolved = HttpRequest()
    unresolved.path_info = "/nowhere/"
    recorder.record_state(unresolved, HttpResponse(status=404), state)
    assert taken(client) == []


def test_a_hook_of_an_instrumentation_gets_the_state_and_the_answer(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Any, ...]] = []
    monkeypatch.setattr("zemanta_ops.metrics.request.recorder.RESPONSE_HOOKS", [*RESPONSE_HOOKS, _note(asked)])
    state, answer = RequestState(), HttpResponse()
    RequestRecorder(client).record_state(request(), answer, state)
    assert asked == [(state, answer)]
    assert [value for _, _, value in taken(client)] == [1.0]


def _note(asked: list[tuple[Any, ...]]) -> Any:
    def hook(*arguments: Any) -> None:
        asked.append(arguments)
        # What it adds is emitted too.
        arguments[0].add(catalog.QUERY_DURATION, 1.0)

    return hook


def test_the_answers_of_one_view_and_method_share_their_buckets(client: Client) -> None:
    recorder = RequestRecorder(client, every=5, buckets=(100.0,))
    failed = request()
    setattr(failed, EXCEPTION_ATTRIBUTE, "LookupError")
    recorder.record(request(), HttpResponse(), STARTED)
    recorder.record(request(), HttpResponse(status=404), STARTED)
    recorder.record(failed, HttpResponse(status=500), STARTED)
    recorder.record(request("other"), HttpResponse(), STARTED)
    recorder.record(request(method="POST"), HttpResponse(), STARTED)
    first, second, third, other, post = (series.buckets for series, _ in client.queue.entries)
    assert first is second is third
    assert [dict(bucket.tags) for _, bucket in (*first, *other, *post)] == [
        {"le": le, "method": method, "view": view}
        for view, method in (("home", "GET"), ("other", "GET"), ("home", "POST"))
        for le in ("100", "+Inf")
    ]
    assert {bucket.every for _, bucket in first} == {5}
    assert {bucket.name for _, bucket in first} == {"http.request.bucket"}


@pytest.mark.parametrize("status", [200, 500])
def test_an_excluded_view_is_not_recorded_whatever_its_answer(status: int, client: Client) -> None:
    recorder = RequestRecorder(client, exclude_views=Patterns(["private"]))
    recorder.record(request("private"), HttpResponse(status=status), STARTED)
    assert taken(client) == []
    recorder.record(request(), HttpResponse(status=status), STARTED)
    assert [tags["view"] for _, tags, _ in taken(client)] == ["home"]


@pytest.mark.parametrize("hook", [None, lambda *_: {}])
@pytest.mark.parametrize(("status", "view"), [(200, "middleware"), (404, "unresolved")])
def test_what_answered_an_unresolved_path_is_named_by_the_status(
    status: int, view: str, hook: Any, client: Client
) -> None:
    unresolved = HttpRequest()
    unresolved.method, unresolved.path_info = "GET", "/nowhere/"
    RequestRecorder(client, hook=hook).record(unresolved, HttpResponse(status=status), STARTED)
    assert [tags["view"] for _, tags, _ in taken(client)] == [view]
