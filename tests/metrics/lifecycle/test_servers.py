"""Requests answered by real application servers equal requests counted by a real Telegraf, however the server ends."""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.metrics.lifecycle.collector import Collector
from tests.metrics.lifecycle.serving import GUNICORN, UVICORN, Site, assert_conserved
from tests.servers.fixtures import StartTelegraf
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.process import wait_until
from tests.servers.telegraf import influxdb1_output

pytestmark = pytest.mark.more

REQUESTS = 60
RECYCLING = ["--max-requests", "15", "--max-requests-jitter", "5"]
GRACEFUL, QUICK = signal.SIGTERM, signal.SIGQUIT

# Real servers take seconds to start and to end: most of them belong to the second tier for their time alone.
slow = pytest.mark.second_tier


@pytest.fixture
def collector(start_telegraf: StartTelegraf, tmp_path: Path) -> Collector:
    return Collector(start_telegraf, tmp_path)


@pytest.mark.parametrize("how", [GRACEFUL, QUICK, signal.SIGINT], ids=lambda how: how.name)
@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--worker-class", "sync"], id="sync", marks=slow),
        pytest.param(["--worker-class", "gthread", "--threads", "4"], id="gthread"),
        pytest.param(["--worker-class", "gevent"], id="gevent", marks=slow),
        pytest.param(["--worker-class", "sync", "--preload"], id="preload", marks=slow),
        pytest.param(["--worker-class", "gthread", "--threads", "2", *RECYCLING], id="max-requests", marks=slow),
    ],
)
def test_gunicorn_sends_what_is_queued_when_it_ends(
    options: list[str], how: signal.Signals, collector: Collector, tmp_path: Path, server_stack: ExitStack
) -> None:
    site = Site([*GUNICORN, *options], collector, tmp_path, server_stack)
    site.ask(REQUESTS)
    assert site.answered > REQUESTS
    site.end(how)
    assert_conserved(site, collector)
    if "--preload" in options:
        assert collector.reaches("loaded", 1)


def test_what_recycled_workers_counted_is_in_influxdb(
    start_telegraf: StartTelegraf, influxdb1: InfluxDB1, database: str, tmp_path: Path, server_stack: ExitStack
) -> None:
    collector = Collector(start_telegraf, tmp_path, output=influxdb1_output(influxdb1.url, database))
    site = Site([*GUNICORN, "--preload", *RECYCLING], collector, tmp_path, server_stack)
    site.ask(REQUESTS)
    assert len({answer.worker for answer in site.answers}) > 2
    site.end(GRACEFUL)
    assert_conserved(site, collector)

    def stored() -> float:
        rows = influxdb1.query("SELECT sum(value) FROM http_request_count WHERE \"view\" = 'hello'", database)
        return float(sum(row["sum"] for row in rows))

    assert wait_until(lambda: stored() >= site.answered, 20)
    assert stored() == site.answered


def test_a_killed_worker_loses_at_most_one_interval_and_the_others_nothing(
    collector: Collector, tmp_path: Path, server_stack: ExitStack
) -> None:
    interval, late = 1.0, 2.0  # the flusher of a busy machine wakes up late
    site = Site([*GUNICORN, "--threads", "2"], collector, tmp_path, server_stack, flush_seconds=interval)
    until = time.monotonic() + 5
    while time.monotonic() < until:
        site.ask(4)
        time.sleep(0.05)
    victim = site.answers[-1].worker
    killed_at = time.monotonic()
    os.kill(victim, signal.SIGKILL)
    site.ask(20)
    site.end(GRACEFUL)
    at_risk = [answer for answer in site.answers if answer.worker == victim and answer.at > killed_at - interval - late]
    safe = site.answered - len(at_risk)
    assert len(at_risk) < site.answered / 2
    assert wait_until(lambda: safe <= collector.total("hello") <= site.answered, 20)
    # Nothing more comes, and nothing twice.
    assert wait_until(lambda: collector.total("http_request_count") == collector.total("hello"), 20)
    assert safe <= collector.total("hello") <= site.answered


@pytest.mark.parametrize("how", [GRACEFUL, pytest.param(signal.SIGINT, marks=slow)], ids=lambda how: how.name)
@pytest.mark.parametrize("path", [pytest.param("/", marks=slow), "/async/"])
def test_uvicorn_with_workers(
    path: str, how: signal.Signals, collector: Collector, tmp_path: Path, server_stack: ExitStack
) -> None:
    site = Site(UVICORN, collector, tmp_path, server_stack)
    site.ask(REQUESTS, path)
    assert site.answered > REQUESTS
    site.end(how)
    assert_conserved(site, collector)
