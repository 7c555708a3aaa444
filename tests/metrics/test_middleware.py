from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.test.client import AsyncRequestFactory, RequestFactory
from django.utils.functional import SimpleLazyObject

from tests.metrics.site import begun
from zemanta_ops.metrics import sampling
from zemanta_ops.metrics.catalog import Metric
from zemanta_ops.metrics.middleware import RequestMetricsMiddleware
from zemanta_ops.metrics.request.state import RequestState, get_request_state
from zemanta_ops.testing import Recorder, capture_metrics

MIDDLEWARE = "zemanta_ops.metrics.middleware.RequestMetricsMiddleware"
COMMON = "django.middleware.common.CommonMiddleware"

pytestmark = pytest.mark.urls("tests.metrics.site")


@pytest.fixture(autouse=True)
def installed() -> Iterator[None]:
    with override_settings(MIDDLEWARE=[MIDDLEWARE], TEMPLATES=[]):
        yield


@pytest.fixture
def captured() -> Iterator[Recorder]:
    with capture_metrics() as recorder:
        yield recorder


def configured(**values: Any) -> override_settings:
    return override_settings(ZEMANTA_OPS={"METRICS": values})


def shapes(captured: Recorder) -> list[tuple[str, dict[str, str]]]:
    return [(record.name, record.tags) for record in captured.records]


def request_tags(view: str, status: int = 200, method: str = "GET", **more: str) -> dict[str, str]:
    return {"method": method, "status": str(status), "view": view, **more}


def both(view: str, status: int = 200, method: str = "GET", **more: str) -> list[tuple[str, dict[str, str]]]:
    tags = request_tags(view, status, method, **more)
    return [("http.request.duration", tags), ("http.request.count", tags)]


def test_a_request_is_timed_and_counted(captured: Recorder) -> None:
    assert Client().get("/named/").content == b"ok"
    assert shapes(captured) == both("named")
    duration, count = captured.records
    assert (duration.kind, count.kind, count.value) == ("timing", "counter", 1)
    assert 0 < duration.value < 60_000


@pytest.mark.parametrize(
    ("path", "view", "status"),
    [
        ("/route/5/", "route/<int_pk>/", 200),
        ("/shop/item/5/", "eu_item", 200),
        ("/class/", "class", 200),
        ("/api/articles/", "article-list", 200),
        ("/async/", "async", 200),
        ("/nowhere/", "unresolved", 404),
        ("/", "tests.metrics.site.plain", 200),
    ],
)
def test_views_of_every_kind_sync_and_async(captured: Recorder, path: str, view: str, status: int) -> None:
    Client().get(path)
    asyncio.run(AsyncClient().get(path))
    assert shapes(captured) == both(view, status) * 2


@pytest.mark.parametrize("order", [[MIDDLEWARE, COMMON], [COMMON, MIDDLEWARE]])
def test_it_works_first_and_last(captured: Recorder, order: list[str]) -> None:
    with override_settings(MIDDLEWARE=order):
        Client().post("/class/")
        asyncio.run(AsyncClient().post("/class/"))
    assert shapes(captured) == both("class", 405, "POST") * 2


def test_a_failing_view_is_tagged_with_its_exception(captured: Recorder) -> None:
    Client(raise_request_exception=False).get("/fail/")
    asyncio.run(AsyncClient(raise_request_exception=False).get("/fail/"))
    assert shapes(captured) == both("fail", 500, exception="LookupError") * 2


def test_a_method_outside_of_http_is_other(captured: Recorder) -> None:
    for method in ("BREW", "PROPFIND"):
        Client().generic(method, "/named/")
    assert shapes(captured) == both("named", 200, "OTHER") * 2


def test_a_view_that_ends_the_process_is_recorded_and_goes_on(captured: Recorder) -> None:
    with pytest.raises(SystemExit):
        Client().get("/leave/")
    assert shapes(captured) == both("leave", 500, exception="SystemExit")


@pytest.mark.parametrize("path", ["/stream/", "/stream-async/"])
def test_a_stream_is_timed_to_its_first_byte_and_to_its_end_once(captured: Recorder, path: str) -> None:
    async def read() -> bytes:
        response: Any = await AsyncClient().get(path)
        assert len(captured.records) == 2
        body = b"".join([part async for part in response])
        await asyncio.to_thread(response.close)
        await asyncio.to_thread(response.close)
        return body

    warning = pytest.warns(Warning, match="synchronous iterators") if path == "/stream/" else nullcontext()
    with warning:
        assert asyncio.run(read()) == b"ab"
    view = path.strip("/")
    assert shapes(captured) == [*both(view), ("http.stream.duration", request_tags(view))]


@pytest.mark.django_db  # closing the response asks Django's connections for their state
def test_a_sync_stream_is_timed_to_its_end(captured: Recorder) -> None:
    response: Any = Client().get("/stream/")
    assert len(captured.records) == 2
    assert response.getvalue() == b"ab"
    response.close()
    assert shapes(captured)[2] == ("http.stream.duration", request_tags("stream"))


def test_a_disconnected_client_is_counted_and_the_cancellation_goes_on(captured: Recorder) -> None:
    async def disconnect() -> None:
        begun.clear()
        running = asyncio.create_task(AsyncClient().get("/hang/"))
        while not begun and not running.done():  # noqa: ASYNC110  (the view runs in this loop)
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(disconnect())
    assert shapes(captured) == both("hang", 499, exception="CancelledError")


def test_async_is_native(captured: Recorder) -> None:
    async def answer(request: HttpRequest) -> HttpResponse:
        return HttpResponse("ok")

    middleware = RequestMetricsMiddleware(answer)
    response = asyncio.run(middleware(AsyncRequestFactory().get("/")))
    assert response.content == b"ok"
    assert shapes(captured) == both("tests.metrics.site.plain")


def test_excluded_paths_are_not_recorded(captured: Recorder) -> None:
    with configured(EXCLUDE_PATHS=["/named/", "/shop/*"]):
        for path in ("/named/", "/shop/item/1/", "/class/"):
            Client().get(path)
            asyncio.run(AsyncClient().get(path))
        Client().get("/class/")
    assert shapes(captured) == both("class") * 3


def test_sampling_keeps_one_request_in_n(captured: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = iter([0.0, 0.4, 0.9, 0.3])
    monkeypatch.setattr(sampling, "_draw", lambda: next(numbers))
    with configured(SAMPLE_RATE=1 / 3):
        client = Client()
        for _ in range(4):
            client.get("/named/")
    assert len(captured.records) == 4


def shop_tags(request: HttpRequest, response: HttpResponse | None) -> dict[str, Any]:
    return {"shop": request.GET.get("shop"), "size": 5 if response else None}


def broken_tags(request: HttpRequest, response: HttpResponse | None) -> dict[str, Any]:
    raise RuntimeError("on purpose")


def test_a_hook_adds_tags(captured: Recorder) -> None:
    with configured(REQUEST_TAGS="tests.metrics.test_middleware.shop_tags"):
        for query in ("?shop=eu", "?shop=us", ""):
            Client().get("/named/" + query)
    sizes = [tags.get("shop") for name, tags in shapes(captured) if name == "http.request.count"]
    assert sizes == ["eu", "us", None]
    assert all(tags["size"] == "5" for _, tags in shapes(captured))


def test_a_failing_hook_is_logged_once_and_costs_only_its_tags(
    captured: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    with configured(REQUEST_TAGS="tests.metrics.test_middleware.broken_tags"):
        client = Client()
        client.get("/named/")
        client.get("/named/")
    assert shapes(captured) == both("named") * 2
    assert len([record for record in caplog.records if "REQUEST_TAGS" in record.message]) == 1


def lazy_tags(request: HttpRequest, response: HttpResponse | None) -> dict[Any, Any]:
    def refuse() -> str:
        raise RuntimeError("on purpose")

    return {"user": SimpleLazyObject(refuse), "list": ["a"], 7: "number", "none": None}


def test_a_hook_may_return_what_cannot_be_hashed_or_written(captured: Recorder) -> None:
    with configured(REQUEST_TAGS="tests.metrics.test_middleware.lazy_tags"):
        Client().get("/named/")
        Client().get("/stream/")
    extra = {"user": "_unprintable", "list": "['a']", "7": "number"}
    assert [tags for _, tags in shapes(captured)] == [
        {**request_tags(view), **extra} for view in ("named", "named", "stream", "stream")
    ]


@pytest.mark.parametrize("path", ["nowhere.at.all", "tests.metrics.test_middleware.MIDDLEWARE"])
def test_a_hook_that_is_none_breaks_no_site(captured: Recorder, caplog: pytest.LogCaptureFixture, path: str) -> None:
    with configured(REQUEST_TAGS=path):
        assert Client().get("/named/").content == b"ok"
    assert shapes(captured) == both("named")
    assert "REQUEST_TAGS" in caplog.text


def test_it_takes_itself_out_where_metrics_are_off() -> None:
    with configured(ENABLED=False), pytest.raises(MiddlewareNotUsed):
        RequestMetricsMiddleware(lambda request: HttpResponse())


def test_a_response_without_a_status_is_answered_all_the_same(
    captured: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    strange: Any = object()
    assert RequestMetricsMiddleware(lambda request: strange)(RequestFactory().get("/")) is strange
    assert captured.records == []
    assert "could not be recorded" in caplog.text


QUERIES = Metric("db.queries", "histogram", "queries", ("alias", "method", "view"), "queries of a request")
QUERY_TIME = Metric("db.time", "timing", "ms", ("method", "view"), "their time")


def test_instrumentation_adds_up_per_request(captured: Recorder) -> None:
    def answer(request: HttpRequest) -> HttpResponse:
        state = get_request_state()
        assert isinstance(state, RequestState)
        state.add(QUERIES, 1, (("alias", "default"),))
        state.add(QUERIES, 1, (("alias", "default"),))
        state.add(QUERY_TIME, 2.5)
        return HttpResponse()

    async def answer_async(request: HttpRequest) -> HttpResponse:
        return answer(request)

    with configured(INSTRUMENT=["database"]):
        RequestMetricsMiddleware(answer)(RequestFactory().get("/"))
        asyncio.run(RequestMetricsMiddleware(answer_async)(AsyncRequestFactory().get("/")))
    assert get_request_state() is None
    added = [(record.kind, record.name, record.value, record.tags) for record in captured.records[2:4]]
    tags = {"method": "GET", "view": "tests.metrics.site.plain"}
    assert added == [
        ("histogram", "db.queries", 2, {"alias": "default", **tags}),
        ("timing", "db.time", 2.5, tags),
    ]
    assert [record.name for record in captured.records[4:]] == [record.name for record in captured.records[:4]]


def test_an_excluded_request_has_a_state_that_is_not_emitted(captured: Recorder) -> None:
    def answer(request: HttpRequest) -> HttpResponse:
        state = get_request_state()
        assert state is not None
        state.add(QUERIES, 1)
        return HttpResponse()

    with configured(INSTRUMENT=["database"], EXCLUDE_PATHS=["/*"]):
        RequestMetricsMiddleware(answer)(RequestFactory().get("/"))
    assert captured.records == []
