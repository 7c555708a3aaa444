"""The choices at the top of a dashboard are there for every query that uses them, whatever a project declares."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.stack.generate.grafana.traffic import configured
from zemanta_ops.metrics.gauges import registry as gauges
from zemanta_ops.metrics.gauges.registry import app_gauge
from zemanta_ops.stack.declarations import Alert, Composite, above, describe, isolate, mean, rate, total
from zemanta_ops.stack.generate.grafana import build_dashboards, generate, generate_alerts, read_sources
from zemanta_ops.stack.generate.grafana.lint import lint_dashboards

Json = dict[str, Any]
LANGUAGES = ("influxql", "flux", "promql")


@pytest.fixture(autouse=True)
def nothing_declared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    read_sources()  # imports the gauges of the installed apps before the registry is copied
    monkeypatch.setattr(gauges, "_registry", {})
    with isolate(), configured():
        yield


def build(language: str = "influxql") -> dict[str, Json]:
    sources, warnings = read_sources()
    assert warnings == []
    return dict(build_dashboards(sources, language))


def variables(dashboard: Json) -> dict[str, str]:
    return {each["name"]: each["query"] for each in dashboard["templating"]["list"]}


def declare_composite() -> None:
    Composite(
        "shop.error_ratio",
        numerator=total("http.request.count", status="5*"),
        denominator=total("http.request.count"),
        by=("view",),
    )


def declare_foreign() -> None:
    describe("cpu.cores", kind="gauge", tags=("host",), measurement="system", field="n_cpus")
    Composite("shop.per_core", numerator=rate("http.request.count"), denominator=mean("cpu.cores"), by=("host",))


def repeat_by(tag: str) -> Callable[[], Any]:
    return lambda: describe("disk.free", kind="gauge", tags=(tag, "size"), repeat=tag)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "declare",
    [declare_composite, declare_foreign, *map(repeat_by, ("path", "host", "env", "app", "view", "datasource"))],
    ids=["a composite", "foreign", "path", "host", "env", "app", "view", "datasource"],
)
def test_a_project_without_a_gauge_has_every_variable_that_its_dashboards_use(
    declare: Callable[[], Any], language: str
) -> None:
    declare()
    dashboards = build(language)
    assert lint_dashboards(dashboards) == []
    assert [*variables(dashboards["state"])][:4] == ["datasource", "env", "app", "host"]


def test_one_more_gauge_is_not_in_the_query_of_any_variable() -> None:
    app_gauge("shop.first")(lambda: 1)
    before = variables(build()["state"])
    app_gauge("shop.second")(lambda: 1)
    assert variables(build()["state"]) == before


def test_a_row_repeated_by_the_host_has_a_variable_of_its_own_within_the_chosen_hosts() -> None:
    app_gauge("shop.spool")(lambda: 1)
    describe("shop.spool", tags=("host",), repeat="host")
    state = build()["state"]
    assert variables(state)["each_host"].endswith('WITH KEY = "host" WHERE ' + " AND ".join(
        f'"{tag}" =~ /^${{{tag}:regex}}$/' for tag in ("env", "app", "host")
    ))  # fmt: skip
    row = next(panel for panel in state["panels"] if panel.get("repeat"))
    assert row["repeat"] == "each_host"
    query = row["panels"][0]["targets"][0]["query"]
    assert '"host" =~ /^${host:regex}$/ AND "host" =~ /^${each_host:regex}$/' in query


def test_a_row_of_what_another_program_writes_does_not_ask_for_tags_that_it_lacks() -> None:
    describe("cpu.used", kind="gauge", tags=("cpu", "host"), repeat="cpu", measurement="cpu", field="usage_user")
    query = variables(build()["state"])["each_cpu"]
    assert '"host" =~' in query
    assert '"env" =~' not in query


def test_a_quote_in_a_name_does_not_end_the_name_in_promql() -> None:
    describe('disk."c:\\"', kind="gauge")
    [panel] = [each for each in build("promql")["state"]["panels"] if each["type"] == "timeseries"]
    assert r'__name__="disk_\"c:\\\"_value"' in panel["targets"][0]["expr"]


@pytest.mark.parametrize(("database", "policies"), [("shop/week", {"week"}), ("shop", {None})])
def test_every_query_names_the_policy_that_is_written_to(database: str, policies: set[str | None]) -> None:
    Alert(total("http.request.count"), crit=above(5), runbook="https://wiki.example.com/requests")
    with configured(INFLUXDB={"URL": "http://127.0.0.1:8086", "DATABASE": database}):
        generated = generate_alerts(lambda _: False)
    files = [each for each in generated.files if each.path.endswith((".json", "rules.yaml"))]
    documents = [json.loads(re.sub("^#.*", "", each.text)) for each in files]
    queries = [found for document in documents for found in find_queries(document)]
    assert len(queries) > 40
    assert {each.get("policy") for each in queries} == policies


def find_queries(part: Any) -> Iterator[Json]:
    """Yield whatever asks for points, wherever it is."""
    if isinstance(part, dict) and str(part.get("query", "")).startswith("SELECT"):
        yield part
    elif isinstance(part, (dict, list)):
        for each in part.values() if isinstance(part, dict) else part:
            yield from find_queries(each)


def test_what_grafana_would_take_for_a_variable_is_a_warning() -> None:
    describe("price.in_$dollars", kind="gauge")
    generated = generate(lambda _: False)
    [warning] = [each for each in generated.warnings if "INFLUXDB" not in each]
    assert "query A uses the variable dollars, which is not declared" in warning
