"""In a real Telegraf, which forgets gauges, and in InfluxDB behind it, a gauge is there in every interval."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers.fixtures import StartTelegraf
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.process import free_port, wait_until
from tests.servers.telegraf import config, influxdb1_output

PROJECT = """
from django.conf import settings
from django.core.management import execute_from_command_line
from zemanta_ops import metrics

settings.configure(
    INSTALLED_APPS=["zemanta_ops"],
    ZEMANTA_OPS={{"METRICS": {{"ENABLED": True, "PORT": {port}, "AGENT_INTERVAL": {interval}, "GAUGE_LOCK": "none"}}}},
)
numbers = iter(range(1, 1000))
metrics.app_gauge("jobs.waiting", every={every})(lambda: next(numbers))
metrics.app_gauge("orders", every={every}, shop="prints")(lambda: [(3, {{"state": "new"}}), (1.5, {{"state": "paid"}})])
execute_from_command_line(["manage.py", "emit_gauges", "--loop"])
"""


@contextmanager
def collecting(folder: Path, port: int, interval: int, every: int) -> Iterator[None]:
    """Run the collector for a block; it must have run to the end of it."""
    (folder / "manage.py").write_text(PROJECT.format(port=port, interval=interval, every=every))
    command = [sys.executable, str(folder / "manage.py")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        yield
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()


def points(path: Path) -> dict[int, float]:
    """Return the gauge's value at each time, in seconds, as Telegraf wrote them."""
    text = path.read_text() if path.exists() else ""
    found = re.findall(r"^jobs_waiting,\S* value=(\S+) (\d+)\n", text, re.MULTILINE)
    return {int(nanoseconds) // 10**9: float(value) for value, nanoseconds in found}


def watch(
    folder: Path, start_telegraf: StartTelegraf, *, interval: int, every: int, intervals: int
) -> dict[int, float]:
    """Return what Telegraf wrote while the collector ran, for at least this number of intervals."""
    output, port = folder / "points", free_port()
    section = f'[[outputs.file]]\n  files = ["{output}"]\n  data_format = "influx"\n'
    start_telegraf(config(port, section, interval=f"{interval}s"), port)
    with collecting(folder, port, interval, every):
        enough = wait_until(lambda: len(points(output)) >= intervals, seconds=interval * (intervals + 5) + 30)
        assert enough, points(output)
        return points(output)


def assert_in_every_interval(found: dict[int, float], interval: int, collections: int) -> None:
    times = sorted(found)
    assert times == list(range(times[0], times[-1] + 1, interval))
    assert len(set(found.values())) >= collections


@pytest.mark.more
def test_a_gauge_is_there_in_every_interval(tmp_path: Path, start_telegraf: StartTelegraf) -> None:
    found = watch(tmp_path, start_telegraf, interval=2, every=3, intervals=4)
    assert_in_every_interval(found, 2, 2)


def test_gauges_and_their_tags_are_read_back_from_influxdb(
    tmp_path: Path, start_telegraf: StartTelegraf, influxdb1: InfluxDB1, database: str
) -> None:
    port = free_port()
    start_telegraf(config(port, influxdb1_output(influxdb1.url, database), interval="2s"), port)

    def stored(measurement: str) -> dict[int, float]:
        rows = influxdb1.query(f"SELECT value FROM {measurement} WHERE metric_type = 'gauge'", database)
        return {row["time"] // 10**9: row["value"] for row in rows}

    with collecting(tmp_path, port, interval=2, every=3):
        assert wait_until(lambda: len(stored("jobs_waiting")) >= 4, 60), stored("jobs_waiting")
        assert_in_every_interval(stored("jobs_waiting"), 2, 2)
        orders = influxdb1.last_points("^orders$", database)

    assert {(point.tags["state"], point.tags["shop"]): point.fields for point in orders} == {
        ("new", "prints"): {"value": 3.0},
        ("paid", "prints"): {"value": 1.5},
    }
    assert influxdb1.types("orders", database) == {"value": "float"}


@pytest.mark.second_tier
def test_collected_every_30_s_it_is_there_in_every_interval_of_10_s(
    tmp_path: Path, start_telegraf: StartTelegraf
) -> None:
    """Telegraf's default interval, and the gauges' default ``every``."""
    found = watch(tmp_path, start_telegraf, interval=10, every=30, intervals=7)
    assert_in_every_interval(found, 10, 2)
