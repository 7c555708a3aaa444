"""Composites by the real Kapacitor, in every window of 80 minutes, and the same by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.servers.fixtures import require, run
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.process import wait_until
from tests.stack.generate.kapacitor.by_hand import START, STOP, Point, Window, compute, draw_points
from tests.stack.generate.kapacitor.running import (
    GeneratedKapacitor,
    generate_kapacitor,
    read_scripts,
    write_points,
)
from zemanta_ops.stack.declarations import Composite, describe, last, mean, rate, sum_of, total
from zemanta_ops.stack.declarations.registry import isolate
from zemanta_ops.stack.generate.kapacitor.generator import name_task

pytestmark = pytest.mark.second_tier

REQUESTS, DURATION = "http.request.count", "http.request.duration"
# Where each metric is, and the field that is counted.
MEASUREMENTS = {
    REQUESTS: ("http_request_count", "value"),
    DURATION: ("http_request_duration", "count"),
    "cpu.cores": ("system", "n_cpus"),
    "jobs.waiting": ("jobs_waiting", "value"),
    "workers": ("workers", "value"),
}
ERRORS, ALL, PER_SECOND, CORES = total(REQUESTS, status="5*"), total(REQUESTS), rate(REQUESTS), mean("cpu.cores")
WORKERS = sum_of("workers")
BY_HOST, BY_VIEW = {"by": "host"}, {"by": "view"}
COMPOSITES: Mapping[str, dict[str, Any]] = {
    "errors": {"numerator": ERRORS, "denominator": ALL, "min_denominator": 20, **BY_VIEW},
    "errors of two tags": {"value": ERRORS / ALL, "by": ("host", "view"), "window": "5m"},
    "failed": {"value": total(REQUESTS, status=("4*", "5*"), view="home") / ALL},
    "share of a rate": {"value": rate(REQUESTS, view="it's*") / PER_SECOND, **BY_HOST},
    "requests per core": {"value": PER_SECOND / CORES, **BY_HOST},
    "requests per core in 5 minutes": {"value": PER_SECOND / CORES, "window": "5m", **BY_HOST},
    "off the minute": {"value": PER_SECOND / CORES, "every": "90s", "window": "3m", **BY_HOST},
    "hourly": {"value": ALL / total(DURATION), "every": "30m", "window": "1h"},
    "difference": {"value": total(REQUESTS, status="4*") - ERRORS, **BY_VIEW},
    "sum": {"value": last("jobs.waiting") + CORES, **BY_HOST},
    "product": {"value": mean(DURATION) * CORES, **BY_HOST},
    "latency": {"value": mean(DURATION), "every": "10s", "window": "1m", **BY_VIEW},
    "newest": {"value": last("jobs.waiting"), **BY_HOST},
    "scaled": {"value": mean("jobs.waiting") * 2.5, "every": "45s", **BY_HOST},
    "requests per core of all": {"value": PER_SECOND / sum_of("cpu.cores"), "min_denominator": 8},
    "requests per worker": {"value": PER_SECOND / WORKERS, "window": "5m", **BY_HOST},
    "workers per request": {"value": WORKERS / ALL, **BY_HOST},
    "all workers": {"value": WORKERS},
    "workers of a pool": {"value": WORKERS, "by": ("pool",), "every": "30s", "window": "2m"},
    "workers of one host": {"value": sum_of("workers", host="*-1", pool="a") / 2, "every": "45s"},
    "workers without one": {"value": WORKERS - 1, "every": "90s", "window": "3m", **BY_HOST},
    "two sums": {"value": sum_of("cpu.cores") - WORKERS, **BY_HOST},
    "less than": {"value": total(REQUESTS) - 40, "every": "8m"},
    "without tags": {"value": PER_SECOND, "every": "15s", "window": "30s"},
}


def declare() -> Mapping[str, Composite]:
    """Declare composites of every form."""
    describe("cpu.cores", kind="gauge", measurement="system", field="n_cpus", tags=("host",), unit="cores")
    describe("jobs.waiting", kind="gauge", tags=("host",), unit="jobs")
    describe("workers", kind="gauge", tags=("host", "pool"))
    return {name: Composite(f"own.{name.replace(' ', '_')}", **given) for name, given in COMPOSITES.items()}


@pytest.fixture(scope="module")
def composites() -> Mapping[str, Composite]:
    with isolate():
        return declare()


@pytest.fixture(scope="module")
def points() -> list[Point]:
    return draw_points()


@pytest.fixture(scope="module")
def compute_all(
    influxdb1: InfluxDB1, points: list[Point], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Composite], dict[Window, float]]]:
    """Return a function that returns what Kapacitor computed of a composite."""
    require("kapacitor")
    database = influxdb1.create("kapacitor_windows")
    write_points(influxdb1, database, [point.render() for point in points])
    files = generate_kapacitor(declare, database, influxdb1.url)
    assert [each for each in files.warnings if "no receiver" not in each] == []
    # A zone whose hours begin at a quarter of Greenwich's: windows follow UTC all the same.
    kapacitor = GeneratedKapacitor(tmp_path_factory.mktemp("windows"), files, {"TZ": "Asia/Kathmandu"})

    def compute_all(composite: Composite) -> dict[Window, float]:
        kapacitor.replay_script(read_scripts(files)[name_task("shop", composite)], START, STOP + 600)
        measurement = composite.name.replace(".", "_")
        rows = influxdb1.query(f'SELECT "value" FROM "{measurement}" GROUP BY *', database)
        assert {(row["env"], row["app"]) for row in rows} == {("test", "shop")}
        return {Window(tuple(row[tag] for tag in composite.by), row["time"] // 10**9): row["value"] for row in rows}

    with ExitStack() as stack:
        run(kapacitor, stack)
        assert kapacitor.list_errors() == []
        yield compute_all
        assert kapacitor.list_errors() == []


@pytest.mark.parametrize("name", COMPOSITES)
def test_kapacitor_computes_every_window_as_by_hand(
    name: str,
    composites: Mapping[str, Composite],
    points: list[Point],
    compute_all: Callable[[Composite], dict[Window, float]],
) -> None:
    composite = composites[name]
    expected = compute(composite, points, MEASUREMENTS)
    covered = range(START + 1 - composite.window_seconds, STOP + 1 - composite.window_seconds)
    found = {window: value for window, value in compute_all(composite).items() if window.start in covered}
    assert len(expected) > 1
    assert found == {window: pytest.approx(value) for window, value in expected.items()}


def test_points_that_come_late_are_counted(influxdb1: InfluxDB1, database: str, tmp_path: Path) -> None:
    require("kapacitor")

    def write(number: int) -> None:
        moment = START + 600 + number
        influxdb1.write(f"http_request_count,env=test,app=shop,view=home value=4 {moment}000000000", database)

    def read() -> list[float]:
        return [row["value"] for row in influxdb1.query("SELECT value FROM own_all", database)]

    files = generate_kapacitor(lambda: Composite("own.all", value=ALL), database, influxdb1.url)
    kapacitor = GeneratedKapacitor(tmp_path, files)
    with ExitStack() as stack:
        run(kapacitor, stack)
        write(1)
        kapacitor.replay("shop-composite-own-all", START, START + 690)
        assert wait_until(lambda: read() == [4])
        # Two minutes later it is corrected for the last time.
        for number, stop, expected in ((2, 810, 8), (3, 870, 8)):
            write(number)
            kapacitor.replay("shop-composite-own-all", START + stop - 60, START + stop)
            assert wait_until(lambda wanted=expected: read() == [wanted])  # type: ignore[misc]


def test_a_changed_sum_does_not_add_what_it_added_before(influxdb1: InfluxDB1, database: str, tmp_path: Path) -> None:
    require("kapacitor")

    def generate_script(**filters: str) -> str:
        def declare() -> None:
            describe("workers", kind="gauge", tags=("host",))
            Composite("own.workers", value=sum_of("workers", **filters))

        return read_scripts(generate_kapacitor(declare, database, influxdb1.url))["shop-composite-own-workers"]

    lines = [f"workers,host={host} value={number} {START + 10}000000000" for host, number in (("a", 4), ("b", 8))]
    influxdb1.write("\n".join(lines), database)
    kapacitor = GeneratedKapacitor(tmp_path, generate_kapacitor(lambda: None, database, influxdb1.url))
    with ExitStack() as stack:
        run(kapacitor, stack)
        for script, expected in ((generate_script(), 12), (generate_script(host="a"), 4)):
            kapacitor.replay_script(script, START, START + 240)
            rows = influxdb1.query("SELECT value FROM own_workers", database)
            assert [(row["time"], row["value"]) for row in rows] == [(START * 10**9, expected)]
