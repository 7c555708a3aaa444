"""The probe is sent again until it is found, and the result is that of the last answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timezone
from typing import Any

import pytest
from django.test import override_settings

from tests.metrics.agents import Agent, agent
from tests.servers.process import free_port
from zemanta_ops.metrics.options import Options
from zemanta_ops.stack.check import flow
from zemanta_ops.stack.check.agent_config import AgentConfig
from zemanta_ops.stack.check.agent_process import AgentProcess, ListenerWatch
from zemanta_ops.stack.check.diagnosis import Arrival
from zemanta_ops.stack.check.hops import Hop
from zemanta_ops.stack.check.probe import Probe
from zemanta_ops.stack.databases import ONCE, DatabaseError, StoredValue, connect

INTERVAL = 0.1


class Lossy:
    """A database that has the probe once the agent has received it so often, as if the earlier ones had been lost.

    ``errors`` is how often it fails before.
    """

    def __init__(self, running: Agent, needed: int, errors: int = 0) -> None:
        self._running, self._needed, self._errors = running, needed, errors
        self.asked = 0

    def read_values(self, measurement: str, value: str, *_: Any, equal_to: float) -> list[StoredValue]:
        self.asked += 1
        if self.asked <= self._errors:
            raise DatabaseError("unreachable", "refused")
        seen = [sample for sample in self._running.receive() if b"probe" in sample]
        return [StoredValue(datetime.now(timezone.utc), equal_to, {})] if len(seen) >= self._needed else []

    def spell_name(self, name: str) -> str:
        return name


@pytest.fixture
def running() -> Iterator[Agent]:
    with agent() as started, override_settings(ZEMANTA_OPS={"METRICS": {"AGENT_INTERVAL": INTERVAL}}):
        yield started


def wait(running: Agent, database: Lossy, timeout: float, waited: list[float] | None = None) -> Arrival:
    options = Options(port=running.port, host_tag=None)
    listener = ListenerWatch("udp", running.port, is_local=False)
    with closing(Probe(options)) as probe:
        assert probe.send() == ""
        taken: Any = database
        return flow._wait(probe, taken, timeout, listener, waited.append if waited is not None else None)


@pytest.mark.parametrize("needed", [3, 5])
def test_a_probe_that_is_lost_is_sent_again(needed: int, running: Agent) -> None:
    # The first attempt is two datagrams, because a refusal may come back late.
    arrival = wait(running, Lossy(running, needed), 60)
    assert arrival.reading is not None
    assert arrival.attempts == needed - 1
    assert arrival.error is None
    assert arrival.latency is not None
    assert arrival.latency >= INTERVAL * (needed - 2)


def test_a_probe_that_is_found_is_not_sent_again(running: Agent) -> None:
    arrival = wait(running, Lossy(running, 1), 60)
    assert (arrival.attempts, len(running.receive())) == (1, 2)


def test_a_probe_that_never_arrives_is_given_up(running: Agent) -> None:
    waited: list[float] = []
    arrival = wait(running, Lossy(running, 1000), 0.5, waited)
    assert (arrival.reading, arrival.error, arrival.latency) == (None, None, None)
    assert waited == sorted(waited)
    assert all(seconds < 0.5 for seconds in waited)


def test_only_the_last_failure_of_the_database_counts(running: Agent) -> None:
    assert wait(running, Lossy(running, 1, errors=2), 60).error is None
    error = wait(running, Lossy(running, 1, errors=1000), 0.3).error
    assert error is not None
    assert error.kind == "unreachable"


def test_the_default_time_is_three_intervals_their_jitter_and_the_delay_of_the_database() -> None:
    with override_settings(ZEMANTA_OPS={"METRICS": {"AGENT_INTERVAL": 20, "AGENT_JITTER": 2}}):
        assert flow.compute_default_timeout(30.0) == 97.0


def test_a_check_ends_at_a_port_that_nothing_has_and_says_so_of_the_database_too() -> None:
    settings: dict[str, Any] = {"METRICS": {"ENABLED": True, "PORT": free_port()}}
    settings["INFLUXDB"] = {"URL": f"http://127.0.0.1:{free_port()}", "DATABASE": "none"}
    with override_settings(ZEMANTA_OPS=settings):
        report = flow.check_flow(timeout=0.1)
    assert [(hop.name, hop.status, hop.cause) for hop in report.hops] == [
        ("settings", "ok", ""),
        ("agent", "failed", "agent_down"),
        ("database", "failed", "unreachable"),
        ("telegraf", "skipped", ""),
        ("probe", "skipped", ""),
    ]
    assert report.exit_code == 11


def test_a_database_that_is_full_is_named_with_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    with connect("http://127.0.0.1:1", database="none", retry=ONCE) as database:
        monkeypatch.setattr(database, "read_version", lambda: "1.8.10")
        monkeypatch.setattr(database, "verify", lambda: None)
        for used, status in ((999, "ok"), (1000, "failed"), (1001, "failed")):
            monkeypatch.setattr(database, "read_series_usage", lambda used=used: (used, 1000))
            hop = flow._check_database(database)
            assert (hop.status, hop.cause) == (status, "limit" if status == "failed" else "")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("web-1", "machine", "web-1", "tag"), ["web-1", "machine", "tag"]),
        (("${HOSTNAME}", "machine", None, None), ["machine"]),
        (("", "machine", "", "machine"), ["machine"]),
    ],
)
def test_the_names_of_the_agent_are_the_certain_ones_first_and_no_variables(
    names: tuple[str, str, str | None, str | None], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    configured, machine, read, tag = names
    process = AgentProcess(name="telegraf", config=AgentConfig(hostname=configured))
    monkeypatch.setattr("socket.gethostname", lambda: machine)
    monkeypatch.setattr(flow, "read_hostname", lambda: read)
    with override_settings(ZEMANTA_OPS={"METRICS": {"HOST_TAG": tag}}):
        assert flow._list_hosts(None, process) == expected


def test_a_database_that_is_full_does_not_end_the_check(running: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    settings: dict[str, Any] = {"METRICS": {"ENABLED": True, "PORT": running.port}}
    settings["INFLUXDB"] = {"URL": "http://127.0.0.1:1", "DATABASE": "none"}
    full = Hop("database", "failed", "it is full", "limit")
    monkeypatch.setattr(flow, "_check_database", lambda _: full)
    with override_settings(ZEMANTA_OPS=settings):
        report = flow.check_flow(timeout=0.1)
    assert report.hops[2] == full
    # The probe was waited for, in a database that nothing answers for.
    assert report.hops[4].cause == "unreachable"


@pytest.mark.parametrize(("protocol", "is_local", "lost"), [("udp", True, 2), ("udp", False, 0), ("tcp", True, 0)])
def test_only_what_the_kernel_drops_during_the_check_counts(
    protocol: str, is_local: bool, lost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel counts since the socket was opened, which may be weeks."""
    options = Options(port=free_port(), host_tag=None, protocol=protocol)
    listener = ListenerWatch(protocol, options.port, is_local=is_local)
    now = datetime.now(timezone.utc)
    failed = Arrival(now, now, 1, error=DatabaseError("server", "it failed"))
    monkeypatch.setattr(flow, "count_kernel_drops_of_port", lambda _: 5)
    before = flow._count_drops(options, is_local)
    monkeypatch.setattr(flow, "count_kernel_drops_of_port", lambda _: 7)
    with connect("http://127.0.0.1:1", database="none", retry=ONCE) as database:
        assert flow._collect_evidence(failed, database, options, listener, before, {}).lost_by_kernel == lost
