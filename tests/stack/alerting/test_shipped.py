"""The dead man's switch: what ships with this package notices what stops, on a real database."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.test import override_settings

from tests.servers.influxdb1 import InfluxDB1
from zemanta_ops.metrics import app_gauge
from zemanta_ops.metrics.gauges import registry
from zemanta_ops.stack.alerting.declared import read_declared
from zemanta_ops.stack.alerting.judges import Judge
from zemanta_ops.stack.alerting.machine import Level
from zemanta_ops.stack.alerting.series import SeriesState
from zemanta_ops.stack.alerting.windows import advance_series
from zemanta_ops.stack.databases import connect
from zemanta_ops.stack.declarations import isolate
from zemanta_ops.stack.evaluation import Reader

CLOUDWATCH = {"CLOUDWATCH": {"REGIONS": ["eu-west-1"]}}
SILENT, COLLECTOR, CANARY = "zemanta_ops.silent", "zemanta_ops.collector", "zemanta_ops.check"
PUSH = "zemanta_ops.cloudwatch.push"
NOW = int(time.time()) // 300 * 300


@pytest.fixture(autouse=True)
def declared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    registry.find_gauges()
    monkeypatch.setattr(registry, "_registry", {})
    with isolate():
        yield


def judge(influxdb1: InfluxDB1, database: str, settings: dict[str, Any] | None = None) -> dict[str, str]:
    """Return the level of each shipped alert after twenty minutes of windows, unless it is OK."""
    with override_settings(ZEMANTA_OPS={"METRICS": {"AGENT_INTERVAL": 10}, **(settings or {})}):
        found = read_declared()
    assert found.problems == []
    with connect(influxdb1.url, database=database) as opened:
        reader = Reader(opened, found.deployment)
        levels = {each.name: play(each, reader) for each in found.judges}
    return {name: level.word for name, level in levels.items() if level > Level.OK}


def play(each: Judge, reader: Reader) -> Level:
    series: Mapping[str, SeriesState] = {}
    for end in range(NOW - 1_200, NOW + 1, each.every):
        series = advance_series(each, series, each.observe(reader, end), end)
    return max((state.memory.level for state in series.values()), default=Level.OK)


def write(
    influxdb1: InfluxDB1, database: str, measurement: str, fields: str, *, until: int = 0, every: int = 10
) -> None:
    """Write points of the last two hours, up to ``until`` seconds ago."""
    lines = [f"{measurement} {fields} {(NOW - age) * 10**9}" for age in range(until, 7_200, every)]
    influxdb1.write("\n".join(lines), database)


def test_a_deployment_that_is_well_is_quiet(influxdb1: InfluxDB1, database: str) -> None:
    app_gauge("jobs.waiting")(lambda: 1)
    write(influxdb1, database, "zemanta_ops_sent,host=a", "value=5")
    write(influxdb1, database, "zemanta_ops_gauge_duration,gauge=jobs.waiting,outcome=ok", "sum=1,count=1")
    write(influxdb1, database, "zemanta_ops_check_exit_code", "value=0", every=60)
    write(influxdb1, database, "cloudwatch_push,declaration=rds,region=eu-west-1", f"covered_until={NOW}", every=300)
    assert judge(influxdb1, database, CLOUDWATCH) == {}


def test_nothing_arrives_any_more(influxdb1: InfluxDB1, database: str) -> None:
    app_gauge("jobs.waiting")(lambda: 1)
    write(influxdb1, database, "zemanta_ops_sent,host=a", "value=5", until=1_300)
    assert judge(influxdb1, database, CLOUDWATCH) == {SILENT: "crit", COLLECTOR: "warn", PUSH: "warn"}


def test_what_is_not_used_is_not_missed(influxdb1: InfluxDB1, database: str) -> None:
    write(influxdb1, database, "zemanta_ops_sent,host=a", "value=5")
    assert judge(influxdb1, database) == {}


def test_a_canary_that_fails(influxdb1: InfluxDB1, database: str) -> None:
    write(influxdb1, database, "zemanta_ops_sent,host=a", "value=5")
    write(influxdb1, database, "zemanta_ops_check_exit_code", "value=4", every=60)
    write(influxdb1, database, "cloudwatch_push,declaration=rds,region=eu-west-1", f"covered_until={NOW}", every=300)
    assert judge(influxdb1, database, CLOUDWATCH) == {CANARY: "crit"}


def test_a_short_gap_calls_nobody(influxdb1: InfluxDB1, database: str) -> None:
    write(influxdb1, database, "zemanta_ops_sent,host=a", "value=5", until=280)
    assert judge(influxdb1, database) == {}


def test_drops_call_a_person(influxdb1: InfluxDB1, database: str) -> None:
    write(influxdb1, database, "zemanta_ops_sent,host=web-1", "value=5")
    write(influxdb1, database, "zemanta_ops_dropped,host=web-1,reason=queue_full", "value=5000")
    assert judge(influxdb1, database) == {"zemanta_ops.dropped": "crit"}


def test_drops_that_are_over_are_resolved(influxdb1: InfluxDB1, database: str) -> None:
    write(influxdb1, database, "zemanta_ops_sent,host=web-1", "value=5")
    write(influxdb1, database, "zemanta_ops_dropped,host=web-1,reason=queue_full", "value=5000", until=600)
    assert judge(influxdb1, database) == {}
