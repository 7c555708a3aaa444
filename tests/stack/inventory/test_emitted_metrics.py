from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client, override_settings

import zemanta_ops
from zemanta_ops import metrics
from zemanta_ops.metrics import catalog, instrumentation
from zemanta_ops.metrics.gauges import registry as gauges
from zemanta_ops.stack.inventory.emitted_metrics import (
    MIDDLEWARE,
    EmittedMetric,
    _merge_calls,
    list_excesses,
    list_metrics,
    list_view_names,
)
from zemanta_ops.stack.inventory.source_calls import Call
from zemanta_ops.testing import Recorder

PATHS = (
    "/", "/named/", "/nowhere/", "/route/5/", "/year/2020/", "/class/", "/shop/item/3/", "/shop/bare/3/",
    "/api/articles/", "/en-us/about/", "/en-us/bare/",
)  # fmt: skip


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    gauges.find_gauges()  # the installed apps' own gauges are imported once, before the registry is emptied
    monkeypatch.setattr(gauges, "_registry", {})


def listed(*instrument: str, middleware: bool = True, **settings: Any) -> dict[str, EmittedMetric]:
    values = {"METRICS": {"INSTRUMENT": list(instrument), **settings}}
    with override_settings(ZEMANTA_OPS=values, MIDDLEWARE=[MIDDLEWARE] if middleware else []):
        return {entry.name: entry for entry in list_metrics()}


def test_every_metric_has_a_source_that_can_be_switched_on() -> None:
    own = {"client", "requests", "buckets", "gauges", "check_metrics", "push_cloudwatch", "compute_composites"}
    assert {metric.source for metric in catalog.METRICS} == {*own, *instrumentation.NAMES}


def test_only_what_is_switched_on_is_listed() -> None:
    assert "http.request.duration" not in listed(middleware=False)
    assert "http.response.size" not in listed("responses", middleware=False)
    assert "http.response.size" in listed("responses")
    assert "db.query.duration" not in listed("cache")
    assert {"http.request.duration", "cache.lookup.count"} <= set(listed("cache"))


def test_values_that_are_known_are_counted() -> None:
    entry = listed("database")["db.query.duration"]
    assert entry.tags["alias"] == ["default"]
    assert entry.series == 1 * 5 * 2
    assert listed("http")["http.client.duration"].series is None
    assert "watch_metrics" in (listed("commands")["command.duration"].tags["command"] or [])


@pytest.mark.urls("tests.metrics.site")
def test_views_are_listed_as_the_middleware_tags_them(captured_metrics: Recorder) -> None:
    with override_settings(MIDDLEWARE=[MIDDLEWARE]):
        for path in PATHS:
            Client(raise_request_exception=False).get(path)
    seen = {record.tags["view"] for record in captured_metrics.find("http.request.count")}
    known = {name.replace(":", "_") for name in list_view_names()}
    assert seen <= known
    assert len(seen) == len(PATHS)


@pytest.mark.parametrize("urls", [None, ""])
def test_a_project_without_urls_has_no_views(urls: str | None) -> None:
    with override_settings(ROOT_URLCONF=urls):
        assert list_view_names() == ["unresolved"]


def test_gauges_are_listed_with_where_they_stand() -> None:
    @metrics.app_gauge("jobs.waiting", queue="mail")
    def jobs_waiting() -> int:
        return 1

    entry = listed()["jobs.waiting"]
    assert entry.tags == {"queue": ["mail"], "(rows)": None}
    assert entry.places[0].endswith("jobs_waiting")
    assert listed()["zemanta_ops.gauge.duration"].tags["gauge"] == ["jobs.waiting"]


def test_calls_of_one_name_are_merged() -> None:
    calls = [
        Call("signup", "counter", (("plan", "pro"), ("via", "web")), "a.py:1"),
        Call("signup", "counter", (("plan", "free"), ("via", None)), "b.py:2"),
        Call("signup", "counter", (("via", "app"),), "b.py:3"),
    ]
    (entry,) = _merge_calls(calls)
    assert entry.tags == {"plan": ["free", "pro"], "via": None}
    assert entry.places == ["a.py:1", "b.py:2", "b.py:3"]


def test_limits_that_are_too_low_are_named() -> None:
    entry = EmittedMetric("hit", "counter", {"view": [str(number) for number in range(30)], "kind": ["a", "b"]})
    with override_settings(ZEMANTA_OPS={"METRICS": {"MAX_TAG_VALUES": 20, "MAX_SERIES": 50}}):
        assert list_excesses([entry]) == [
            "hit: 30 values of view, MAX_TAG_VALUES is 20",
            "hit: up to 60 series, MAX_SERIES is 50",
        ]
    assert entry.limit_series(50) == 50
    assert list_excesses([entry]) == []


def test_every_reason_in_the_code_is_in_the_catalogue() -> None:
    # mypy accepts no other reason; this also finds one that the code no longer gives.
    folder = Path(zemanta_ops.__file__).parent / "metrics" / "delivery"
    source = "".join(path.read_text() for path in folder.rglob("*.py"))
    written = set(re.findall(r'(?:add_dropped\(|Dropped\(|return |else )"(\w+)"', source))
    assert written == set(catalog.DROP_REASONS)
