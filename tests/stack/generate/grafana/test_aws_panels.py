"""The dashboard of AWS services on what the real push writes: each panel against the values that were published."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
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
# All that are shipped, those included that are off, but for the one of a value a day.
CHOSEN: dict[str, Any] = {name: {} for name, each in load_defaults().items() if each.period < INTERVAL}
LANGUAGES = {"INFLUXDB": "influxql", "VICTORIAMETRICS": "promql"}
# A period of a minute has three values, whose 95th and 99th percentile are the largest.
BY_HAND: dict[str, Callable[[list[float]], float]] = {
    "Sum": sum, "Average": fmean, "Minimum": min, "Maximum": max, "p50": median, "p95": max, "p99": max,
}  # fmt: skip
Lines = dict[tuple[tuple[str, str], ...], list[float]]


@dataclass
class Published:
    """An account in which every metric of every declaration has two resources, and a window of two intervals."""

    start: int
    fake: FakeCloudWatch
    declarations: tuple[Declaration, ...]
    values: Mapping[tuple[str, str, str], Mapping[int, float]]

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
        for resource in RESOURCES:
            values = self.values[declaration.name, metric, resource]
            labels = tuple((to_snake_case(name), resource) for name, _ in sorted(declaration.dimensions))
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
    fake, values = FakeCloudWatch(now), {}
    declarations = build_declarations({"declarations": CHOSEN}, region=REGION)
    for declaration in declarations:
        for number, metric in enumerate(declaration.metrics):
            for index, resource in enumerate(RESOURCES):
                published = {
                    moment: float(100 * number + 1_000 * index + moment // EVERY % 11 + 1)
                    for moment in range(start - INTERVAL, now, EVERY)
                }
                dimensions = {name: resource for name, _ in declaration.dimensions}
                fake.put(declaration.namespace, metric.name, dimensions, published)
                values[declaration.name, metric.name, resource] = published
    return Published(start, fake, declarations, values)


@dataclass
class Filled:
    """What was published, and the panels of the dashboard over the database that it was pushed into."""

    published: Published
    panels: Mapping[str, Mapping[str, Any]]
    database: Database
    name: str
    language: str

    def run(self, panel: Mapping[str, Any], region: str = REGION) -> PanelResult:
        return run_panel(panel, self.database, self.published.window, Choice({"region": [region]}, self.name))

    def read_lines(self, declaration: Declaration, metric: str, statistic: str) -> Lines:
        """Return what a panel draws in the two intervals."""
        result = self.run(self.panels[f"{declaration.name} {name_field(metric, statistic)}"])
        return {
            # The last row of an interval keeps its other tags in Flux.
            tuple(sorted((tag, value) for tag, value in line.labels.items() if tag != "region")): [
                value
                for moment, value in line.points
                if value is not None and self.published.is_inside(moment, self.language)
            ]
            for line in result.lines
        }


@pytest.fixture(scope="module")
def filled(new_any_store: Callable[[], Store]) -> Iterator[Filled]:
    store, published = new_any_store(), publish()
    settings = {"CLOUDWATCH": {"REGIONS": [REGION], "DECLARATIONS": CHOSEN}, store.section: store.settings}
    with store.connect() as database, isolate(), override_settings(ZEMANTA_OPS=settings):
        clients = FakeClients({REGION: published.fake})
        since = at(published.start - INTERVAL // 2)
        coverage = push(clients, database, published.declarations, now=at(published.fake.now), since=since)
        assert coverage.ok, coverage.problems
        if isinstance(store.server, VictoriaMetrics):
            store.server.flush()
        language = "flux" if "BUCKET" in store.settings else LANGUAGES[store.section]
        dashboard = build_dashboards(read_sources()[0], language)["aws"]
        yield Filled(published, find_panels(dashboard, published.declarations), database, store.name, language)


def find_panels(dashboard: Mapping[str, Any], declarations: tuple[Declaration, ...]) -> dict[str, Mapping[str, Any]]:
    """Return the panels by declaration and field, in whose order they are; what is on by default is first."""
    fields = [
        f"{declaration.name} {field}"
        for declaration in sorted(declarations, key=lambda each: not load_defaults()[each.name].enabled)
        for metric in declaration.metrics
        for field in metric.list_fields()
    ]
    panels = list(list_panels(dashboard))
    titles = [field.partition(" ")[2].replace("_", " ") for field in fields]
    assert [panel["title"].lower() for panel in panels] == [title.lower() for title in titles]
    return dict(zip(fields, panels, strict=True))


def test_every_panel_draws_what_was_published(filled: Filled) -> None:
    wrong, compared = [], 0
    for declaration in filled.published.declarations:
        for metric, statistic in (
            (each.name, statistic) for each in declaration.metrics for statistic in each.statistics
        ):
            found = filled.read_lines(declaration, metric, statistic)
            expected = filled.published.compute_by_hand(declaration, metric, statistic)
            compared += 1
            if found.keys() != expected.keys() or any(found[key] != pytest.approx(expected[key]) for key in found):
                wrong.append((declaration.name, metric, statistic, found, expected))
    assert wrong == []
    assert compared == len(filled.panels) > 50


def test_another_region_has_nothing(filled: Filled) -> None:
    assert filled.run(next(iter(filled.panels.values())), "us-west-2").is_empty
