"""The state machine: patience, gaps, escalation, flapping, and a clock that is set back."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zemanta_ops.stack.alerting.machine import (
    CALM_SECONDS,
    FLAPPING_CHANGES,
    Level,
    Memory,
    Rule,
    decode_memory,
    parse_level,
    read_rule,
)
from zemanta_ops.stack.declarations import Alert, above, below, isolate, last

OK, WARN, CRIT = Level.OK, Level.WARN, Level.CRIT
RULE = Rule(above(1), above(5))
PATIENT = Rule(above(1), above(5), for_seconds=120)


def play(rule: Rule, values: Iterable[float | None], memory: Memory | None = None, start: int = 60) -> list[Memory]:
    """Return the memory after each window of a minute."""
    played: list[Memory] = []
    memory = memory or Memory()
    for number, value in enumerate(values):
        memory = memory.advance(rule, start + 60 * number, rule.judge(value))
        played.append(memory)
    return played


def levels(rule: Rule, *values: float | None) -> list[Level]:
    return [each.level for each in play(rule, values)]


def test_a_value_on_the_threshold_is_not_beyond_it() -> None:
    assert [RULE.judge(value) for value in (1, 1.5, 5, 6)] == [OK, WARN, WARN, CRIT]
    assert [Rule(crit=below(5)).judge(value) for value in (5, 4)] == [OK, CRIT]


def test_it_opens_escalates_falls_back_and_ends() -> None:
    assert levels(RULE, 0, 2, 6, 2, 0) == [OK, WARN, CRIT, WARN, OK]


def test_it_waits_until_the_level_has_lasted() -> None:
    assert levels(PATIENT, 2, 2, 2) == [OK, OK, WARN]
    assert levels(PATIENT, 2, 2, 0, 2, 2) == [OK] * 5


def test_warn_and_crit_wait_each_for_themselves() -> None:
    assert levels(PATIENT, 2, 6, 6, 6) == [OK, OK, WARN, CRIT]
    assert levels(PATIENT, 6, 2, 6, 2) == [OK, OK, WARN, WARN]


def test_since_is_when_the_level_began() -> None:
    assert [each.since for each in play(RULE, [0, 2, 2, 6])] == [0, 120, 120, 240]


@pytest.mark.parametrize("missing", [None, math.nan])
def test_a_window_without_data_means_what_the_alert_says(missing: float | None) -> None:
    assert levels(RULE, 6, missing, missing) == [CRIT, CRIT, CRIT]
    assert levels(Rule(above(1), above(5), no_data="ok"), 6, missing) == [CRIT, OK]
    assert levels(Rule(above(1), above(5), no_data="alert"), 0, missing) == [OK, CRIT]
    assert levels(Rule(warn=above(1), no_data="alert"), 0, missing) == [OK, WARN]


def test_a_gap_neither_breaks_nor_shortens_the_wait() -> None:
    assert levels(PATIENT, 2, None, 2) == [OK, OK, WARN]
    assert levels(PATIENT, 2, None, 0, 2) == [OK] * 4


def test_one_that_flaps_is_held_at_its_worst_until_it_is_calm() -> None:
    found = play(RULE, [0, 2, 0, 6, 0, 6, 0, 6, 0, 0])
    assert [each.level for each in found] == [OK, WARN, OK, CRIT, OK, CRIT, CRIT, CRIT, CRIT, CRIT]
    assert [each.is_flapping for each in found] == [False] * 6 + [True] * 4
    calm = play(RULE, [0] * 20, found[-1], start=660)
    ended = next(each for each in calm if not each.is_flapping)
    assert (ended.level, ended.since - found[-2].changes[-1]) == (OK, CALM_SECONDS)
    assert play(RULE, [2], calm[-1], start=1860)[0].level is WARN


def test_changes_over_a_day_are_not_flapping() -> None:
    memory = Memory()
    for number in range(3 * FLAPPING_CHANGES):
        memory = memory.advance(RULE, 3_600 * number, Level(number % 2))
        assert not memory.is_flapping


def test_a_clock_that_is_set_back_delays_but_never_opens() -> None:
    waiting = play(PATIENT, [2, 2], start=100_000)[-1]
    back = waiting.advance(PATIENT, 60, WARN)
    assert (back.level, back.warn_since) == (OK, 60)
    assert back.advance(PATIENT, 180, WARN).level is WARN
    opened = play(RULE, [2], start=100_000)[-1].advance(RULE, 60, WARN)
    assert (opened.level, opened.since) == (WARN, 60)


@given(st.lists(st.sampled_from([0.0, 2.0, 6.0, None]), max_size=40))
def test_a_memory_survives_storage_after_any_history(values: list[float | None]) -> None:
    for memory in play(PATIENT, values):
        assert decode_memory(json.loads(json.dumps(memory.encode()))) == memory


@given(st.lists(st.sampled_from([0.0, 2.0, 6.0]), max_size=60))
def test_no_history_changes_the_level_more_often_than_flapping_allows(values: list[float]) -> None:
    found = levels(RULE, 0, *values)
    # Held, the level can only rise, from WARN to CRIT.
    assert sum(one != other for one, other in itertools.pairwise(found)) <= FLAPPING_CHANGES + 1


def test_a_declared_alert_gives_its_rule() -> None:
    with isolate():
        alert = Alert(last("jobs.waiting"), warn=above(1), crit=above(5), for_="2m", no_data="ok")
    assert read_rule(alert) == Rule(above(1), above(5), 120, "ok")


def test_only_words_of_levels_are_levels() -> None:
    assert parse_level("crit") is CRIT
    with pytest.raises(ValueError, match="must be warn or crit"):
        parse_level("page")
