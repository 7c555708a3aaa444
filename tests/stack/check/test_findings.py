"""What a person reads about the agent and the probe, each finding with its cause and the figures behind it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stack.check.canned import Canned, ago, found, missing
from zemanta_ops.stack.check.agent_config import AgentConfig
from zemanta_ops.stack.check.agent_process import AgentProcess
from zemanta_ops.stack.check.diagnosis import Arrival, Evidence, judge_probe, judge_telegraf
from zemanta_ops.stack.check.hops import Hop, fail_hop
from zemanta_ops.stack.check.telegraf_stats import AgentState
from zemanta_ops.stack.databases import DatabaseError

FULL = DatabaseError("disk_full", "no space left on device")
CONFLICT = DatabaseError("refused", "field type conflict: input field")
ARRIVED = found(ago(1))
STARTED_AGAIN = "Telegraf ends and is started again"


def state(**fields: Any) -> AgentState:
    """Return the state of an agent that wrote about itself a second ago."""
    return AgentState(ago(1), **fields)


def config(**fields: Any) -> AgentProcess:
    """Return a Telegraf with this configuration."""
    return AgentProcess(name="telegraf", config=AgentConfig(**fields))


def judge(arrival: Arrival, own: AgentState, answer: DatabaseError | None = None, **evidence: Any) -> Hop:
    database = Canned(answer=answer) if answer else Canned()
    return judge_telegraf(arrival, Evidence(own, 8125, **evidence), database)


@pytest.mark.parametrize(
    ("own", "text"),
    [
        (state(flush_seconds=2.5), "Telegraf wrote about itself 1.0 s ago, every 2.5 s, and lost nothing"),
        # Its clock is ahead.
        (AgentState(ago(-1)), "Telegraf wrote about itself 0.0 s ago, and lost nothing"),
        (state(agent="watch_metrics"), "watch_metrics wrote about itself 1.0 s ago, and lost nothing"),
    ],
)
def test_an_agent_that_loses_nothing_is_fine(own: AgentState, text: str) -> None:
    assert judge(ARRIVED, own, changes=1) == Hop("telegraf", "ok", text)


@pytest.mark.parametrize(
    ("own", "cause", "text"),
    [
        (
            AgentState(others=12),
            "no_name",
            "12 agents report about themselves, none of them under the name of this machine",
        ),
        (AgentState(), "no_internals", "the agent reports nothing about itself"),
        (
            state(is_shared=True, restarts=99),
            "same_name",
            "two agents report about themselves under the name of this machine, so losses cannot be told apart",
        ),
        (
            state(restarts=3),
            "agent_restarting",
            f"{STARTED_AGAIN}: its counters began again 3 times in ten minutes, unless you did that",
        ),
    ],
)
def test_an_agent_that_may_lose_something_is_a_warning(own: AgentState, cause: str, text: str) -> None:
    assert judge(ARRIVED, own) == Hop("telegraf", "warning", text, cause)


KERNEL = "datagrams in the kernel because its receive buffer was full"
BUFFER = "metrics because its buffer was full"


@pytest.mark.parametrize("arrival", [ARRIVED, missing()], ids=["arrived", "missing"])
@pytest.mark.parametrize(
    ("own", "evidence", "hop"),
    [
        (
            state(lost={BUFFER: 1200}),
            {"lost_by_kernel": 7},
            fail_hop(
                "telegraf",
                "agent_dropping",
                f"Telegraf lost 1,200 {BUFFER} and 7 {KERNEL}",
                lost={BUFFER: 1200, KERNEL: 7},
            ),
        ),
        (
            state(),
            {"lost_by_kernel": 1},
            fail_hop("telegraf", "agent_dropping", f"Telegraf lost 1 {KERNEL}", lost={KERNEL: 1}),
        ),
        (
            state(rejected=1200, refused=3),
            {},
            fail_hop(
                "telegraf",
                "agent_rejected",
                "the database refused 1,200 metrics of Telegraf, which gave them up",
                rejected=1200,
                refused=3,
            ),
        ),
        (
            state(refused=3),
            {},
            fail_hop(
                "telegraf",
                "agent_rejected",
                "the database refused a part of 3 writes of Telegraf, which gave them up",
                rejected=0,
                refused=3,
            ),
        ),
        (
            state(restarts=10),
            {},
            fail_hop(
                "telegraf", "agent_restarting", f"{STARTED_AGAIN}: its counters began again 10 times in ten minutes"
            ),
        ),
        (
            state(),
            {"changes": 2},
            fail_hop("telegraf", "agent_restarting", f"{STARTED_AGAIN}: its port was opened again"),
        ),
    ],
)
def test_losses_are_a_failure_whether_the_probe_arrives_or_not(
    own: AgentState, evidence: dict[str, Any], hop: Hop, arrival: Arrival
) -> None:
    assert judge(arrival, own, **evidence) == hop


@pytest.mark.parametrize(
    ("answer", "cause", "reason"),
    [
        (None, "agent_failing", ""),
        (DatabaseError("forbidden", "may not write"), "agent_failing", ""),
        (FULL, "disk_full", ": no space left on device"),
        (CONFLICT, "agent_rejected", ": field type conflict: input field"),
    ],
)
def test_writes_that_fail_are_explained_by_a_write_past_the_agent(
    answer: DatabaseError | None, cause: str, reason: str
) -> None:
    text = f"3 writes of Telegraf failed, and 1,200 points wait for the database{reason}"
    assert judge(ARRIVED, state(failed=3, waiting=1200), answer) == fail_hop("telegraf", cause, text, waiting=1200)


@pytest.mark.parametrize(
    ("own", "evidence", "answer", "hop"),
    [
        (
            state(address=":9125"),
            {},
            None,
            fail_hop(
                "telegraf",
                "agent_elsewhere",
                "Telegraf listens on :9125: another program uses port 8125",
                address=":9125",
            ),
        ),
        (
            state(),
            {"is_stuck": True},
            None,
            fail_hop("telegraf", "agent_hangs", "the program on the port has port 8125 and does not read what arrives"),
        ),
        (
            state(),
            {"process": AgentProcess(name="telegraf", is_stopped=True)},
            None,
            fail_hop("telegraf", "agent_hangs", "telegraf has port 8125 and does not read what arrives"),
        ),
        (
            AgentState(),
            {"process": AgentProcess(name="nginx", pid=7)},
            None,
            fail_hop("telegraf", "port_taken", "nginx (process 7) has port 8125, not Telegraf"),
        ),
        (
            state(),
            {},
            FULL,
            fail_hop(
                "telegraf",
                "disk_full",
                "the database can be read, but does not accept writes: no space left on device",
            ),
        ),
        (
            state(restarts=3),
            {},
            None,
            fail_hop(
                "telegraf", "agent_restarting", f"{STARTED_AGAIN}: its counters began again 3 times in ten minutes"
            ),
        ),
        (
            AgentState(ago(20), flush_seconds=30.0),
            {},
            None,
            fail_hop("telegraf", "slow_flush", "Telegraf writes every 30 s, and last did 20 s ago", flush_seconds=30.0),
        ),
        (
            AgentState(),
            {"process": config(flush_seconds=30.0)},
            None,
            fail_hop(
                "telegraf",
                "slow_flush",
                "Telegraf writes every 30 s, and has not done so yet",
                flush_seconds=30.0,
            ),
        ),
        (
            AgentState(ago(300)),
            {"process": config(outputs=["influxdb a", "file b"])},
            None,
            fail_hop(
                "telegraf",
                "agent_not_writing",
                "Telegraf last wrote into this database 300 s ago. Its configuration has: influxdb a; file b",
                age_seconds=300.0,
            ),
        ),
        (
            AgentState(others=3),
            {},
            None,
            fail_hop(
                "telegraf",
                "agent_not_writing",
                "the agent of this machine has written nothing into this database, but 3 others have",
            ),
        ),
        (
            AgentState(),
            {"process": config(has_internal=False, outputs=["influxdb a"])},
            None,
            Hop(
                "telegraf",
                "warning",
                "the agent reports nothing about itself. Its configuration has: influxdb a",
                "no_internals",
            ),
        ),
        (state(), {}, None, Hop("telegraf", "ok", "Telegraf wrote about itself 1.0 s ago")),
        (AgentState(ago(-1)), {}, None, Hop("telegraf", "ok", "Telegraf wrote about itself 0.0 s ago")),
    ],
)
def test_the_absence_of_the_probe_is_explained(
    own: AgentState, evidence: dict[str, Any], answer: DatabaseError | None, hop: Hop
) -> None:
    telegraf = judge(missing(), own, answer, **evidence)
    assert telegraf == hop
    probe = judge_probe(missing(), telegraf, 5.0, Evidence(own, 8125))
    assert probe == fail_hop("probe", hop.cause or "probe_lost", "the probe was not readable within 5 s")


def test_the_pace_of_the_configuration_goes_before_that_of_the_past() -> None:
    own = AgentState(ago(8), flush_seconds=1.0)
    hop = judge(missing(), own, process=config(flush_seconds=30.0))
    assert (hop.cause, hop.details["flush_seconds"]) == ("slow_flush", 30.0)
    assert "writes every 30 s" in hop.text
