"""Alerts by the real Kapacitor, through its PagerDuty handler, to a listener on this machine."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.servers.fixtures import require, run
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.process import wait_until
from tests.stack.answering import Answer, Server, answering
from tests.stack.generate.kapacitor.running import (
    ROUTING_KEY,
    GeneratedKapacitor,
    generate_kapacitor,
    write_points,
)
from zemanta_ops.stack.declarations import Alert, Composite, above, below, describe, last, mean, rate, sum_of, total

pytestmark = pytest.mark.second_tier

START = 1_700_002_800
MINUTE = 60
RUNBOOK = "https://wiki.example.com/errors"
REQUESTS = "http.request.count"
ENVIRONMENT = {"KAPACITOR_PAGERDUTY2_ROUTING_KEY": ROUTING_KEY}
OPEN_WARN, OPEN_CRIT, RESOLVE = ("trigger", "warning"), ("trigger", "critical"), ("resolve", "info")


class Event(NamedTuple):
    """What PagerDuty is sent."""

    key: str
    what: tuple[str, str]
    summary: str
    runbooks: tuple[str, ...]


@pytest.fixture
def pagerduty() -> Iterator[Server]:
    with answering(lambda _: Answer(202, '{"status": "success"}', product="")) as server:
        yield server


def read_events(pagerduty: Server) -> list[Event]:
    """Return what it was sent."""
    events = []
    for request in pagerduty.requests:
        assert request.path == "/v2/enqueue"
        body: dict[str, Any] = json.loads(request.body)
        assert body["routing_key"] == ROUTING_KEY
        payload = body["payload"]
        links = tuple(link["href"] for link in body["links"] or ())
        what = (body["event_action"], payload["severity"])
        events.append(Event(body["dedup_key"], what, payload["summary"], links))
    return events


@pytest.fixture
def kapacitor(
    influxdb1: InfluxDB1, database: str, pagerduty: Server, tmp_path: Path
) -> Iterator[Callable[[Callable[[], Any]], GeneratedKapacitor]]:
    """Return a function that starts Kapacitor on the alerts that a function declares."""
    require("kapacitor")

    def start(declare: Callable[[], Any], level: str = "warn", **metrics: Any) -> GeneratedKapacitor:
        receivers = {"pager": {"BACKEND": "pagerduty", "URL": pagerduty.url, "LEVEL": level}}
        files = generate_kapacitor(declare, database, influxdb1.url, metrics=metrics, ALERTS={"RECEIVERS": receivers})
        server = GeneratedKapacitor(tmp_path, files, ENVIRONMENT)
        run(server, stack)
        return server

    with ExitStack() as stack:
        yield start


def count_requests(minute: int, view: str, status: int, number: int) -> str:
    """Return the requests of one minute, in line protocol."""
    moment = START + minute * MINUTE + 10
    return f"http_request_count,env=test,app=shop,view={view},status={status} value={number} {moment}000000000"


def fail(shares: dict[int, float], view: str = "home", number: int = 100) -> list[str]:
    """Return an hour in which a share of the requests fails, from the minutes on that are named."""
    lines, share = [], 0.0
    for minute in range(60):
        share = shares.get(minute, share)
        lines.append(count_requests(minute, view, 200, round(number * (1 - share))))
        lines.append(count_requests(minute, view, 500, round(number * share)))
    return lines


def declare_failures() -> None:
    ratio = Composite("own.errors", value=total(REQUESTS, status="5*") / total(REQUESTS), by=("view",))
    Alert(ratio, crit=above(0.4), window="2m", for_="2m")


def declare_errors() -> None:
    ratio = Composite(
        "own.errors", value=total(REQUESTS, status="5*") / total(REQUESTS), by=("view",), min_denominator=20
    )
    message = "{view}: {value:.1%} of requests fail ({level}, {name})"
    Alert(ratio, warn=above(0.1), crit=above(0.4), window="2m", for_="2m", message=message, runbook=RUNBOOK)


ERRORS = "shop-alert-own-errors"


def test_an_incident_is_opened_escalated_and_resolved_once(
    kapacitor: Callable[..., GeneratedKapacitor], influxdb1: InfluxDB1, database: str, pagerduty: Server
) -> None:
    server = kapacitor(declare_errors)
    lines = fail({10: 0.2, 20: 0.6, 30: 0.2, 40: 0.0})
    # Only one view of three: one is well, and one has too few requests.
    lines += fail({}, "well") + fail({10: 1.0}, "rare", number=5)
    write_points(influxdb1, database, lines)
    server.replay(ERRORS, START, START + 60 * MINUTE)
    assert read_events(pagerduty) == [
        Event("own.errors{view=home}", OPEN_WARN, "home: 20.0% of requests fail (warn, own.errors)", (RUNBOOK,)),
        Event("own.errors{view=home}", OPEN_CRIT, "home: 60.0% of requests fail (crit, own.errors)", (RUNBOOK,)),
        Event("own.errors{view=home}", OPEN_WARN, "home: 40.0% of requests fail (warn, own.errors)", (RUNBOOK,)),
        Event("own.errors{view=home}", RESOLVE, "home: 10.0% of requests fail (ok, own.errors)", (RUNBOOK,)),
    ]
    assert server.list_errors() == []


def test_a_receiver_that_waits_for_crit_is_notified_of_it_alone(
    kapacitor: Callable[..., GeneratedKapacitor], influxdb1: InfluxDB1, database: str, pagerduty: Server
) -> None:
    server = kapacitor(declare_errors, level="crit")
    write_points(influxdb1, database, fail({10: 0.2, 20: 0.6, 30: 0.2, 40: 0.0}))
    server.replay(ERRORS, START, START + 60 * MINUTE)
    assert [event.what for event in read_events(pagerduty)] == [OPEN_CRIT, RESOLVE]


def test_what_does_not_last_calls_nobody(
    kapacitor: Callable[..., GeneratedKapacitor], influxdb1: InfluxDB1, database: str, pagerduty: Server
) -> None:
    server = kapacitor(declare_errors)
    write_points(influxdb1, database, fail({10: 0.9, 11: 0.0, 20: 0.9, 21: 0.0}))
    server.replay(ERRORS, START, START + 60 * MINUTE)
    assert read_events(pagerduty) == []


def test_a_restart_and_a_reload_neither_repeat_nor_resolve_an_incident(
    kapacitor: Callable[..., GeneratedKapacitor], influxdb1: InfluxDB1, database: str, pagerduty: Server
) -> None:
    server = kapacitor(declare_failures)
    write_points(influxdb1, database, fail({10: 0.6, 50: 0.0}))
    server.replay(ERRORS, START, START + 20 * MINUTE)
    server.stop()
    server.start()
    server.replay(ERRORS, START + 20 * MINUTE, START + 30 * MINUTE)
    os.kill(server.pid, signal.SIGHUP)
    assert wait_until(lambda: server.log().count('msg="stopped task"') > 0 and not server.list_errors())
    server.replay(ERRORS, START + 30 * MINUTE, START + 60 * MINUTE)
    assert [event.what for event in read_events(pagerduty)] == [OPEN_CRIT, RESOLVE]


def test_an_alert_whose_message_changes_keeps_its_incident(
    kapacitor: Callable[..., GeneratedKapacitor], influxdb1: InfluxDB1, database: str, pagerduty: Server, tmp_path: Path
) -> None:
    def declare(message: str) -> None:
        Alert(total(REQUESTS, status="5*"), crit=above(50), by=("view",), name="own.errors", message=message)

    server = kapacitor(lambda: declare("before"))
    write_points(influxdb1, database, fail({10: 0.6, 50: 0.0}))
    server.replay(ERRORS, START, START + 20 * MINUTE)
    receivers = {"pager": {"BACKEND": "pagerduty", "URL": pagerduty.url}}
    files = generate_kapacitor(lambda: declare("after"), database, influxdb1.url, ALERTS={"RECEIVERS": receivers})
    server.load(tmp_path, files)
    os.kill(server.pid, signal.SIGHUP)
    assert wait_until(lambda: "after" in server.list_tasks()[ERRORS]["script"] and not server.list_errors())
    server.replay(ERRORS, START + 20 * MINUTE, START + 60 * MINUTE)
    assert [(event.what, event.summary) for event in read_events(pagerduty)] == [
        (OPEN_CRIT, "before"),
        (RESOLVE, "after"),
    ]


@pytest.mark.parametrize(
    ("no_data", "expected"),
    [("keep", [OPEN_CRIT]), ("ok", [OPEN_CRIT, RESOLVE]), ("alert", [OPEN_CRIT])],
)
def test_data_that_stops_keeps_resolves_or_raises(
    no_data: str,
    expected: list[tuple[str, str]],
    kapacitor: Callable[..., GeneratedKapacitor],
    influxdb1: InfluxDB1,
    database: str,
    pagerduty: Server,
) -> None:
    def declare() -> None:
        Alert(
            total(REQUESTS, status="5*"), crit=above(50), by=("view",), no_data=no_data, name="own.errors", window="2m"
        )

    server = kapacitor(declare)
    write_points(influxdb1, database, [count_requests(minute, "home", 500, 60) for minute in range(10, 20)])
    server.replay(ERRORS, START, START + 40 * MINUTE)
    assert [event.what for event in read_events(pagerduty)] == expected


@pytest.mark.parametrize(("no_data", "expected"), [("keep", []), ("ok", []), ("alert", [OPEN_CRIT, RESOLVE])])
def test_a_gap_calls_only_those_who_asked_for_it(
    no_data: str,
    expected: list[tuple[str, str]],
    kapacitor: Callable[..., GeneratedKapacitor],
    influxdb1: InfluxDB1,
    database: str,
    pagerduty: Server,
) -> None:
    def declare() -> None:
        describe("cpu.cores", kind="gauge", measurement="system", field="n_cpus", tags=("host",), unit="cores")
        per_core = Composite("own.per_core", value=rate(REQUESTS) / mean("cpu.cores"))
        Alert(per_core, crit=above(50), warn=above(40), no_data=no_data, name="own.errors", window="2m", for_="3m")

    server = kapacitor(declare)
    minutes = [*range(20), *range(30, 50)]
    lines = [count_requests(minute, "home", 200, 60) for minute in minutes]
    lines += [f"system,host=a n_cpus=4i {START + minute * MINUTE + 10}000000000" for minute in minutes]
    write_points(influxdb1, database, lines)
    server.replay_script(server.read_script(ERRORS), START, START + 50 * MINUTE)
    assert [event.what for event in read_events(pagerduty)] == expected
    assert server.list_errors() == []


def test_kapacitor_computes_and_judges_in_time_by_itself(
    kapacitor: Callable[..., GeneratedKapacitor], influxdb1: InfluxDB1, database: str, pagerduty: Server
) -> None:
    def declare() -> None:
        describe("cpu.cores", kind="gauge", measurement="system", field="n_cpus", tags=("host",), unit="cores")
        describe("jobs.waiting", kind="gauge", tags=(), unit="jobs")
        per_core = Composite("own.per_core", value=total(REQUESTS) / sum_of("cpu.cores"), every="4s")
        Alert(per_core, crit=above(1), every="2s", window="2s", runbook=RUNBOOK)
        Alert(last("jobs.waiting"), warn=below(5), every="2s", window="2s", message="{value:.0f} jobs")

    server = kapacitor(declare, AGENT_INTERVAL=1)

    def send(waiting: int) -> None:
        now = time.time_ns()
        line = f"http_request_count,env=test,app=shop,status=200 value=20 {now}"
        line += f"\nsystem,host=a n_cpus=4i {now}\nsystem,host=b n_cpus=8i {now}"
        influxdb1.write(f"{line}\njobs_waiting,env=test,app=shop value={waiting}i {now}", database)

    def has(waiting: int, *events: tuple[str, str]) -> Callable[[], bool]:
        def found() -> bool:
            send(waiting)
            sent = [(event.key, event.what[0]) for event in read_events(pagerduty)]
            return sorted(sent) == sorted(events)

        return found

    opened = ("own.per_core", "trigger"), ("jobs.waiting", "trigger")
    assert wait_until(has(3, *opened), every=0.3)
    assert wait_until(has(9, *opened, ("jobs.waiting", "resolve")), every=0.3)
    rows = influxdb1.query("SELECT value FROM own_per_core", database)
    assert wait_until(lambda: bool(influxdb1.query("SELECT value FROM own_per_core", database)))
    assert all(row["time"] % (4 * 10**9) == 0 for row in rows)
    assert server.list_errors() == []


def test_an_event_that_is_refused_is_logged_and_the_next_is_sent(
    kapacitor: Callable[..., GeneratedKapacitor], influxdb1: InfluxDB1, database: str, pagerduty: Server
) -> None:
    server = kapacitor(declare_failures)
    write_points(influxdb1, database, fail({10: 0.6, 30: 0.0}))
    pagerduty.answer = lambda _: Answer(500, "", product="")
    server.replay(ERRORS, START, START + 20 * MINUTE)
    assert any("failed to send event to PagerDuty" in each for each in server.list_errors())
    pagerduty.answer = lambda _: Answer(202, "", product="")
    server.replay(ERRORS, START + 20 * MINUTE, START + 60 * MINUTE)
    assert [event.what for event in read_events(pagerduty)] == [OPEN_CRIT, RESOLVE]
