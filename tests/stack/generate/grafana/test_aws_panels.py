"""The dashboard of AWS services on what the real push writes: each panel against the values that were published."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from statistics import fmean, median
from typing import Any

import pytest
from django.test import override_settings

from tests.servers.stores import Store
from tests.servers.victoriametrics import VictoriaMetrics
from tests.stack.cloudwatch.account import REGION, at
from tests.stack.cloudwatch.fake import FakeClients, FakeCloudWatch
from zemanta_ops.stack.charts.interpolation import Choice, Window
from zemanta_ops.stack.charts.results import PanelResult, list_panels, run_panel
from zemanta_ops.stack.cloudwatch.declarations import Declaration
from zemanta_ops.stack.cloudwatch.defaults import build_declarations, load_defaults
from zemanta_ops.stack.cloudwatch.names import name_field, to_snake_case
from zemanta_ops.stack.cloudwatch.run import push
from zemanta_ops.stack.databases import Database
from zemanta_ops.stack.declarations import isolate
from zemanta_ops.stack.generate.grafana import build_dashboards, read_sources

pytestmark = pytest.mark.second_tier

INTERVAL = 600
EVERY = 20
RESOURCES = ("one", "two")
# Resources of the same names are in both.
REGIONS = (REGION, "us-east-1")
DAY = 86_400
# All that are shipped, those included that are off.
CHOSEN: dict[str, Any] = {name: {} for name in load_defaults()}
LANGUAGES = {"INFLUXDB": "influxql", "VICTORIAMETRICS": "promql"}
# A period of a minute has three values, whose 95th and 99th percentile are the largest.
BY_HAND: dict[str, Callable[[list[float]], float]] = {
    "Sum": sum, "Average": fmean, "Minimum": min, "Maximum": max, "p50": median, "p95": max, "p99": max,
}  # fmt: skip
Lines = dict[tuple[tuple[str, str], ...], list[float]]


@dataclass
class Published:
    """An account in which every metric has two resources in each of two regions, and a window of two intervals."""

    start: int
    now: int
    fakes: dict[str, FakeCloudWatch]
    declarations: tuple[Declaration, ...]
    values: Mapping[tuple[str, str, str, str], Mapping[int, float]]

    @property
    def window(self) -> Window:
        return Window(self.start * 1_000, (self.start + 2 * INTERVAL) * 1_000, points=2)

    def is_inside(self, moment: int, language: str) -> bool:
        """Return whether a point is of the two intervals; PromQL has it at the end of its interval."""
        offset = INTERVAL if language == "promql" else 0
        return 0 <= moment / 1_000 - offset - self.start < 2 * INTERVAL

    def compute_by_hand(self, declaration: Declaration, metric: str, statistic: str) -> Lines:
        """Return a line for each resource: of sums all that was published, of others the last period's statistic."""
        lines: Lines = {}
        for region, resource in itertools.product(REGIONS, RESOURCES):
            values = self.values[declaration.name, metric, region, resource]
            labels = [(to_snake_case(name), resource) for name, _ in declaration.dimensions] + [("region", region)]
            length = INTERVAL if statistic == "Sum" else declaration.period
            ends = (self.start + INTERVAL, self.start + 2 * INTERVAL)
            lines[tuple(sorted(labels))] = [
                BY_HAND[statistic]([value for moment, value in values.items() if end - length <= moment < end])
                for end in ends
            ]
        return lines


def publish() -> Published:
    now = int(time.time())
    start = now - now % INTERVAL - 3 * INTERVAL
    fakes, values = {region: FakeCloudWatch(now) for region in REGIONS}, {}
    declarations = build_declarations({"declarations": CHOSEN, "regions": REGIONS})
    places = list(enumerate(itertools.product(REGIONS, RESOURCES)))
    for declaration in declarations:
        is_daily = declaration.period == DAY
        moments = range(now - now % DAY - 10 * DAY, now, DAY) if is_daily else range(start - INTERVAL, now, EVERY)
        for number, metric in enumerate(declaration.metrics):
            for index, (region, resource) in places:
                published = {
                    moment: float(100 * number + 1_000 * index + moment // moments.step % 11 + 1) for moment in moments
                }
                dimensions = {name: resource for name, _ in declaration.dimensions}
                fakes[region].put(declaration.namespace, metric.name, dimensions, published)
                values[declaration.name, metric.name, region, resource] = published
    return Published(start, now, fakes, declarations, values)


@dataclass
class Filled:
    """What was published, and the panels of the dashboard over the database that it was pushed into."""

    published: Published
    panels: Mapping[str, Mapping[str, Any]]
    database: Database
    name: str
    language: str

    def run(self, panel: Mapping[str, Any], *regions: str, points: int = 2) -> PanelResult:
        choice = Choice({"region": regions} if regions else {}, self.name)
        return run_panel(panel, self.database, replace(self.published.window, points=points), choice)

    def read_lines(self, declaration: Declaration, metric: str, statistic: str) -> Lines:
        """Return what a panel draws in the two intervals."""
        result = self.run(self.panels[f"{declaration.name} {name_field(metric, statistic)}"])
        return {
            tuple(sorted(line.labels.items())): [
                value
                for moment, value in line.points
                if value is not None and self.published.is_inside(moment, self.language)
            ]
            for line in result.lines
        }


@pytest.fixture(scope="module")
def filled(new_any_store: Callable[[], Store]) -> Iterator[Filled]:
    store, published = new_any_store(), publish()
    settings = {"CLOUDWATCH": {"REGIONS": list(REGIONS), "DECLARATIONS": CHOSEN}, store.section: store.settings}
    with store.connect() as database, isolate(), override_settings(ZEMANTA_OPS=settings):
        clients = FakeClients(published.fakes)
        daily = [each for each in published.declarations if each.period == DAY]
        others = [each for each in published.declarations if each not in daily]
        for declarations, since in ((others, published.start - INTERVAL // 2), (daily, published.now - 9 * DAY)):
            coverage = push(clients, database, declarations, now=at(published.now), since=at(since))
            assert coverage.ok, coverage.problems
        if isinstance(store.server, VictoriaMetrics):
            store.server.flush()
        language = "flux" if "BUCKET" in store.settings else LANGUAGES[store.section]
        dashboard = build_dashboards(read_sources()[0], language)["aws"]
        yield Filled(published, find_panels(dashboard, published.declarations), database, store.name, language)


def find_panels(dashboard: Mapping[str, Any], declarations: tuple[Declaration, ...]) -> dict[str, Mapping[str, Any]]:
    """Return the panels by declaration and field, in whose order they are."""
    fields = [
        f"{declaration.name} {field}"
        for declaration in declarations
        for metric in declaration.metrics
        for field in metric.list_fields()
    ]
    panels = list(list_panels(dashboard))
    titles = [field.partition(" ")[2].replace("_", " ") for field in fields]
    assert [panel["title"].lower() for panel in panels] == [title.lower() for title in titles]
    return dict(zip(fields, panels, strict=True))


def list_statistics(filled: Filled) -> Iterator[tuple[Declaration, str, str]]:
    for declaration in filled.published.declarations:
        for metric in declaration.metrics:
            yield from ((declaration, metric.name, statistic) for statistic in metric.statistics)


def test_every_panel_draws_what_was_published(filled: Filled) -> None:
    wrong, compared = [], 0
    for declaration, metric, statistic in list_statistics(filled):
        if declaration.period == DAY:
            continue
        found = filled.read_lines(declaration, metric, statistic)
        expected = filled.published.compute_by_hand(declaration, metric, statistic)
        compared += 1
        if found.keys() != expected.keys() or any(found[key] != pytest.approx(expected[key]) for key in found):
            wrong.append((declaration.name, metric, statistic, found, expected))
    assert wrong == []
    assert compared == len(filled.panels) - 2 > 50


def test_a_panel_of_one_value_a_day_shows_days_whatever_the_dashboard_shows(filled: Filled) -> None:
    compared = 0
    for declaration, metric, statistic in list_statistics(filled):
        if declaration.period != DAY:
            continue
        result = filled.run(filled.panels[f"{declaration.name} {name_field(metric, statistic)}"], points=700)
        assert len(result.lines) == len(REGIONS) * len(RESOURCES)
        for line in result.lines:
            published = filled.published.values[
                declaration.name, metric, line.labels["region"], line.labels["bucket_name"]
            ]
            drawn = [value for _, value in line.points if value is not None]
            # Fetched from the second day on; the newest may not be over.
            _, *days = (value for _, value in sorted(published.items()))
            assert drawn in (days, days[:-1])
        compared += 1
    assert compared == 2


def test_the_same_names_in_two_regions_are_two_lines_and_a_region_can_be_chosen(filled: Filled) -> None:
    panel = filled.panels["rds cpu_utilization_average"]
    names = {line.name for line in filled.run(panel).lines}
    if filled.language == "influxql":
        assert names == {f"{resource} {region}" for resource in RESOURCES for region in REGIONS}
    assert len(names) == 4
    assert {line.labels["region"] for line in filled.run(panel, "us-east-1").lines} == {"us-east-1"}
    assert filled.run(panel, "us-west-2").is_empty
