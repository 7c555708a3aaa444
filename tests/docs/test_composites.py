"""The example of a cluster: Kapacitor, the commands and the panel have the numbers that a hand computes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.docs.walkthrough import blocks
from tests.servers.fixtures import require, run
from tests.servers.influxdb1 import InfluxDB1
from tests.stack.alerting.listening import Listener, listening
from tests.stack.alerting.receivers.sending import read
from tests.stack.generate.kapacitor.running import (
    ROUTING_KEY,
    TAGS,
    GeneratedKapacitor,
    declared,
    generate_kapacitor,
    write_points,
)
from zemanta_ops.stack.alerting.checker import Checker
from zemanta_ops.stack.alerting.delivery import Sender
from zemanta_ops.stack.alerting.judges import AlertJudge
from zemanta_ops.stack.charts.interpolation import Choice, Window
from zemanta_ops.stack.charts.results import list_panels, run_panel
from zemanta_ops.stack.databases import connect
from zemanta_ops.stack.evaluation import Reader, Span, compute_composite
from zemanta_ops.stack.generate.grafana import build_dashboards, read_sources
from zemanta_ops.stack.inventory.usable import read_usable

HEADING = "Requests per second and core"
(EXAMPLE,) = (block.body for block in blocks("composites") if block.heading == HEADING)
NAME, TASK = "shop.requests_per_core", "shop-{}-shop-requests-per-core"
METRICS = {"TAGS": {**TAGS, "cluster": "east"}}

MINUTE, INTERVAL = 60, 10
START = 1_700_002_800
STOP = START + 70 * MINUTE
CORES = {("east", "web-1"): 4, ("east", "web-2"): 8, ("west", "web-3"): 8}
# From these minutes on, requests per second and core of the cluster in the east; of the other one always 10.
LOAD = {0: 10.0, 15: 50.0, 25: 70.0, 35: 30.0}
# In these minutes a host serves requests, and has no samples of its cores.
UNKNOWN_HOST, UNKNOWN = "web-2", range(50, 60)
# A dedup key, the severity or what else happens, and the message with its number.
Event = tuple[str, str, str]


def find_load(cluster: str, minute: int) -> float:
    return LOAD[max(start for start in LOAD if start <= minute)] if cluster == "east" else 10.0


def write_day(influxdb1: InfluxDB1, database: str) -> None:
    """Write what the hosts emit, and what Telegraf's input ``system`` writes of them."""
    lines = []
    for moment in range(START, STOP, INTERVAL):
        minute = (moment - START) // MINUTE
        for (cluster, host), cores in CORES.items():
            place = f"cluster={cluster},host={host}"
            number = find_load(cluster, minute) * cores * INTERVAL
            lines.append(f"http_request_count,env=test,app=shop,{place},status=200 value={number} {moment}000000000")
            if not (host == UNKNOWN_HOST and minute in UNKNOWN):
                lines.append(f"system,{place} n_cpus={cores}i {moment}000000000")
    write_points(influxdb1, database, lines)


def compute_by_hand(cluster: str, minute: int) -> float | None:
    """Return the number of the five minutes from ``minute`` on; None if fewer than eight cores are known."""
    minutes = range(minute, minute + 5)
    hosts = {host: cores for (its, host), cores in CORES.items() if its == cluster}
    known = sum(cores for host, cores in hosts.items() if not (host == UNKNOWN_HOST and set(minutes) <= set(UNKNOWN)))
    if known < 8:
        return None
    return sum(find_load(cluster, each) for each in minutes) / 5 * sum(hosts.values()) / known


BY_HAND = {
    (cluster, START + minute * MINUTE): number
    for cluster in ("east", "west")
    for minute in range(65)
    if (number := compute_by_hand(cluster, minute)) is not None
}


@pytest.fixture
def pagers() -> Iterator[tuple[Listener, Listener]]:
    """Return what takes the events of Kapacitor, and those of the command."""
    with listening() as one, listening() as other:
        yield one, other


def list_events(pager: Listener) -> list[Event]:
    events = []
    for body in (each.body for each in pager.taken):
        level, text = body["event_action"], ""
        if level == "trigger":
            level, text = body["payload"]["severity"], body["payload"]["summary"]
        events.append((body["dedup_key"], level, text))
    return events


def start_kapacitor(stack: ExitStack, folder: Path, url: str, database: str, pager: Listener) -> GeneratedKapacitor:
    receivers = {"pager": {"BACKEND": "pagerduty", "URL": pager.url}}
    files = generate_kapacitor(
        lambda: exec(EXAMPLE, {}), database, url, metrics=METRICS, ALERTS={"RECEIVERS": receivers}
    )
    assert files.warnings == []
    server = GeneratedKapacitor(folder, files, {"KAPACITOR_PAGERDUTY2_ROUTING_KEY": ROUTING_KEY})
    run(server, stack)
    for task in ("composite", "alert"):
        server.replay_script(server.read_script(TASK.format(task)), START, STOP + 2 * MINUTE)
    return server


def read_written(influxdb1: InfluxDB1, database: str) -> dict[tuple[str, int], float]:
    """Return what Kapacitor wrote of the windows that are full of points."""
    rows = influxdb1.query('SELECT "value" FROM "shop_requests_per_core" GROUP BY "cluster"', database)
    found = {(row["cluster"], row["time"] // 10**9): row["value"] for row in rows}
    return {key: value for key, value in found.items() if START <= key[1] < START + 65 * MINUTE}


def compute_all(reader: Reader) -> dict[tuple[str, int], float]:
    """Return what the commands compute."""
    (composite,) = (each for each in read_usable().declarations.composites if each.name == NAME)
    found = {}
    for start in range(START, START + 65 * MINUTE, MINUTE):
        for each in compute_composite(reader, composite, Span(start, start + 5 * MINUTE)):
            if each.value is not None:
                found[each.tags["cluster"], start] = each.value
    return found


def check_alerts(reader: Reader, pager: Listener) -> None:
    (alert,) = (each for each in read_usable().declarations.alerts if each.key == NAME)
    found = read(pager={"BACKEND": "pagerduty", "URL": pager.url, "ROUTING_KEY": ROUTING_KEY})
    checker = Checker([AlertJudge(alert)], reader, found.least_levels, Sender(found.usable))
    for end in range(START + 5 * MINUTE, STOP + MINUTE, MINUTE):
        assert checker.check(end + 2 * INTERVAL).problems == []


def draw_panel(reader: Reader) -> tuple[list[Any], dict[tuple[str, int], float]]:
    """Return the limits of the areas, and what the panel draws."""
    sources, _ = read_sources()
    panels = list_panels(build_dashboards(sources, "influxql")["state"])
    (panel,) = (each for each in panels if each["title"] == "Shop requests per core")
    panel = {**panel, "interval": "1m"}
    window = Window(START * 1_000, (START + 65 * MINUTE) * 1_000 - 1)
    lines = run_panel(panel, reader.database, window, Choice()).lines
    drawn = {(line.labels["cluster"], at // 1_000): value for line in lines for at, value in line.points if value}
    return [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]], drawn


@pytest.mark.second_tier
@pytest.mark.django_db
def test_a_cluster_has_the_same_numbers_by_kapacitor_by_the_commands_and_on_the_panel(
    influxdb1: InfluxDB1, database: str, pagers: tuple[Listener, Listener], tmp_path: Path
) -> None:
    require("kapacitor")
    write_day(influxdb1, database)
    expected: dict[tuple[str, int], Any] = {key: pytest.approx(number) for key, number in BY_HAND.items()}
    with ExitStack() as stack:
        server = start_kapacitor(stack, tmp_path, influxdb1.url, database, pagers[0])
        assert read_written(influxdb1, database) == expected
        assert server.list_errors() == []
    settings = {"URL": influxdb1.url, "DATABASE": database}
    with (
        declared(lambda: exec(EXAMPLE, {}), influxdb=settings, metrics=METRICS),
        connect(influxdb1.url, database=database) as opened,
    ):
        reader = Reader(opened, read_usable().deployment)
        assert compute_all(reader) == expected
        assert draw_panel(reader) == ([None, 40, 60], expected)
        check_alerts(reader, pagers[1])
    events = list_events(pagers[0])
    assert [level for _, level, _ in events] == ["warning", "critical", "warning", "resolve"]
    assert events == list_events(pagers[1])


def test_the_example_has_ten_lines_or_fewer_and_nothing_to_be_refused() -> None:
    lines = [line for line in EXAMPLE.splitlines() if line]
    assert len(lines) <= 10
    with declared(lambda: exec(EXAMPLE, {}), influxdb={}, metrics=METRICS):
        usable = read_usable()
    assert usable.refusals == []
    assert NAME in [each.name for each in usable.declarations.composites]
    assert NAME in [each.key for each in usable.declarations.alerts]
