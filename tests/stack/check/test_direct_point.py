"""The point that is written past the agent: of one series, and one an hour."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.stack.check.canned import Canned, missing
from zemanta_ops.stack.check.diagnosis import Evidence, judge_telegraf
from zemanta_ops.stack.check.probe import write_directly
from zemanta_ops.stack.check.telegraf_stats import AgentState
from zemanta_ops.stack.databases import Point, WriteReport


@dataclass
class Keeping(Canned):
    """Keeps what is written."""

    written: list[Point] = field(default_factory=list)

    def write(self, points: Any, *, deadline: float = math.inf) -> WriteReport:
        self.written += points
        return WriteReport(written=1)


def test_the_point_written_past_the_agent_is_always_one_series() -> None:
    database = Keeping()
    for _ in range(2):
        judge_telegraf(missing(), Evidence(AgentState(), 8125), database)

    assert {(point.measurement, *point.tags.items(), *point.fields) for point in database.written} == {
        ("zemanta_ops_probe", ("metric_type", "direct"), "direct", "value", "padding")
    }


def test_it_replaces_itself_within_the_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the size of a batch, and a check that fails may run every minute."""
    hour = 3600 * 10**9
    database = Keeping()
    for now in (5 * hour, 5 * hour + 1, 6 * hour - 1, 6 * hour):
        monkeypatch.setattr("time.time_ns", lambda now=now: now)
        write_directly(database)
    assert [point.time_ns // hour for point in database.written] == [5, 5, 5, 6]
    assert len({point.time_ns for point in database.written}) == 2
