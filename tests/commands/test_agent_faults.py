"""Faults of the agent, made with the real servers: one exit code a hop, and the cause with what to do."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest
import time_machine

from tests.commands.checking import checked_here
from tests.commands.faults import INTERNAL, flushing, found, lost, speaks, started
from tests.servers.fixtures import StartTelegraf
from tests.servers.process import free_port, wait_until
from tests.servers.stores import Store
from tests.servers.telegraf import config
from tests.stack.answering import never_taken

pytestmark = pytest.mark.more


def test_a_healthy_chain_is_proven(store: Store, start_telegraf: StartTelegraf) -> None:
    telegraf = started(start_telegraf, store)
    code, document = checked_here(metrics={"PORT": telegraf.port}, influxdb=store.settings)

    assert (code, [each["status"] for each in document["hops"]]) == (0, ["ok"] * 5)
    assert 0 < document["latency_seconds"] < 5


def test_an_agent_that_is_down_is_told_though_the_database_is_there(store: Store) -> None:
    code, cause, _ = found("agent", store, port=free_port())

    assert (code, cause) == (11, "agent_down")


def test_an_agent_on_another_port_is_told_with_its_port(store: Store, start_telegraf: StartTelegraf) -> None:
    telegraf = started(start_telegraf, store)
    speaks(store)
    code, cause, one = found("agent", store, port=free_port())

    assert (code, cause) == (11, "agent_elsewhere")
    assert str(telegraf.port) in one["text"]


def test_another_program_on_the_agents_port_is_told(store: Store, start_telegraf: StartTelegraf, sink: int) -> None:
    telegraf = started(start_telegraf, store)
    speaks(store)
    code, cause, one = found("telegraf", store, "--timeout", "3", port=sink)

    assert (code, cause) == (13, "agent_elsewhere")
    assert str(telegraf.port) in one["text"]


def test_an_agent_that_accepts_no_more_connections_hangs(store: Store) -> None:
    with never_taken() as port:
        code, cause, one = found("agent", store, port=port, PROTOCOL="tcp")

    assert (code, cause) == (11, "agent_hangs")
    assert "accepts no more connections" in one["text"]
    assert "firewall" not in one["advice"]


def test_an_agent_that_writes_elsewhere_is_told(store: Store, start_telegraf: StartTelegraf) -> None:
    telegraf = started(start_telegraf, store)
    speaks(store, 2)
    telegraf.stop()
    agent = started(start_telegraf, Store(store.server, "", "[[outputs.file]]\n  files = ['/dev/null']\n", {}))
    # The last point is from before the probe, though one was due every half second.
    code, cause, _ = found("telegraf", store, "--timeout", "3", port=agent.port)

    assert (code, cause) == (13, "agent_not_writing")


def test_an_agent_that_flushes_seldom_is_told_with_its_pace(store: Store, start_telegraf: StartTelegraf) -> None:
    telegraf = started(start_telegraf, store, interval="3s")
    speaks(store, 3)
    code, cause, one = found("telegraf", store, "--timeout", "1", port=telegraf.port)

    assert (code, cause) == (13, "slow_flush")
    assert one["details"]["flush_seconds"] == pytest.approx(3, abs=1.5)


def test_an_agent_whose_buffer_is_full_is_told_with_its_losses(own_store: Store, start_telegraf: StartTelegraf) -> None:
    port = free_port()
    small = "[agent]\n  metric_buffer_limit = 20\n  metric_batch_size = 10"
    telegraf = start_telegraf(config(port, own_store.output + INTERNAL).replace("[agent]", small, 1), port)
    speaks(own_store, 2)
    own_store.server.stop()
    telegraf.send(*(f"m,t={number}:1|c" for number in range(500)))
    assert wait_until(lambda: "overflow" in telegraf.log(), 30)
    own_store.server.start()
    assert wait_until(lambda: lost(own_store) > 0, 60, every=0.2)
    # Its writes fail for a while after the database is back.
    assert wait_until(lambda: found("telegraf", own_store, port=port)[1] != "agent_failing", 60, every=0.5)
    code, cause, one = found("telegraf", own_store, port=port)

    assert (code, cause) == (13, "agent_dropping")
    assert 0 < one["details"]["lost"]["metrics because its buffer was full"] <= lost(own_store)


def test_a_probe_that_the_output_filters_is_told(store: Store, start_telegraf: StartTelegraf) -> None:
    telegraf = started(start_telegraf, store, '  namedrop = ["zemanta_ops_*"]\n' + INTERNAL)
    speaks(store, 2)
    code, cause, _ = found("probe", store, "--timeout", "3", port=telegraf.port)

    assert (code, cause) == (14, "probe_lost")


def test_points_that_land_at_a_wrong_time_are_told(store: Store, start_telegraf: StartTelegraf) -> None:
    # The clock of this machine cannot be set; a Telegraf that rounds to hours, which nobody can see in its file, is as
    # far off as a clock can be.
    unit = max((3000, 3600), key=lambda unit: min(time.time() % unit, unit - time.time() % unit))
    port = free_port()
    text = config(port, store.output + INTERNAL)
    telegraf = start_telegraf(text.replace("[agent]", f'[agent]\n  precision = "{unit}s"', 1), port)
    (telegraf.folder / "telegraf.conf").write_text(text)
    code, cause, one = found("probe", store, port=port)

    assert (code, cause) == (14, "clock_skew")
    assert abs(one["details"]["skew_seconds"]) > 60


@pytest.mark.parametrize("days", [30, -30])
def test_a_clock_that_is_off_by_days_is_told(
    new_any_store: Callable[[], Store], start_telegraf: StartTelegraf, days: int
) -> None:
    store = new_any_store()
    telegraf = started(start_telegraf, store)
    with time_machine.travel(datetime.now(timezone.utc) + timedelta(days)), flushing(store):
        code, cause, one = found("probe", store, "--timeout", "3", port=telegraf.port)

    assert (code, cause) == (14, "clock_skew")
    assert abs(one["details"]["skew_seconds"] + days * 86_400) < 60


@pytest.mark.parametrize("place", ["[agent]", "[[inputs.statsd]]"])
def test_an_agent_that_rounds_times_is_told_from_a_clock(
    store: Store, start_telegraf: StartTelegraf, place: str
) -> None:
    port = free_port()
    setting = f'precision = "{choose_precision()}"'
    text = config(port, store.output + INTERNAL, interval="500ms")
    start_telegraf(text.replace(place, f"{place}\n  {setting}", 1), port)
    code, cause, one = found("probe", store, "--timeout", "20", port=port)

    assert (code, cause) == (14, "agent_precision")
    assert f"{setting} in {place}" in one["text"]


def choose_precision() -> str:
    """Return a precision that rounds the present time by far more than the check takes."""
    since_year_1 = time.time() + 62_135_596_800

    def distance(hours: int) -> float:
        step = hours * 3600
        return min(since_year_1 % step, step - since_year_1 % step)

    return f"{max((5, 7, 11), key=distance)}h"
