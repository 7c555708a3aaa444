"""Every panel's query on real databases, filled through a real Telegraf, against numbers computed by hand."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.servers.fixtures import require, run
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.influxdb2 import ORG, TOKEN, InfluxDB2
from tests.servers.process import free_port, wait_until
from tests.servers.telegraf import Telegraf, config, influxdb1_output, influxdb2_output
from tests.servers.victoriametrics import VictoriaMetrics
from tests.stack.generate.grafana.traffic import INTERVAL, REQUESTS, configured, send, wait_for_room
from zemanta_ops.stack.charts.interpolation import Choice, Window, interpolate
from zemanta_ops.stack.charts.results import PanelResult, list_panels, run_panel
from zemanta_ops.stack.databases import Database, connect
from zemanta_ops.stack.generate.grafana import build_dashboards, read_sources

_names = (f"panels_{number}" for number in itertools.count(1))
STATSD = "float_counters = true\n  float_sets = true"
PERCENTILES = "percentiles = [50.0, 90.0, 95.0, 99.0]"
ONE_VIEW = {"view": ["shop_detail"]}


@dataclass
class Filled:
    """Databases by language, and the window that the traffic is in."""

    databases: Mapping[str, Database]
    name: str
    window: Window
    settings: Mapping[str, Any] = field(default_factory=dict)

    def run(
        self, dashboard: str, title: str, language: str, values: Any = None, window: Window | None = None
    ) -> PanelResult:
        with configured(**self.settings):
            sources, _ = read_sources()
        panel = next(p for p in list_panels(build_dashboards(sources, language)[dashboard]) if p["title"] == title)
        # The traffic is within one interval of this length, whatever longer one a panel has.
        panel = {**panel, "interval": "1s"}
        choice = Choice(values or (ONE_VIEW if dashboard == "view" else {}), self.name)
        return run_panel(panel, self.databases[language], window or self.window, choice)


def fill(stack: ExitStack, folder: Any, outputs: str, arrived: Callable[[], bool]) -> Window:
    port = free_port()
    text = config(port, outputs, statsd=STATSD).replace("percentiles = [50.0, 90.0, 99.0]", PERCENTILES)
    telegraf = Telegraf(folder, text, port)
    run(telegraf, stack)
    window = wait_for_room()
    send(telegraf)
    assert wait_until(arrived, 15)
    return window


def count_series(influxdb: InfluxDB1, name: str) -> int:
    """Return how many series have a point: those of the gauges are sent last."""
    return len(influxdb.last_points("^shop_jobs$", name))


@pytest.fixture(scope="module")
def filled(influxdb1: InfluxDB1, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    require("telegraf")
    with ExitStack() as stack:
        name = influxdb1.create(next(_names))
        output = influxdb1_output(influxdb1.url, name)
        window = fill(stack, tmp_path_factory.mktemp("telegraf"), output, lambda: count_series(influxdb1, name) == 4)
        yield Filled({"influxql": connect(influxdb1.url, database=name)}, name, window)


@pytest.fixture(scope="module")
def filled_both(
    influxdb1: InfluxDB1, influxdb2: InfluxDB2, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Filled]:
    require("telegraf")
    with ExitStack() as stack:
        name = influxdb2.create(influxdb1.create(next(_names)))
        outputs = influxdb1_output(influxdb1.url, name) + influxdb2_output(influxdb2.url, name)

        def arrived() -> bool:
            return count_series(influxdb1, name) == len(influxdb2.last_points("^shop_jobs$", name)) == 4

        window = fill(stack, tmp_path_factory.mktemp("telegraf"), outputs, arrived)
        two = connect(influxdb2.url, org=ORG, bucket=name, token=TOKEN)
        yield Filled({"influxql": connect(influxdb1.url, database=name), "flux": two}, name, window)
        two.close()


@pytest.fixture(scope="module")
def filled_victoriametrics(
    victoriametrics: VictoriaMetrics, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Filled]:
    require("telegraf")
    with ExitStack() as stack, victoriametrics.flushing():
        name = next(_names)
        database = connect(write_url=victoriametrics.url, database=name)
        output = influxdb1_output(victoriametrics.url, name)

        def arrived() -> bool:
            return len(database.query(f'{{__name__="shop_jobs_value", db="{name}"}}')) == 4

        window = fill(stack, tmp_path_factory.mktemp("telegraf"), output, arrived)
        # A value is at the end of its interval, and there is none of an interval that has not ended.
        assert wait_until(lambda: time.time() > window.start / 1_000 + 2 * INTERVAL, INTERVAL + 1)
        settings = {"WRITE_URL": victoriametrics.url, "DATABASE": name}
        yield Filled({"promql": database}, name, window, {"VICTORIAMETRICS": settings})


def sums(result: PanelResult) -> dict[str, float]:
    """Return the sum of each line's values: the traffic is within one interval, the others are empty."""
    return {line.name: sum(value or 0 for _, value in line.points) for line in result.lines}


def of(view: str, status: int | None = None) -> list[float]:
    return [each.milliseconds for each in REQUESTS if each.view == view and status in (None, each.status)]


def percentile(values: list[float], quantile: float, bounds: list[float]) -> float:
    """Interpolate within the bucket that the percentile is in, as histogram_quantile does."""
    rank, lower, below = quantile * len(values), 0.0, 0
    for bound in bounds:
        count = sum(value <= bound for value in values)
        if count >= rank and count > below:
            return lower + (bound - lower) * (rank - below) / (count - below)
        lower, below = bound, count
    return bounds[-1]


# Of what the large numbers are: the three intervals of the window.
SHOWN = 3 * INTERVAL - 0.001
ALL = [each.milliseconds for each in REQUESTS]
BOUNDS = [25.0, 50.0, 100.0, 250.0, 500.0, 1000.0]
BY_HAND: dict[tuple[str, str], dict[str, float]] = {
    ("overview", "Requests per second"): {"Requests per second": len(ALL) / SHOWN},
    ("overview", "Requests that fail"): {"Requests that fail": 10 / 150},
    ("overview", "Mean latency"): {"Mean latency": sum(ALL) / len(ALL)},
    ("overview", "Requests at once"): {"Requests at once": sum(ALL) / (SHOWN * 1_000)},
    ("overview", "HTTP request error ratio"): {"shop_detail": 10 / 40, "shop_list": 0},
    ("overview", "Latency"): {
        "mean": sum(ALL) / len(ALL),
        "p50": percentile(ALL, 0.5, BOUNDS),
        "p95": 1_000,
        "p99": 1_000,
    },
    ("overview", "Cache hit ratio"): {"one_alias": 1},
    ("overview", "HTTP client error ratio"): {"one_peer": 0},
    ("overview", "Samples dropped per second"): {"one_reason": 144 / INTERVAL},
    ("overview", "Latency of all requests"): {
        "25": 32, "50": 50, "100": 19, "250": 29, "500": 10, "1000": 0, "+Inf": 10,
    },
    ("view", "Requests per second"): {"200": 30 / INTERVAL, "500": 10 / INTERVAL},
    ("view", "Errors by exception"): {"KeyError": 10},
    ("view", "Latency"): {
        "mean": sum(of("shop_detail")) / 40,
        "p50": percentile(of("shop_detail"), 0.5, BOUNDS),
        "p95": percentile(of("shop_detail"), 0.95, BOUNDS),
        "p99": percentile(of("shop_detail"), 0.99, BOUNDS),
    },
    ("view", "Most repeated query of a request (N+1)"): {"mean": 6, "worst request": 8},
    ("work", "Time of tasks"): {"one_task ok": 6},
    ("state", "Shop jobs"): {"failed": 2, "waiting": 5},
    ("state", "Shop large job ratio"): {"shop.large_job_ratio": 0},
    ("state", "Shop price"): {"total": 2},
    ("pipeline", "Longest queue of a process"): {"web-1": 8, "web-2": 8},
}  # fmt: skip


@pytest.mark.parametrize(("dashboard", "title"), BY_HAND, ids=[" ".join(key) for key in BY_HAND])
def test_a_panel_draws_what_was_sent(filled: Filled, dashboard: str, title: str) -> None:
    found = sums(filled.run(dashboard, title, "influxql"))
    assert found == pytest.approx(BY_HAND[dashboard, title], rel=1e-6)


def test_the_table_of_views_has_a_row_for_each_view(filled: Filled) -> None:
    rows = {row.pop("view"): row for row in filled.run("overview", "Views, slowest first", "influxql").rows}
    assert rows["shop_list"] == pytest.approx(
        {"requests": 100, "errors": 0, "mean": 34.5, "p95": percentile(of("shop_list"), 0.95, BOUNDS)}, rel=1e-6
    )
    assert rows["shop_detail"] == pytest.approx(
        {
            "requests": 40,
            "errors": 0.25,
            "mean": sum(of("shop_detail")) / 40,
            "p95": percentile(of("shop_detail"), 0.95, BOUNDS),
            "queries": 6,
            "most repeated query": 8,
        },
        rel=1e-6,
    )


def test_no_panel_is_empty(filled: Filled) -> None:
    with configured():
        sources, warnings = read_sources()
    assert warnings == []
    for name, dashboard in build_dashboards(sources, "influxql").items():
        for panel in list_panels(dashboard):
            # A week before this database there was nothing.
            choice = Choice(ONE_VIEW if name == "view" else {})
            panel = {key: value for key, value in panel.items() if key != "timeShift"}
            assert not run_panel(panel, filled.databases["influxql"], filled.window, choice).is_empty, panel["title"]


def test_a_panel_of_a_week_ago_asks_for_a_week_ago_and_draws_it_today(filled: Filled) -> None:
    week = 7 * 86_400_000
    window = Window(filled.window.start + week, filled.window.end + week, filled.window.points)
    result = filled.run("overview", "The same a week ago", "influxql", window=window)
    assert sums(result) == pytest.approx({"requests": len(ALL) / INTERVAL})
    assert all(window.start - INTERVAL * 1_000 <= moment <= window.end for moment, _ in result.lines[0].points)


def test_the_chosen_hosts_are_shown_and_no_others(filled: Filled) -> None:
    one = filled.run("overview", "Requests per second", "influxql", {"host": ["web-2"]})
    assert sums(one) == pytest.approx({"Requests per second": 60 / SHOWN})
    both = filled.run("overview", "Requests per second", "influxql", {"host": ["web-1", "web-2"]})
    assert sums(both) == pytest.approx({"Requests per second": 150 / SHOWN})
    none = filled.run("overview", "Requests per second", "influxql", {"env": ["t.st"]})
    assert sums(none) == {}


def test_a_quiet_interval_has_no_error_ratio(filled: Filled) -> None:
    """Without the guard, 0 of 0 would look like no errors, or, in another language, like an outage."""
    result = filled.run("overview", "HTTP request error ratio", "influxql")
    assert {len(line.points) for line in result.lines} == {1}
    assert "shop_report" not in sums(result)


def normalize(panel: Mapping[str, Any], result: PanelResult) -> Any:
    """Return what a panel draws without the zeros and gaps that languages fill in differently."""
    # A number of the whole time has a time in one language only.
    timed = panel["type"] != "stat"
    lines = [
        (line.name, [(timed and moment, round(float(value), 4)) for moment, value in line.points if value])
        for line in result.lines
    ]
    rows = [{key: round(float(v), 3) if not isinstance(v, str) else v for key, v in row.items()} for row in result.rows]
    return sorted(line for line in lines if line[1]), sorted(rows, key=str)


@pytest.mark.second_tier
def test_flux_draws_what_influxql_draws_in_every_panel(filled_both: Filled) -> None:
    with configured():
        sources, _ = read_sources()
    first, second = (build_dashboards(sources, language) for language in ("influxql", "flux"))
    compared = 0
    for name in first:
        for one, other in zip(list_panels(first[name]), list_panels(second[name]), strict=True):
            choice = Choice(ONE_VIEW if name == "view" else {}, filled_both.name)
            results = [
                normalize(panel, run_panel(panel, filled_both.databases[language], filled_both.window, choice))
                for panel, language in ((one, "influxql"), (other, "flux"))
            ]
            assert results[0] == results[1], one["title"]
            compared += 1
    assert compared > 40


@pytest.mark.second_tier
@pytest.mark.parametrize(("dashboard", "title"), BY_HAND, ids=[" ".join(key) for key in BY_HAND])
def test_flux_draws_what_was_sent(filled_both: Filled, dashboard: str, title: str) -> None:
    found = sums(filled_both.run(dashboard, title, "flux"))
    assert found == pytest.approx(BY_HAND[dashboard, title], rel=1e-6)


def test_variables_offer_the_values_that_the_ones_before_leave(filled: Filled) -> None:
    with configured():
        sources, _ = read_sources()
    view = build_dashboards(sources, "influxql")["view"]
    variables = {each["name"]: each for each in view["templating"]["list"]}
    assert list(variables) == ["datasource", "env", "app", "host", "view"]

    def values(name: str, chosen: Mapping[str, list[str]]) -> list[str]:
        text = interpolate(variables[name]["query"], filled.window, Choice(chosen), "1s")
        return sorted({row["value"] for row in filled.databases["influxql"].query(text)})

    assert values("host", {}) == ["web-1", "web-2"]
    assert values("view", {"host": ["web-2"]}) == ["shop_list", "shop_report"]
    assert values("view", {"env": ["production"]}) == []


@pytest.mark.second_tier
@pytest.mark.parametrize(("dashboard", "title"), BY_HAND, ids=[" ".join(key) for key in BY_HAND])
def test_promql_draws_what_was_sent(filled_victoriametrics: Filled, dashboard: str, title: str) -> None:
    found = sums(filled_victoriametrics.run(dashboard, title, "promql"))
    assert found == pytest.approx(BY_HAND[dashboard, title], rel=1e-6)


@pytest.mark.second_tier
def test_the_table_of_views_is_the_same_in_promql(filled_victoriametrics: Filled) -> None:
    result = filled_victoriametrics.run("overview", "Views, slowest first", "promql")
    rows = {row.pop("view"): row for row in result.rows}
    assert rows["shop_list"] == pytest.approx(
        {"requests": 100, "errors": 0, "mean": 34.5, "p95": percentile(of("shop_list"), 0.95, BOUNDS)}, rel=1e-6
    )
    assert rows["shop_detail"]["errors"] == 0.25
    # Of this view there is no counter below the largest limit.
    assert rows["shop_report"]["p95"] == 1_000
