from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseNotFound, StreamingHttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path

from zemanta_ops.metrics.catalog import RESPONSE_SIZE
from zemanta_ops.metrics.instrumentation import responses
from zemanta_ops.metrics.request.state import RequestState
from zemanta_ops.testing import Recorder

NAME = "http.response.size"

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ä" * 50)


def missing(request: HttpRequest) -> HttpResponse:
    return HttpResponseNotFound(b"")


def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse([b"a", b"b"])


def file(request: HttpRequest) -> FileResponse:
    return FileResponse(BytesIO(b"x" * 1234))


async def async_page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"12345")


async def async_stream(request: HttpRequest) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[bytes]:
        yield b"a"

    return StreamingHttpResponse(parts())


views: list[Callable[..., Any]] = [page, missing, stream, file, async_page, async_stream]
urlpatterns = [path(f"{view.__name__}/", view, name=view.__name__) for view in views]


@pytest.fixture(autouse=True)
def installed() -> Iterator[None]:
    middleware = ["zemanta_ops.metrics.middleware.RequestMetricsMiddleware"]
    settings = {"METRICS": {"INSTRUMENT": ["responses"], "EXCLUDE_PATHS": ["/missing/"]}}
    with override_settings(MIDDLEWARE=middleware, ZEMANTA_OPS=settings):
        responses.install()
        responses.install()
        yield


def test_bytes_are_counted_not_characters(captured_metrics: Recorder) -> None:
    Client().get("/page/")
    assert [record.value for record in captured_metrics.find(NAME)] == [100]
    captured_metrics.assert_histogram(NAME, 100, view="page", method="GET", status=200)


def test_a_file_says_its_length_and_a_stream_does_not(
    captured_metrics: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    Client().get("/file/").close()
    Client().get("/stream/").close()
    assert [record.tags["view"] for record in captured_metrics.find(NAME)] == ["file"]
    captured_metrics.assert_histogram(NAME, 1234)
    assert caplog.records == []


async def test_async(captured_metrics: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    await AsyncClient().get("/async_page/")
    await AsyncClient().get("/async_stream/")
    assert [record.value for record in captured_metrics.find(NAME)] == [5]
    assert caplog.records == []


def test_a_length_that_is_not_a_number_is_counted(captured_metrics: Recorder) -> None:
    state = RequestState()
    for length in ("many", "-1", "1.5", ""):
        response = HttpResponse(b"12345")
        response.headers["Content-Length"] = length
        responses._measure(state, response)
    assert state.add_up() == {(RESPONSE_SIZE, (("status", "200"),)): 20}


def test_what_the_middleware_does_not_measure_has_no_size(captured_metrics: Recorder) -> None:
    Client().get("/missing/")
    captured_metrics.assert_not_emitted(NAME)


def test_removed_twice_measures_no_more(captured_metrics: Recorder) -> None:
    responses.uninstall()
    responses.uninstall()
    Client().get("/page/")
    captured_metrics.assert_not_emitted(NAME)
