"""Every metric type and every entry of the catalogue, through the real Telegraf, read back from every database."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.servers.fixtures import require, run
from tests.servers.influxdb1 import Point
from tests.servers.process import free_port, wait_until
from tests.servers.stores import Store
from tests.servers.telegraf import Telegraf, config
from zemanta_ops.metrics import catalog
from zemanta_ops.metrics.catalog import Metric
from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.options import Options
from zemanta_ops.metrics.series.series import COUNTER, GAUGE, HISTOGRAM, SET, TIMING

pytestmark = pytest.mark.more

KINDS = {"counter": COUNTER, "gauge": GAUGE, "histogram": HISTOGRAM, "set": SET, "timing": TIMING}
# What is sent of each type, and the fields that it makes.
SENT: dict[str, list[Any]] = {
    "counter": [3, 4],
    "gauge": [1.5, 2.5],
    "histogram": [8, 2, 5],
    "set": ["a", "b", "a"],
    "timing": [8.25, 2.25, 4.5],
}
FIELDS: dict[str, dict[str, float]] = {
    "counter": {"value": 7},
    "gauge": {"value": 2.5},
    "histogram": {"count": 3, "sum": 15, "mean": 5, "median": 5, "lower": 2, "upper": 8, "50_percentile": 5},
    "set": {"value": 2},
    "timing": {"count": 3, "sum": 15, "mean": 5, "median": 4.5, "lower": 2.25, "upper": 8.25, "50_percentile": 4.5},
}
OF_VALUES = {
    "count": "integer",
    **dict.fromkeys(["sum", "mean", "median", "stddev", "lower", "upper"], "float"),
    **dict.fromkeys(["50_percentile", "90_percentile", "99_percentile"], "float"),
}
TYPES = {
    "counter": {"value": "float"},
    "gauge": {"value": "float"},
    "histogram": OF_VALUES,
    "set": {"value": "float"},
    "timing": OF_VALUES,
}


@dataclass
class Flow:
    """A client, a Telegraf and a store, one behind the other."""

    client: Client
    telegraf: Telegraf
    store: Store

    def points(self, name: str) -> list[Point]:
        """Return the last points of a metric, as soon as there are any."""
        measurement = f"^{name.replace('.', '_')}$"
        assert wait_until(lambda: bool(self.store.last_points(measurement)), 30, every=0.2), self.telegraf.log()
        return self.store.last_points(measurement)


@pytest.fixture(scope="module")
def flow(new_any_store: Callable[[], Store], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flow]:
    """Start a Telegraf for the tests of this module."""
    require("telegraf")
    port = free_port()
    store = new_any_store()
    with ExitStack() as stack:
        telegraf = Telegraf(tmp_path_factory.mktemp("telegraf"), config(port, store.output), port)
        run(telegraf, stack)
        # Nothing leaves before `flush` is called, and nothing but what is sent.
        options = Options(
            port=port,
            threads=False,
            flush_seconds=3600,
            report_seconds=math.inf,
            max_series=20_000,
            max_tag_values=20_000,
        )
        client = Client(options)
        stack.callback(client.close)
        yield Flow(client, telegraf, store)


def tags_of(metric: Metric) -> dict[str, str]:
    """Return a value for each tag: the last that the app itself can give, or any."""
    values = catalog.TAG_VALUES
    return {tag: values.get((metric.source, tag), (f"größe {tag}/汉",))[-1] for tag in metric.tags}


@pytest.fixture(scope="module")
def catalogue(flow: Flow) -> Flow:
    """Send every entry of the catalogue, all in one flush."""
    for metric in catalog.METRICS:
        for value in SENT[metric.kind]:
            flow.client.emit(KINDS[metric.kind], metric.name, value, tags_of(metric))
    flow.client.flush()
    return flow


@pytest.mark.parametrize("metric", catalog.METRICS, ids=lambda metric: metric.name)
def test_each_metric_of_the_catalogue_is_read_back(catalogue: Flow, metric: Metric) -> None:
    (point,) = catalogue.points(metric.name)

    assert point.tags == {**tags_of(metric), "host": "web-1", "metric_type": metric.kind}
    assert {name: point.fields[name] for name in FIELDS[metric.kind]} == FIELDS[metric.kind]
    assert catalogue.store.types(point.measurement) in (TYPES[metric.kind], None)


@pytest.mark.parametrize("kind", KINDS)
def test_each_type_is_read_back_with_tags_of_any_script(flow: Flow, kind: str) -> None:
    tags = {"city": "Größe/汉字", "plan": "значение", "mood": "🙂", "odd": 'it\'s "so" = ${x} %s'}
    for value in SENT[kind]:
        flow.client.emit(KINDS[kind], f"any.script.{kind}", value, tags)
    flow.client.flush()

    (point,) = flow.points(f"any.script.{kind}")
    assert point.tags == {**tags, "host": "web-1", "metric_type": kind}
    assert {name: point.fields[name] for name in FIELDS[kind]} == FIELDS[kind]
    assert flow.store.types(point.measurement) in (TYPES[kind], None)
    # The product's own reader finds it by these tags, and by no others.
    now = datetime.now(timezone.utc)
    hour = timedelta(hours=1)
    field = "value" if "value" in FIELDS[kind] else "sum"
    with flow.store.connect() as database:
        (reading,) = database.read_values(point.measurement, field, now - hour, now + hour, tags=tags)
        other = database.read_values(point.measurement, field, now - hour, now + hour, tags={**tags, "mood": "x"})
    assert (reading.value, dict(reading.tags), other) == (FIELDS[kind][field], point.tags, [])


def test_a_gauge_moved_by_a_difference_is_read_back(flow: Flow) -> None:
    flow.client.emit(GAUGE, "moved", 10, {})
    flow.client.emit(GAUGE, "moved", (-2.5,), {})
    flow.client.flush()

    assert [point.fields for point in flow.points("moved")] == [{"value": 7.5}]


def test_a_counter_that_counts_down_is_read_back(flow: Flow) -> None:
    flow.client.emit(COUNTER, "down", -3, {})
    flow.client.flush()

    assert [point.fields for point in flow.points("down")] == [{"value": -3}]


def test_ten_thousand_series_are_read_back(flow: Flow) -> None:
    for number in range(10_000):
        flow.client.emit(COUNTER, "many", number, {"number": number})
    flow.client.flush()

    assert wait_until(lambda: len(flow.store.last_points("^many$")) == 10_000, 60, every=1), flow.client.health()
    found = {point.tags["number"]: point.fields for point in flow.store.last_points("^many$")}
    assert found == {str(number): {"value": number} for number in range(10_000)}
