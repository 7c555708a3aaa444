"""What a run covered and what it did not: the report of ``push``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from zemanta_ops.stack.cloudwatch.queries import Scope

# A database that refuses every line would fill the report.
MAX_REFUSALS = 5


@dataclass(frozen=True)
class Gap:
    """Periods that some series of a scope do not have yet; the next runs repair those of the last 24 hours."""

    scope: Scope
    start: datetime
    end: datetime
    series: int

    def __str__(self) -> str:
        span = f"{self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} UTC"
        return f"{self.scope}: {self.series or 'all'} series are missing from {span}"


@dataclass
class Coverage:
    """What a run did.

    Attributes:
        scopes: The scopes that it was to cover.
        covered: The end of what is complete, by scope.
        metrics: How many metrics were requested, as AWS counts them for the bill.
        requests: How many GetMetricData requests were sent, pages of an answer included.
        rows: How many rows the database accepted.
        refused: How many rows the database refused.
        problems: One line for each thing that went wrong.
        notes: One line for each thing worth knowing.
        gaps: What is missing.

    """

    scopes: list[Scope] = field(default_factory=list)
    covered: dict[Scope, datetime] = field(default_factory=dict)
    metrics: int = 0
    requests: int = 0
    rows: int = 0
    refused: int = 0
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Return whether nothing went wrong and nothing is missing."""
        return not self.problems and not self.gaps

    def add_problem(self, text: str) -> None:
        """Add a line, once."""
        if text not in self.problems:
            self.problems.append(text)

    def add_refusals(self, reasons: Iterable[str]) -> None:
        """Count refused rows, and report the first few reasons."""
        for reason in reasons:
            self.refused += 1
            if self.refused <= MAX_REFUSALS:
                self.add_problem(f"the database refused a row: {reason}")

    def build_document(self) -> dict[str, Any]:
        """Return the report as values for JSON."""
        gaps = [
            {**_name(gap.scope), "start": gap.start.isoformat(), "end": gap.end.isoformat(), "series": gap.series}
            for gap in self.gaps
        ]
        return {
            "ok": self.ok,
            "metrics_requested": self.metrics,
            "requests": self.requests,
            "rows": self.rows,
            "rows_refused": self.refused,
            "covered": [{**_name(scope), "until": until.isoformat()} for scope, until in sorted(self.covered.items())],
            "missing": gaps,
            "problems": self.problems,
            "notes": self.notes,
        }

    def describe(self) -> str:
        """Return the figures in one line."""
        return (
            f"{len(self.covered)} of {len(self.scopes)} declarations complete, {self.metrics} metrics requested in "
            f"{self.requests} requests, {self.rows} rows written, {self.refused} refused"
        )


def to_datetime(seconds: int) -> datetime:
    """Return the time in UTC."""
    return datetime.fromtimestamp(seconds, timezone.utc)


def _name(scope: Scope) -> dict[str, str]:
    return {"declaration": scope.declaration, "region": scope.region, "role": scope.role}
