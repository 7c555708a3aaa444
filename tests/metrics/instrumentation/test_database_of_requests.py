"""What a request's queries come to, through the real middleware, handlers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path

from zemanta_ops.metrics.instrumentation import database
from zemanta_ops.testing import Recorder

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


def n_plus_one(request: HttpRequest) -> HttpResponse:
    for number in range(7):
        ContentType.objects.filter(pk=number).exists()
    ContentType.objects.count()
    return HttpResponse("ok")


def no_queries(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


async def asynchronous(request: HttpRequest) -> HttpResponse:
    await ContentType.objects.acount()
    await ContentType.objects.afirst()
    return HttpResponse("ok")


urlpatterns = [
    path("n-plus-one/", n_plus_one, name="n-plus-one"),
    path("none/", no_queries, name="none"),
    path("async/", asynchronous, name="async"),
]


@pytest.fixture(autouse=True)
def installed() -> Iterator[None]:
    middleware = ["zemanta_ops.metrics.middleware.RequestMetricsMiddleware"]
    with override_settings(MIDDLEWARE=middleware, ZEMANTA_OPS={"METRICS": {"INSTRUMENT": ["database"]}}):
        database.install()
        yield


def test_the_queries_of_a_request_are_counted_timed_and_compared(captured_metrics: Recorder) -> None:
    Client().get("/n-plus-one/")
    tags = {"alias": "default", "view": "n-plus-one", "method": "GET"}
    captured_metrics.assert_histogram("http.request.queries", 8, **tags)
    captured_metrics.assert_histogram("http.request.repeated_queries", 7, **tags)
    (total,) = captured_metrics.find("http.request.query_time", **tags)
    each = [record.value for record in captured_metrics.find("db.query.duration")]
    assert total.value == pytest.approx(sum(each))


def test_one_request_does_not_see_the_queries_of_another(captured_metrics: Recorder) -> None:
    Client().get("/n-plus-one/")
    Client().get("/n-plus-one/")
    assert [record.value for record in captured_metrics.find("http.request.queries")] == [8, 8]


def test_a_request_without_queries_emits_none(captured_metrics: Recorder) -> None:
    Client().get("/none/")
    captured_metrics.assert_incr("http.request.count", view="none")
    captured_metrics.assert_not_emitted("http.request.queries")


async def test_queries_of_an_async_view_run_in_another_thread_and_still_count(captured_metrics: Recorder) -> None:
    await AsyncClient().get("/async/")
    captured_metrics.assert_histogram("http.request.queries", 2, view="async", alias="default")


def test_outside_of_a_request_only_the_query_itself_is_timed(captured_metrics: Recorder) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    captured_metrics.assert_timing("db.query.duration")
    captured_metrics.assert_not_emitted("http.request.queries")
