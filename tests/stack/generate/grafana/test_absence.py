"""Panels that may be empty although all is well say why, in Grafana and on the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.test import override_settings

from tests.stack.charts.test_drawing import WINDOW, panel
from tests.stack.generate.grafana.traffic import SETTINGS, configured
from zemanta_ops.metrics import catalog
from zemanta_ops.stack.charts.page import Drawn, render_page
from zemanta_ops.stack.charts.results import PanelResult, list_panels
from zemanta_ops.stack.declarations import describe, isolate
from zemanta_ops.stack.generate.grafana import build_dashboards, read_sources
from zemanta_ops.stack.generate.grafana.dashboards import draw_dashboards

LANGUAGES = ("influxql", "flux", "promql")


@pytest.fixture(autouse=True)
def declared() -> Iterator[None]:
    with isolate(), configured():
        yield


def find_texts(language: str = "influxql") -> dict[str, str]:
    """Return what each panel shows if it is empty, by its title."""
    dashboards = build_dashboards(read_sources()[0], language)
    return {
        each["title"]: each["fieldConfig"]["defaults"].get("noValue", "")
        for dashboard in dashboards.values()
        for each in list_panels(dashboard)
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_text_of_an_empty_panel_is_its_reason(language: str) -> None:
    texts = find_texts(language)
    assert texts["Samples dropped per second"] == "No data: expected if no sample was dropped"
    assert texts["Errors by exception"] == "No data: expected if no request failed"
    assert texts["Queries of a request"] == "No data: expected if the view sent no query"
    assert texts["Requests per second"] == texts["Time of a query"] == ""


def test_every_panel_of_an_optional_metric_of_the_catalogue_has_its_reason() -> None:
    sources, _ = read_sources()
    optional = {sources.deployment.measure(each.name): each.empty_if for each in catalog.METRICS if each.empty_if}
    compared = 0
    for dashboard in draw_dashboards(sources):
        for row in dashboard.rows:
            for each in row.panels:
                measurement = each.asked[0].query.selection.measurement if each.asked else ""
                if measurement in optional:
                    assert each.absence.empty_if == optional[measurement], each.title
                    compared += 1
    assert compared > 15


def test_a_project_describes_when_its_own_metric_is_absent() -> None:
    describe("shop.job.accepted", empty_if="nobody ordered anything")
    describe("payment.failed", kind="counter", measurement="payment", field="failed", empty_if="no payment failed")
    texts = find_texts()
    assert texts["Shop job accepted per second"] == "No data: expected if nobody ordered anything"
    assert texts["Payment failed per second"] == "No data: expected if no payment failed"


def test_a_description_without_a_reason_keeps_that_of_the_catalogue() -> None:
    describe("zemanta_ops.dropped", meaning="Lost.")
    assert find_texts()["Samples dropped per second"].endswith("no sample was dropped")


@pytest.mark.parametrize(("text", "id_"), [("costs $5", "E214"), (5, "E202")])
def test_a_reason_that_cannot_be_used_is_refused(text: Any, id_: str) -> None:
    describe("shop.job.accepted", empty_if=text)
    _, refusals = read_sources()
    assert any("empty_if" in each for each in refusals), id_


def test_aws_metrics_that_may_be_missing_have_a_reason_and_required_ones_do_not() -> None:
    orders: Mapping[str, Any] = {
        "NAMESPACE": "Shop/Orders",
        "DIMENSIONS": {"Queue": "*"},
        "METRICS": {"Failed": {"STATISTICS": "Sum", "OPTIONAL": True}, "Taken": "Sum"},
    }
    aws = {"CLOUDWATCH": {"REGIONS": ["eu-west-1"], "DECLARATIONS": {"orders": orders}}}
    with override_settings(ZEMANTA_OPS={**SETTINGS, **aws}):
        texts = find_texts()
    assert texts["Failed sum"] == texts["Freeable memory minimum"] != ""
    assert texts["Taken sum"] == ""


def test_the_page_shows_the_reason() -> None:
    reason = "No data: expected if <nothing> failed"
    drawn = [{**panel(), "id": number} for number in (1, 2)]
    drawn[0]["fieldConfig"] = {**drawn[0]["fieldConfig"], "defaults": {**drawn[0]["fieldConfig"]["defaults"]}}
    drawn[0]["fieldConfig"]["defaults"]["noValue"] = reason
    dashboard = {"title": "shop: Overview", "panels": drawn}
    page = render_page("shop", [Drawn("overview", dashboard, {1: PanelResult(), 2: PanelResult()}, [])], WINDOW)
    assert page.count("No data: expected if &lt;nothing&gt; failed.</p>") == 1
    assert page.count("No data in the time shown.</p>") == 1
