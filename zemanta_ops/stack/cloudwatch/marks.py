"""What earlier runs covered: each run writes a point per scope, which the next one reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from zemanta_ops.stack.cloudwatch.coverage import to_datetime
from zemanta_ops.stack.cloudwatch.queries import Scope
from zemanta_ops.stack.cloudwatch.windows import DAY, HOUR
from zemanta_ops.stack.databases import Database, Point

MEASUREMENT = "cloudwatch_push"
COVERED = "covered_until"
FAILED = "failed"
# Most runs find the last mark in the first of these spans.
_SPANS = (2 * HOUR, 2 * DAY)


@dataclass(frozen=True)
class Mark:
    """When a scope was last fetched, and the end of what was complete then; seconds since the epoch."""

    written: int
    covered: int


def read_marks(database: Database, scopes: Sequence[Scope], now: int) -> dict[Scope, Mark]:
    """Return the last mark of each scope that has one; DatabaseError if the database cannot be read."""
    marks: dict[tuple[tuple[str, str], ...], Mark] = {}
    keys = {scope: tuple(sorted(_build_tags(scope).items())) for scope in scopes}
    for span in _SPANS:
        start, end = to_datetime(now) - timedelta(seconds=span), to_datetime(now) + timedelta(seconds=1)
        for stored in database.read_values(MEASUREMENT, COVERED, start, end):
            tags = tuple(
                sorted((key, stored.tags[key]) for key in ("account", "declaration", "region") if key in stored.tags)
            )
            marks[tags] = Mark(int(stored.time.timestamp()), int(float(stored.value)))
        if all(key in marks for key in keys.values()):
            break
    return {scope: marks[key] for scope, key in keys.items() if key in marks}


def build_mark(scope: Scope, now: int, covered: datetime, figures: Mapping[str, float]) -> Point:
    """Return the point that records what a run covered of a scope, with the figures of the run."""
    fields = {COVERED: covered.timestamp(), **figures}
    return Point(MEASUREMENT, fields, _build_tags(scope), now * 10**9)


def _build_tags(scope: Scope) -> dict[str, str]:
    account = scope.account
    return {"declaration": scope.declaration, "region": scope.region, **({"account": account} if account else {})}
