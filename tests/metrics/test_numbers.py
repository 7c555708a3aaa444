"""Numbers are right if libraries of the neighbourhood answer, name, freeze or rewrite things."""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.test import Client, RequestFactory, override_settings
from django.utils import translation

from tests.metrics.agents import agent, client_of
from zemanta_ops import metrics
from zemanta_ops.metrics.instrumentation import celery
from zemanta_ops.metrics.instrumentation.database import _find_operation
from zemanta_ops.metrics.middleware import RequestMetricsMiddleware
from zemanta_ops.metrics.request.view_names import name_request
from zemanta_ops.testing import Recorder, capture_metrics

ANSWERS: dict[str, Callable[[HttpRequest], HttpResponse | None]] = {}


def answering(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Answer instead of a view, as caches, WhiteNoise, CORS and login middlewares do."""

    def middleware(request: HttpRequest) -> Any:
        early = ANSWERS["before"](request)
        response = early if early is not None else get_response(request)
        late = ANSWERS["after"](request) if response.status_code == 404 else None
        return late or response

    return middleware


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    ANSWERS.update(before=lambda _: None, after=lambda _: None)
    yield


def view_of(url: str, method: str = "get", **settings: Any) -> tuple[str, str]:
    chain = ["zemanta_ops.metrics.middleware.RequestMetricsMiddleware", f"{__name__}.answering"]
    overridden = override_settings(ROOT_URLCONF="tests.metrics.site", MIDDLEWARE=chain, TEMPLATES=[], **settings)
    with overridden, capture_metrics() as recorded:
        getattr(Client(), method)(url)
    [record] = recorded.find("http.request.count")
    return record.tags["view"], record.tags["status"]


@pytest.mark.parametrize(
    ("url", "answer", "expected"),
    [
        ("/named/", lambda _: HttpResponse("a cached page"), ("named", "200")),
        ("/named/", lambda _: HttpResponse(status=204), ("named", "204")),
        ("/named/", lambda _: HttpResponseRedirect("/login/"), ("named", "302")),
        ("/named/", lambda _: HttpResponse(status=403), ("named", "403")),
        ("/static/shop/site.css", lambda _: HttpResponse("a file"), ("middleware", "200")),
        ("/named", lambda _: HttpResponseRedirect("/named/", status=301), ("middleware", "301")),
        ("/nowhere/", lambda _: HttpResponse(status=404), ("unresolved", "404")),
        ("/nowhere/", lambda _: None, ("unresolved", "404")),
        ("/named/", lambda _: None, ("named", "200")),
    ],
)
def test_what_a_middleware_answers_has_a_view(url: str, answer: Any, expected: tuple[str, str]) -> None:
    ANSWERS["before"] = answer
    assert view_of(url) == expected


def test_a_flat_page_after_a_404_is_the_middlewares() -> None:
    ANSWERS["after"] = lambda _: HttpResponse("about us")
    assert view_of("/about/") == ("middleware", "200")


def test_a_preflight_is_the_view_of_its_path() -> None:
    ANSWERS["before"] = lambda request: HttpResponse() if request.method == "OPTIONS" else None
    assert view_of("/named/", "options") == ("named", "200")


def test_a_converter_that_fails_costs_no_answer() -> None:
    class Broken:
        resolver_match = None
        method = "GET"
        urlconf = "tests.nowhere"
        path_info = "/"

    assert name_request(Broken(), 200) == "middleware"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("excluded", "left"),
    [
        ([], ["named", "class", "unresolved", "middleware"]),
        (["named"], ["class", "unresolved", "middleware"]),
        (["na*", "unresolved"], ["class", "middleware"]),
        (["middleware", "cla*"], ["named", "unresolved"]),
    ],
)
@pytest.mark.parametrize("instrument", [[], ["responses"]])
def test_views_are_excluded_by_name(excluded: list[str], left: list[str], instrument: list[str]) -> None:
    chain = ["zemanta_ops.metrics.middleware.RequestMetricsMiddleware", f"{__name__}.answering"]
    given = {"METRICS": {"EXCLUDE_VIEWS": excluded, "INSTRUMENT": instrument}}
    ANSWERS["before"] = lambda request: HttpResponse() if "static" in request.path else None
    with (
        override_settings(ROOT_URLCONF="tests.metrics.site", MIDDLEWARE=chain, TEMPLATES=[], ZEMANTA_OPS=given),
        capture_metrics() as recorded,
    ):
        for url in ("/named/", "/class/", "/gone/", "/static/x"):
            Client().get(url)
    assert [record.tags["view"] for record in recorded.find("http.request.count")] == left


@pytest.mark.parametrize(
    ("sql", "operation"),
    [
        ("SELECT 1", "select"),
        ("  (select 1)", "select"),
        ("/* app=shop */ SELECT 1", "select"),
        ("-- a comment\nINSERT INTO a VALUES (1)", "insert"),
        ("# MySQL\nUPDATE a SET b = 1", "update"),
        ("/* one */ /* two */\n-- three\n  delete from a", "delete"),
        ("WITH t AS (SELECT 1) SELECT * FROM t", "select"),
        ("WITH t AS (SELECT 1) INSERT INTO a SELECT * FROM t", "insert"),
        ("WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) UPDATE a SET b = 1", "update"),
        ("/* x */ with a as (select ')' as b), c as (select 'delete') DELETE FROM d", "delete"),
        ("WITH t AS (DELETE FROM a RETURNING *) SELECT * FROM t", "select"),
        ('WITH "select" AS (SELECT 1) UPDATE a SET b = 1', "update"),
        ("WITH t AS (SELECT 1) MERGE INTO a USING t ON b = c WHEN MATCHED THEN UPDATE SET b = 1", "other"),
        ("-- all\nWITH t AS (SELECT 1) REPLACE INTO a SELECT * FROM t", "other"),
        ("WITH t AS (SELECT b #> '{c}', b #- '{d}' FROM a) DELETE FROM a", "delete"),
        ("#---- SELECT\nDELETE FROM a", "delete"),
        ("SAVEPOINT s1", "other"),
        ("BEGIN", "other"),
        ("EXPLAIN SELECT 1", "other"),
        ("SET x = 1", "other"),
        ("", "other"),
        ("/* never closed", "other"),
        ("(" * 50_000, "other"),
    ],
)
def test_the_operation_of_a_statement(sql: str, operation: str) -> None:
    assert _find_operation(sql) == operation


def test_a_prefix_of_a_requests_own_urlconf_is_not_part_of_the_route(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "subdomain_urls.py").write_text(
        "from django.conf.urls.i18n import i18n_patterns\nfrom django.urls import path\n"
        "from django.http import HttpResponse\n"
        "urlpatterns = i18n_patterns(path('bare/', lambda request: HttpResponse()))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    request: Any = RequestFactory().get("/de/bare/")
    request.urlconf = "subdomain_urls"
    languages = override_settings(ROOT_URLCONF="tests.metrics.site", LANGUAGES=[("en", "e"), ("de", "d")])
    with languages, translation.override("de"):
        assert name_request(request, 200) == "bare/"


def test_frozen_time_makes_no_duration_of_years(captured_metrics: Recorder) -> None:
    real, frozen = time.perf_counter, iter([1.0, 2e9, 3e9, 4e9])
    modules = [module for name, module in sys.modules.items() if name.startswith("zemanta_ops")]
    # As freezegun does: every attribute that is the function, in every module.
    found = [(module, name) for module in modules for name, value in vars(module).items() if value is real]
    time.perf_counter = lambda: next(frozen)
    try:
        for module, name in found:
            setattr(module, name, time.perf_counter)
        with metrics.timer("block"):
            pass
        RequestMetricsMiddleware(lambda _: HttpResponse())(RequestFactory().get("/"))
    finally:
        time.perf_counter = real
        for module, name in found:
            setattr(module, name, real)
    assert found == []
    for record in (*captured_metrics.find("block"), *captured_metrics.find("http.request.duration")):
        if record.kind == "timing":
            assert 0 <= record.value < 10_000


@pytest.mark.parametrize("jump", [-10 * 365, 10 * 365])
def test_a_wait_over_a_jump_of_the_clock_is_not_recorded_as_years(jump: int, captured_metrics: Recorder) -> None:
    class Request(dict[str, Any]):
        eta = None
        delivery_info: dict[str, str] = {}  # noqa: RUF012

    class Task:
        name = "shop.work"
        request = Request({celery._PUBLISHED_AT: time.time() - dt.timedelta(days=jump).total_seconds()})

    celery._record_start(Task)
    waits = [record.value for record in captured_metrics.find("celery.task.wait") if record.kind == "timing"]
    assert waits == ([] if jump > 0 else [0.0])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), "nan", object(), None])
def test_a_timing_that_is_not_a_number_is_dropped_and_costs_no_other_value(value: Any) -> None:
    with agent() as listener:
        client = client_of(listener, flush_seconds=3600)
        for seconds in (0.001, value, 0.002):
            client.timing("t", seconds)
        client.flush()
        dropped = client.health()["dropped"]
        client.close()
        assert [sample.value for sample in listener.samples()] == [1.0, 2.0]
    assert dropped == {"invalid_value": 1}
