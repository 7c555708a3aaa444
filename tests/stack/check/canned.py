"""A database of canned readings, relative to one moment."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from zemanta_ops.stack.check.diagnosis import Arrival, Evidence, judge_probe, judge_telegraf
from zemanta_ops.stack.check.hops import Hop
from zemanta_ops.stack.check.telegraf_stats import AgentState
from zemanta_ops.stack.databases import ONCE, Database, DatabaseError, StoredValue, WriteReport

NOW = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


@dataclass
class Canned(Database):
    """A database of canned readings: the diagnosis reads histories that real servers need minutes to make."""

    series: dict[tuple[str, str], list[StoredValue]] = field(default_factory=dict)
    answer: DatabaseError | WriteReport = field(default_factory=lambda: WriteReport(written=1))

    def __post_init__(self) -> None:
        super().__init__({}, timeout=1.0, retry=ONCE)

    @staticmethod
    def describe(options: Mapping[str, str]) -> str:
        return "canned"

    def read_version(self) -> str:
        return "canned"

    def verify(self) -> None:
        """Do nothing."""

    def query(self, text: str) -> list[dict[str, Any]]:
        return []

    def read_values(
        self,
        measurement: str,
        value: str,
        start: datetime,
        end: datetime,
        *,
        tags: Mapping[str, str] | None = None,
        equal_to: float | None = None,
    ) -> list[StoredValue]:
        wanted = (tags or {}).items()
        series = self.series.get((measurement, value), [])
        return [each for each in series if wanted <= each.tags.items() and start <= each.time < end]

    def write(self, points: Any, *, deadline: float = math.inf) -> WriteReport:
        if isinstance(self.answer, DatabaseError):
            raise self.answer
        return self.answer

    def close(self) -> None:
        """Do nothing."""

    def _write_lines(self, body: bytes, timeout: float) -> None:
        """Do nothing."""


def readings(*steps: tuple[float, float], **tags: str) -> list[StoredValue]:
    """Return readings of ``(seconds ago, value)``."""
    return [StoredValue(ago(seconds), value, tags) for seconds, value in steps]


def missing(waited: float = 5.0, **changes: Any) -> Arrival:
    return Arrival(ago(waited), NOW, 1, **changes)


def found(at: datetime, attempts: int = 1) -> Arrival:
    return Arrival(ago(2), NOW, attempts, StoredValue(at, 1.0, {}), 1.5)


def diagnose(
    arrival: Arrival, internals: AgentState, answer: DatabaseError | WriteReport | None = None, lost_by_kernel: int = 0
) -> tuple[Hop, Hop]:
    database = Canned(answer=answer or WriteReport(written=1))
    evidence = Evidence(internals, 8125, lost_by_kernel=lost_by_kernel)
    telegraf = judge_telegraf(arrival, evidence, database)
    return telegraf, judge_probe(arrival, telegraf, 5.0, evidence)
