"""The probe is one series, sent as the application sends, and found by its value."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from tests.metrics.agents import Agent
from tests.servers.process import free_port
from tests.stack.check.canned import Canned
from zemanta_ops.metrics.options import Options
from zemanta_ops.stack.check import probe as probes
from zemanta_ops.stack.check.probe import SLOTS, Probe
from zemanta_ops.stack.databases import StoredValue

linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no abstract names of sockets")


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "_REFUSAL_SECONDS", 0.0)


@pytest.fixture
def running() -> Iterator[Agent]:
    agent = Agent()
    yield agent
    agent.close()


def probe_of(running: Agent, **options: Any) -> Probe:
    return Probe(Options(port=running.port, host_tag="web-1", **options))


def test_it_is_sent_twice_at_first_and_then_once_each(running: Agent) -> None:
    with closing(probe_of(running, prefix="shop", tags={"env": "prod"})) as probe:
        assert (probe.sent_at, probe.attempts) == (0.0, 0)
        assert probe.send() == ""
        sent_at = probe.sent_at
        assert sent_at > 0
        lines = running.receive()[:]
        line = f"shop.zemanta_ops.probe,slot={probe.tags['slot']},env=prod,host=web-1:{probe.nonce}|g".encode()
        assert lines == [line, line]
        assert probe.send() == ""
        assert (len(running.receive()), probe.attempts, probe.sent_at) == (3, 2, sent_at)


def test_it_is_sent_though_metrics_are_switched_off_and_nothing_else_is(running: Agent) -> None:
    with closing(probe_of(running, enabled=False, report_seconds=0.0, threads=True)) as probe:
        probe.send()
        assert probe._client.health()["flusher_alive"] is False
    assert len(running.receive()) == 2


def test_probes_that_collided_once_choose_another_slot(running: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def choose(below: int) -> int:
        asked.append(below)
        return 41

    with closing(probe_of(running)) as probe:
        monkeypatch.setattr(secrets, "randbelow", choose)
        probe.send()
        assert asked == []
        probe.send()
    assert asked == [SLOTS]
    assert b",slot=41," in running.receive()[-1]


def test_a_refusal_is_reported_each_time(running: Agent) -> None:
    with closing(Probe(Options(port=free_port()))) as probe:
        assert [probe.send() for _ in range(3)] == ["refused"] * 3
        assert probe.attempts == 3


def test_a_refusal_that_comes_late_is_that_of_the_first_attempt(
    running: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        # Meanwhile the agent ends.
        slept.append(seconds)
        running.close()

    monkeypatch.setattr(probes, "time", SimpleNamespace(sleep=sleep, monotonic=time.monotonic))
    with closing(probe_of(running)) as probe:
        assert probe.send() == "refused"
    assert slept == [0.0]


def test_the_reason_is_that_of_this_attempt(running: Agent) -> None:
    with closing(probe_of(running)) as probe:
        probe.send()
        buffer: Any = probe._client.buffer
        buffer.counts.add_dropped("dns", 5)
        assert probe.send() == ""
        running.close()
        assert probe.send() == "refused"


def test_its_measurement_and_tags_are_those_that_the_database_has(running: Agent) -> None:
    with closing(probe_of(running, prefix="shop", tags={"env": "prod"})) as probe:
        assert probe.measurement == "shop_zemanta_ops_probe"
        assert probe.tags == {"env": "prod", "host": "web-1", "slot": probe.tags["slot"]}


def test_its_value_is_a_number_from_one_that_a_float_holds(running: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def choose(below: int) -> int:
        asked.append(below)
        return 0

    monkeypatch.setattr(secrets, "randbelow", choose)
    with closing(probe_of(running)) as probe:
        assert (asked[0], probe.nonce) == (2**48, 1)


def test_it_is_looked_for_by_its_value_a_day_around_now(running: Agent) -> None:
    asked: list[tuple[Any, ...]] = []

    answer: list[StoredValue] = []

    class Asked(Canned):
        def read_values(self, *arguments: Any, **options: Any) -> list[StoredValue]:
            asked.append((*arguments, options))
            return answer

    before = datetime.now(timezone.utc)
    with closing(probe_of(running)) as probe:
        database = Asked()
        assert probe.find(database) is None
        answer += [StoredValue(before, 1.0, {}), StoredValue(before, 2.0, {})]
        assert probe.find(database) is answer[0]
    (measurement, field, start, end, options), _ = asked
    assert (measurement, field, options) == ("zemanta_ops_probe", "value", {"equal_to": float(probe.nonce)})
    day = timedelta(days=1)
    assert before - day <= start <= datetime.now(timezone.utc) - day
    assert end - start == 2 * day


@linux
def test_the_probes_of_a_machine_have_slots_of_their_own_and_use_them_again(running: Agent) -> None:
    with ExitStack() as stack:
        slots = [stack.enter_context(closing(probe_of(running))).tags["slot"] for _ in range(3)]
        assert len(set(slots)) == 3
        assert all(0 <= int(slot) < SLOTS for slot in slots)
        assert slots == sorted(slots, key=int)
    with closing(probe_of(running)) as probe:
        assert probe.tags["slot"] == slots[0]


@linux
def test_without_a_free_slot_it_takes_any(running: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "SLOTS", 0)
    monkeypatch.setattr(secrets, "randbelow", lambda below: below + 7)
    with closing(probe_of(running)) as probe:
        assert probe.tags["slot"] == "7"


def test_another_system_takes_any_slot(running: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(secrets, "randbelow", lambda below: below - 1)
    with closing(probe_of(running)) as probe:
        assert (probe.tags["slot"], probe._reservation) == (str(SLOTS - 1), None)
