"""The steps of a check, with a real agent's port and a canned database: what stops it, and what it goes on with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from django.test import override_settings

from tests.metrics.agents import Agent, agent
from tests.servers.process import free_port
from tests.stack.check.canned import Canned
from zemanta_ops.extras import MissingExtraError
from zemanta_ops.metrics.options import Options
from zemanta_ops.stack.agent_contract import INTERNAL_STATSD, INTERNAL_WRITE
from zemanta_ops.stack.check import agent_hop, flow
from zemanta_ops.stack.check.agent_config import AgentConfig
from zemanta_ops.stack.check.agent_process import AgentProcess
from zemanta_ops.stack.check.diagnosis import Arrival
from zemanta_ops.stack.check.flow import check_flow
from zemanta_ops.stack.check.hops import Hop, fail_hop, skip_hop
from zemanta_ops.stack.check.telegraf_stats import AgentState
from zemanta_ops.stack.databases import DatabaseError, StoredValue
from zemanta_ops.stack.settings import NO_DATABASE

DATABASE: dict[str, Any] = {"URL": "http://127.0.0.1:1", "DATABASE": "none"}


class Reachable(Canned):
    """A canned database with the probe in it, once it was sent, and with an agent that reports about itself."""

    product = "Canned"
    usage: tuple[int, int] | None = None
    closed = 0

    @staticmethod
    def describe(options: Mapping[str, str]) -> str:
        return "the database"

    def read_series_usage(self) -> tuple[int, int] | None:
        return self.usage

    def read_values(self, measurement: str, *arguments: Any, **options: Any) -> list[StoredValue]:
        if "probe" in measurement:
            now = datetime.now(timezone.utc)
            tags = {"slot": "0", "host": "web-1"}
            return [StoredValue(now, options["equal_to"], tags)]
        return super().read_values(measurement, *arguments, **options)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait but a moment for an agent that may come back."""
    monkeypatch.setattr(agent_hop, "_RETURN_SECONDS", 0.01)


@pytest.fixture
def running() -> Iterator[Agent]:
    with agent() as started:
        yield started


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Reachable:
    made = Reachable()
    monkeypatch.setattr(flow, "find_database", lambda **_: made)
    return made


def check(port: int, timeout: float | None = 0.1, **metrics: Any) -> list[Hop]:
    given = {"ENABLED": True, "PORT": port, "HOST": "127.0.0.1", "HOST_TAG": "web-1", **metrics}
    with override_settings(ZEMANTA_OPS={"METRICS": given, "INFLUXDB": DATABASE}):
        return list(check_flow(timeout).hops)


def skipped(hops: list[Hop], why: str, *names: str) -> None:
    assert hops[len(hops) - len(names) :] == [skip_hop(name, why) for name in names]


def test_a_fault_of_a_setting_that_decides_ends_the_check() -> None:
    first, *rest = hops = check(8125, HOST="a b")
    assert (first.name, first.status, first.cause) == ("settings", "failed", "setting")
    assert 'ZEMANTA_OPS["METRICS"]["HOST"]' in first.text
    skipped(hops, "the settings come first", "agent", "database", "telegraf", "probe")
    assert len(rest) == 4


def test_metrics_that_are_switched_off_end_the_check() -> None:
    first, *_ = hops = check(8125, ENABLED=False)
    assert first == fail_hop("settings", "disabled", "metrics are switched off")
    assert len(hops) == 5


@pytest.mark.parametrize(
    ("error", "cause", "text"),
    [
        (ValueError("name one database"), "incomplete", "name one database"),
        (MissingExtraError("influxdb_client", "influxdb2"), "missing_client", ""),
    ],
)
def test_a_database_that_cannot_be_opened_ends_the_check(
    error: Exception, cause: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    def find(**given: Any) -> Any:
        asked.append(given)
        raise error

    monkeypatch.setattr(flow, "find_database", find)
    first, *_ = hops = check(8125)
    assert first == fail_hop("settings", cause, text or str(error))
    assert (len(hops), asked[0]["timeout"], asked[0]["retry"].attempts) == (5, 5.0, 2)
    # What has hung once is not tried again.
    assert "unreachable" in asked[0]["retry"].kinds
    assert "timeout" not in asked[0]["retry"].kinds


def test_without_a_database_only_the_agent_is_checked(running: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow, "find_database", lambda **_: None)
    settings, sent, *_ = hops = check(running.port, DIALECT="dogstatsd")
    where = f"udp 127.0.0.1:{running.port}"
    assert settings == Hop("settings", "ok", f"{where}, dogstatsd dialect; no database")
    assert (sent.status, sent.text) == ("ok", f"{where} accepts what is sent")
    skipped(hops, NO_DATABASE, "database", "telegraf", "probe")


def test_a_probe_that_arrives_makes_every_hop_well(running: Agent, database: Reachable) -> None:
    now = datetime.now(timezone.utc)
    written = [StoredValue(now - timedelta(seconds=each), 9.0 - each, {"host": "web-1"}) for each in (3, 2, 1)]
    database.series[INTERNAL_WRITE, "metrics_written"] = written
    hops = check(running.port)
    assert [(hop.name, hop.status, hop.cause) for hop in hops] == [
        (name, "ok", "") for name in ("settings", "agent", "database", "telegraf", "probe")
    ]
    assert hops[0].text == f"udp 127.0.0.1:{running.port}, influx dialect; the database"
    assert hops[2].text == "the database can be read, Canned canned"
    assert hops[2].seconds is not None
    assert 0 <= hops[2].seconds < 60
    assert "every 1.0 s" in hops[3].text
    assert database.closed == 1


def test_a_report_has_the_time_of_the_probe(running: Agent, database: Reachable) -> None:
    given = {"ENABLED": True, "PORT": running.port, "HOST": "127.0.0.1"}
    with override_settings(ZEMANTA_OPS={"METRICS": given, "INFLUXDB": DATABASE}):
        report = check_flow(60)
    assert report.latency is not None
    assert 0 <= report.latency < 60
    assert report.hops[-1].seconds == report.latency


def test_a_database_that_fails_ends_the_check(running: Agent, database: Reachable) -> None:
    database.verify = lambda: _raise(DatabaseError("missing", "database not found"))  # type: ignore[method-assign]
    hops = check(running.port)
    assert (hops[2].status, hops[2].cause, hops[2].text) == (
        "failed",
        "missing",
        "the database: database not found",
    )
    assert hops[2].seconds is not None
    assert 0 <= hops[2].seconds < 60
    skipped(hops, "the database comes first", "telegraf", "probe")


def _raise(error: Exception) -> Any:
    raise error


def test_a_database_that_is_full_has_its_figures(running: Agent, database: Reachable) -> None:
    database.usage = (1000, 1000)
    hop = check(running.port)[2]
    text = "the database is full: 1000 series, and max-series-per-database is 1000"
    assert hop == fail_hop("database", "limit", text, hop.seconds, series=1000, limit=1000)


def test_an_agent_that_listens_elsewhere_is_named_by_what_it_reports(database: Reachable) -> None:
    now, port = datetime.now(timezone.utc), free_port()
    for measurement, name in ((INTERNAL_WRITE, "metrics_written"), (INTERNAL_STATSD, "udp_packets_received")):
        tags = {"host": "web-1", "address": "127.0.0.1:9125"}
        database.series[measurement, name] = [StoredValue(now - timedelta(seconds=1), 1.0, tags)]
    _, sent, found, *_ = hops = check(port)
    text = f"nothing listens on udp 127.0.0.1:{port}; Telegraf is alive and listens on 127.0.0.1:9125"
    assert sent == fail_hop("agent", "agent_elsewhere", text, sent.seconds, address="127.0.0.1:9125")
    assert found.status == "ok"
    skipped(hops, "nothing could be sent", "telegraf", "probe")
    # Its points are old, so it may listen nowhere.
    for series in database.series.values():
        series[0] = replace(series[0], time=now - timedelta(seconds=60))
    assert check(port)[1].cause == "agent_down"
    # The port is the right one.
    database.series.clear()
    assert check(port)[1].cause == "agent_down"


def test_a_database_that_fails_too_is_not_asked_for_the_agent(database: Reachable) -> None:
    database.read_version = lambda: _raise(DatabaseError("timeout", "no answer"))  # type: ignore[method-assign]
    hops = check(free_port())
    assert [(hop.name, hop.cause) for hop in hops[1:3]] == [("agent", "agent_down"), ("database", "timeout")]
    skipped(hops, "nothing could be sent", "telegraf", "probe")


@pytest.mark.parametrize(
    ("sent_tags", "host", "expected"),
    [
        # The application sends no tag host: the agent adds its own.
        ({"slot": "0"}, "of-agent", ["of-agent", "of-config", "machine", "read", "tag"]),
        ({"slot": "0", "host": "web-1"}, "web-1", ["of-config", "machine", "read", "tag"]),
        ({"slot": "0"}, None, ["of-config", "machine", "read", "tag"]),
    ],
)
def test_the_name_that_the_agent_added_is_the_most_certain(
    sent_tags: dict[str, str], host: str | None, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "machine")
    monkeypatch.setattr(flow, "read_hostname", lambda: "read")
    now = datetime.now(timezone.utc)
    reading = StoredValue(now, 1.0, {"host": host} if host else {})
    process = AgentProcess(name="telegraf", config=AgentConfig(hostname="of-config"))
    with override_settings(ZEMANTA_OPS={"METRICS": {"HOST_TAG": "tag"}}):
        assert flow._list_hosts(Arrival(now, now, 1, reading, sent_tags=sent_tags), process) == expected
        assert flow._list_hosts() == ["machine", "read", "tag"]


@pytest.mark.parametrize(
    ("protocol", "at_home", "counted", "drops"),
    [("udp", True, 5, 5), ("udp", True, None, 0), ("udp", False, 5, 0), ("tcp", True, 5, 0)],
)
def test_drops_are_those_of_a_udp_port_of_this_machine(
    protocol: str, at_home: bool, counted: int | None, drops: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def count(port: int) -> int | None:
        asked.append(port)
        return counted

    monkeypatch.setattr(flow, "count_kernel_drops_of_port", count)
    assert flow._count_drops(Options(port=9125, protocol=protocol), at_home) == drops
    assert asked == ([9125] if protocol == "udp" and at_home else [])


def test_the_agent_is_asked_for_by_its_own_clock_and_for_three_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[datetime, float, list[str]]] = []

    def read(database: Any, now: datetime, recent: float, hosts: list[str]) -> AgentState:
        asked.append((now, recent, hosts))
        return AgentState(others=1)

    monkeypatch.setattr(flow, "read_agent_state", read)
    now = datetime.now(timezone.utc)
    ahead = Arrival(now, now, 1, StoredValue(now + timedelta(seconds=500), 1.0, {}))
    for interval, recent in ((10, 60.0), (30, 90.0)):
        with override_settings(ZEMANTA_OPS={"METRICS": {"AGENT_INTERVAL": interval}}):
            assert flow._read_agent_state(Canned(), ["web-1"], ahead) == AgentState(others=1)
            flow._read_agent_state(Canned(), ["web-1"])
        (skewed, first, hosts), (own, second, _) = asked[-2:]
        assert (first, second, hosts) == (recent, recent, ["web-1"])
        assert timedelta(seconds=440) < skewed - own < timedelta(seconds=501)
    monkeypatch.setattr(flow, "read_agent_state", lambda *_: _raise(DatabaseError("timeout", "no answer")))
    assert flow._read_agent_state(Canned(), ["web-1"]) == AgentState()
