"""What a person reads about a probe that arrived, or was waited for in vain."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.stack.check.canned import Canned, ago, found, missing
from zemanta_ops.stack.check.agent_config import AgentConfig
from zemanta_ops.stack.check.agent_process import AgentProcess
from zemanta_ops.stack.check.diagnosis import Evidence, judge_probe, judge_telegraf
from zemanta_ops.stack.check.hops import Hop, fail_hop
from zemanta_ops.stack.check.telegraf_stats import AgentState
from zemanta_ops.stack.databases import DatabaseError, StoredValue

WELL = Hop("telegraf", "ok", "")
EVIDENCE = Evidence(AgentState(), 8125)
MINUTE = 'precision = "1m" in [agent]'


def test_a_database_that_fails_meanwhile_is_the_cause() -> None:
    arrival = missing(error=DatabaseError("timeout", "no answer within 5 s"))
    telegraf = judge_telegraf(arrival, EVIDENCE, Canned())
    assert telegraf == Hop("telegraf", "skipped", "the database failed while the probe was on its way")
    assert judge_probe(arrival, telegraf, 5.0, EVIDENCE) == fail_hop(
        "probe", "timeout", "the database could not be queried any more: no answer within 5 s"
    )


def test_the_time_that_was_waited_is_shown_in_short() -> None:
    assert judge_probe(missing(), WELL, 7.5, EVIDENCE).text == "the probe was not readable within 7.5 s"


@pytest.mark.parametrize(("attempts", "again"), [(1, ""), (2, ", sent 2 times")])
def test_a_probe_that_arrived_has_its_time(attempts: int, again: str) -> None:
    text = f"the metric was readable 1.50 s after it was sent{again}"
    assert judge_probe(found(ago(1), attempts), WELL, 5.0, EVIDENCE) == Hop("probe", "ok", text, seconds=1.5)


@pytest.mark.parametrize(
    ("seconds", "skew", "words"),
    [
        # It was sent two seconds ago; clocks may differ by five.
        (7, None, ""),
        (7.5, -5.5, "6 s behind"),
        (-5, None, ""),
        (-5.5, 5.5, "6 s ahead of"),
        (-63, 63.0, "63 s ahead of"),
    ],
)
def test_a_time_beyond_the_tolerance_is_a_wrong_clock(seconds: float, skew: float | None, words: str) -> None:
    hop = judge_probe(found(ago(seconds)), WELL, 5.0, EVIDENCE)
    if skew is None:
        assert hop.status == "ok"
        return
    text = f"the probe arrived with a time {words} this machine's clock"
    assert hop == fail_hop("probe", "clock_skew", text, 1.5, skew_seconds=skew)


@pytest.mark.parametrize(("seconds", "rounded"), [(62, True), (62.5, False), (-60, True), (-61, False)])
def test_a_time_that_is_off_by_no_more_than_the_precision_is_rounded(seconds: float, rounded: bool) -> None:
    process = AgentProcess(name="telegraf", config=AgentConfig(precision=MINUTE, precision_seconds=60.0))
    hop = judge_probe(found(ago(seconds)), WELL, 5.0, Evidence(AgentState(), 8125, process=process))
    assert hop.cause == ("agent_precision" if rounded else "clock_skew")
    assert hop.text.endswith(f"clock: the agent's configuration has {MINUTE}" if rounded else "clock")


@pytest.mark.parametrize(
    ("kept", "dogstatsd", "status", "cause", "lost"),
    [
        (["slot"], False, "warning", "tags_lost", ["env", "host"]),
        ([], False, "failed", "tags_lost", ["env", "host", "slot"]),
        (["host"], True, "failed", "extensions_off", ["env", "slot"]),
    ],
)
def test_lost_tags_are_named(kept: list[str], dogstatsd: bool, status: str, cause: str, lost: list[str]) -> None:
    sent = {"slot": "0", "host": "web-1", "env": "prod"}
    reading = StoredValue(ago(1), 1.0, {name: sent[name] for name in kept})
    arrival = replace(found(ago(1)), reading=reading, sent_tags=sent)
    hop = judge_probe(arrival, WELL, 5.0, Evidence(AgentState(), 8125, dogstatsd=dogstatsd))
    text = f"the metric was readable 1.50 s after it was sent, but without its tags {', '.join(lost)}"
    assert (hop.name, hop.status, hop.cause, hop.text, hop.seconds) == ("probe", status, cause, text, 1.5)
    assert hop.details == {"tags": lost}


def test_the_skew_is_the_time_outside_of_that_between_sending_and_arrival() -> None:
    assert missing().compute_skew() == 0.0
    at = {seconds: found(ago(seconds)).compute_skew() for seconds in (3, 2, 1, 0, -1)}
    assert at == {3: -1.0, 2: 0.0, 1: 0.0, 0: 0.0, -1: 1.0}
