"""Generated dashboards are right, and the lint would see if they were not: each mutation is caught."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import override_settings

from tests.stack.generate.grafana.traffic import configured
from zemanta_ops.metrics.gauges import registry as gauges
from zemanta_ops.metrics.gauges.registry import app_gauge
from zemanta_ops.stack.charts.results import list_panels
from zemanta_ops.stack.declarations import (
    Alert,
    Composite,
    Objective,
    above,
    below,
    describe,
    isolate,
    last,
    mean,
    rate,
    sum_of,
    total,
)
from zemanta_ops.stack.generate.grafana import build_dashboards, read_sources
from zemanta_ops.stack.generate.grafana.generator import render_json
from zemanta_ops.stack.generate.grafana.lint import lint_dashboards

Json = dict[str, Any]
LANGUAGES = ("influxql", "flux", "promql")
ODD = 'app, "50" = a\'b\\c $x ${y} {{z}} <b> \u2028 漢字 % # \n'


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    read_sources()  # imports the gauges of the installed apps before the registry is copied
    monkeypatch.setattr(gauges, "_registry", dict(gauges._registry))
    with isolate(), configured():
        describe("shop.jobs", unit="jobs", meaning="Print jobs.", tags=("state",), repeat="state")
        describe("cpu.cores", kind="gauge", tags=("host",), measurement="system", field="n_cpus")
        errors = Composite(
            "shop.error_ratio",
            numerator=total("http.request.count", status="5*"),
            denominator=total("http.request.count"),
            by=("view",),
            unit="ratio",
        )
        Alert(errors, warn=above(0.01), crit=above(0.05), runbook="https://wiki.example.com/errors")
        Alert(last("shop.jobs"), crit=above(5), by=("state",), runbook="https://wiki.example.com/jobs")
        Composite("shop.per_core", numerator=rate("http.request.count"), denominator=mean("cpu.cores"), by=("host",))
        Objective("checkout", total=total("http.request.count", view="shop_list"), bad={"status": "5*"}, target=0.999)
        Objective("fast", total=total("http.request.count", view="shop_list"), within=500, target=0.99)
        yield


def build(language: str = "influxql") -> dict[str, Json]:
    sources, warnings = read_sources()
    assert warnings == []
    return dict(build_dashboards(sources, language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_generated_dashboards_have_no_fault(declared: None, language: str) -> None:
    dashboards = build(language)
    assert set(dashboards) == {"overview", "view", "work", "state", "pipeline"}
    assert lint_dashboards(dashboards) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_300_gauges_and_odd_names_make_dashboards_without_a_fault(declared: None, language: str) -> None:
    for number in range(300):
        app_gauge(f"app{number % 50}.gauge.{number}")(lambda: 1)
    app_gauge(ODD.replace("$", ""), state="x")(lambda: 1)
    settings = {"METRICS": {"TAGS": {"app": ODD, "env": "test"}, "PREFIX": "shop"}}
    with override_settings(ZEMANTA_OPS=settings):
        sources, _ = read_sources()
        dashboards = dict(build_dashboards(sources, language))
    assert lint_dashboards(dashboards) == []
    assert sum(len(panel.get("targets", ())) for panel in dashboards["state"]["panels"]) >= 300
    assert json.loads(render_json(dashboards["state"])) == dashboards["state"]


def without_place(panels: list[Json]) -> list[Json]:
    """Return the panels, those in collapsed rows too, without their places, which a new panel shifts."""
    return [{**panel, "gridPos": None, "panels": without_place(panel.get("panels", []))} for panel in panels]


def test_one_more_gauge_changes_only_its_own_lines(declared: None) -> None:
    before = build()
    app_gauge("aaa.first")(lambda: 1)
    after = build()
    assert {name for name in after if after[name] != before[name]} == {"state"}
    old = {panel["id"]: panel for panel in before["state"]["panels"]}
    new = {panel["id"]: panel for panel in after["state"]["panels"]}
    [added] = set(new) - set(old)
    assert new[added]["title"] == "Aaa first"
    assert set(old) < set(new)
    assert without_place(before["state"]["panels"]) == [
        panel for panel in without_place(after["state"]["panels"]) if panel["id"] != added
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sum_that_an_alert_judges_has_a_panel_of_its_own_with_its_areas(declared: None, language: str) -> None:
    Alert(sum_of("shop.jobs"), crit=above(50), name="all jobs")
    Alert(sum_of("cpu.cores"), by=("host",), warn=below(8), name="cores")
    Alert(sum_of("cpu.cores"), warn=below(9), name="all cores")
    dashboards = build(language)
    found = {
        panel["title"]: [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]
        for panel in list_panels(dashboards["state"])
    }
    assert found["Shop jobs, sum"] == [None, 50]
    # Of two alerts, the first by its name.
    assert found["Cpu cores, sum"] == [None, 9]
    # A series has other limits than the sum, or none.
    [each_state] = [limits for title, limits in found.items() if title.startswith("Shop jobs: $")]
    assert (each_state, found["Cpu cores"]) == ([None, 5], [None])
    assert lint_dashboards(dashboards) == []


def first(dashboards: dict[str, Json], type_: str) -> Json:
    return next(panel for panel in dashboards["overview"]["panels"] if panel["type"] == type_)


def variables(dashboards: dict[str, Json]) -> list[Json]:
    found: list[Json] = dashboards["state"]["templating"]["list"]
    return found


def _set(panel: Any, path: str, value: Any) -> None:
    *keys, final = [int(key) if key.isdecimal() else key for key in path.split(".")]
    for key in keys:
        panel = panel[key]
    panel[final] = value


MUTATIONS: dict[str, Callable[[dict[str, Json]], Any]] = {
    "two panels with one id": lambda d: _set(first(d, "stat"), "id", first(d, "table")["id"]),
    "overlapping panels": lambda d: _set(first(d, "stat"), "gridPos.w", 7),
    "a panel beyond the page": lambda d: _set(first(d, "table"), "gridPos.w", 25),
    "a panel of no height": lambda d: _set(first(d, "table"), "gridPos.h", 0),
    "a panel left of the page": lambda d: _set(first(d, "table"), "gridPos.x", -1),
    "a uid of 41 characters": lambda d: _set(d["overview"], "uid", "x" * 41),
    "a uid with a blank": lambda d: _set(d["overview"], "uid", "zo shop"),
    "no uid": lambda d: d["overview"].pop("uid"),
    "one uid twice": lambda d: _set(d["overview"], "uid", d["view"]["uid"]),
    "no title": lambda d: _set(d["overview"], "title", ""),
    "an old schema": lambda d: _set(d["overview"], "schemaVersion", 16),
    "thresholds that begin with a number": lambda d: _set(
        first(d, "stat"), "fieldConfig.defaults.thresholds.steps.0.value", 0
    ),
    "thresholds that descend": lambda d: _set(
        first(d, "stat"),
        "fieldConfig.defaults.thresholds.steps",
        [{"value": None}, {"value": 5}, {"value": 1}],
    ),
    "no thresholds": lambda d: _set(first(d, "stat"), "fieldConfig.defaults.thresholds.steps", []),
    "an undeclared variable in a query": lambda d: _set(
        first(d, "stat"), "targets.0.query", "SELECT x WHERE $timeFilter AND y =~ /^${queue:regex}$/"
    ),
    "an undeclared variable without braces": lambda d: _set(
        first(d, "stat"), "targets.0.query", "SELECT x WHERE $timeFilter AND y = '$queue'"
    ),
    "an undeclared variable in a link": lambda d: _set(
        first(d, "table"), "fieldConfig.overrides.0.properties", [{"id": "links", "value": [{"url": "/d/x?${queue}"}]}]
    ),
    "an unknown format of a variable": lambda d: _set(
        first(d, "stat"), "targets.0.query", "SELECT x WHERE $timeFilter AND y =~ /^${host:rgx}$/"
    ),
    "a variable that asks for one below it": lambda d: variables(d).reverse(),
    "a variable twice": lambda d: variables(d).append(copy.deepcopy(variables(d)[1])),
    "a row repeated by nothing": lambda d: _set(d["state"]["panels"][-1], "repeat", "queue"),
    "a repeated variable with an allValue": lambda d: _set(variables(d)[-1], "allValue", ".*"),
    "an annotation's query in its old place": lambda d: d["overview"]["annotations"]["list"][0].pop("target"),
    "an unknown panel": lambda d: _set(first(d, "stat"), "type", "singlestat"),
    "an unknown calculation": lambda d: _set(first(d, "stat"), "options.reduceOptions.calcs", ["avg"]),
    "an unknown transformation": lambda d: _set(first(d, "table"), "transformations.0.id", "join"),
    "rows that are merged by time": lambda d: first(d, "table")["transformations"].pop(0),
    "an unknown unit": lambda d: _set(first(d, "stat"), "fieldConfig.defaults.unit", "milliseconds"),
    "a query that reads all time": lambda d: _set(first(d, "stat"), "targets.0.query", "SELECT x FROM y"),
    "an empty query": lambda d: _set(first(d, "stat"), "targets.0.query", ""),
    "a panel without queries": lambda d: _set(first(d, "stat"), "targets", []),
    "two queries of one name": lambda d: _set(first(d, "table"), "targets.1.refId", "A"),
    "a database that does not follow": lambda d: _set(first(d, "stat"), "targets.0.datasource.uid", "influxdb"),
}


@pytest.mark.parametrize("mutate", MUTATIONS.values(), ids=MUTATIONS)
def test_the_lint_catches(declared: None, mutate: Callable[[dict[str, Json]], Any]) -> None:
    dashboards = copy.deepcopy(build())
    mutate(dashboards)
    assert lint_dashboards(dashboards) != []


@pytest.mark.parametrize(
    ("limits", "steps"),
    [
        ((above(1), above(5)), [(None, "green"), (1, "yellow"), (5, "red")]),
        ((None, above(5)), [(None, "green"), (5, "red")]),
    ],
)
def test_the_areas_of_an_alert_are_green_yellow_and_red(limits: Any, steps: Any) -> None:
    from zemanta_ops.stack.generate.grafana.panels import Limits, render_thresholds

    found = render_thresholds(Limits(*limits))
    assert [(step["value"], step["color"]) for step in found["steps"]] == steps


def test_for_an_alert_of_low_values_the_areas_are_the_other_way_around() -> None:
    from zemanta_ops.stack.declarations import below
    from zemanta_ops.stack.generate.grafana.panels import Limits, render_thresholds

    both = render_thresholds(Limits(below(5), below(1)))
    assert [(step["value"], step["color"]) for step in both["steps"]] == [(None, "red"), (1, "yellow"), (5, "green")]
    one = render_thresholds(Limits(below(5), None))
    assert [(step["value"], step["color"]) for step in one["steps"]] == [(None, "yellow"), (5, "green")]
