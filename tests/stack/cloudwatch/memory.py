"""A database in memory, for the tests that write thousands of times; the real servers have tests of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from zemanta_ops.stack.databases import Database, DatabaseError, Point, Retry, StoredValue, WriteReport

Row = tuple[str, tuple[tuple[str, str], ...], int]


class MemoryDatabase(Database):
    """Keeps rows as InfluxDB does: a point with the same measurement, tags and time overwrites its fields.

    ``failures`` are raised by the next writes, one each; None for a write that succeeds. ``unreadable`` is raised by
    every read, ``unwritable`` by the question whether it can be written.
    """

    def __init__(self, retention: timedelta | None = None) -> None:
        super().__init__({}, timeout=1, retry=Retry(attempts=1))
        self.rows: dict[Row, dict[str, Any]] = {}
        self.failures: list[DatabaseError | None] = []
        self.unreadable: DatabaseError | None = None
        self.unwritable: DatabaseError | None = None
        self.refuses: dict[str, str] = {}
        self.retention = retention

    @staticmethod
    def describe(options: Mapping[str, str]) -> str:
        return "database in memory"

    def read_version(self) -> str:
        return "1"

    def verify(self) -> None:
        pass

    def read_retention(self) -> timedelta | None:
        return self.retention

    def query(self, text: str) -> list[dict[str, Any]]:
        raise AssertionError("a run has no query of its own")

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
        if self.unreadable:
            raise self.unreadable
        found = [
            StoredValue(datetime.fromtimestamp(time / 1e9, timezone.utc), fields[value], dict(own))
            for (name, own, time), fields in self.rows.items()
            if name == measurement and value in fields and start.timestamp() <= time / 1e9 < end.timestamp()
        ]
        return sorted(found, key=lambda each: each.time)

    def write(self, points: Sequence[Point], **_: Any) -> WriteReport:
        if self.failures and (failure := self.failures.pop(0)):
            raise failure
        report = WriteReport()
        for point in points:
            if reason := self.refuses.get(point.measurement):
                report.refused.append((point.measurement, reason))
                report.refused_points.append(point)
                continue
            key = (point.measurement, tuple(sorted(point.tags.items())), point.time_ns)
            self.rows.setdefault(key, {}).update(point.fields)
            report.written += 1
        return report

    def close(self) -> None:
        pass

    def _write_lines(self, body: bytes, timeout: float) -> None:
        assert not body, "write() keeps the points themselves"
        if self.unwritable:
            raise self.unwritable

    def values(self, measurement: str, field: str, **tags: str) -> dict[int, Any]:
        """Return the values of a field by their time in seconds, of series that have these tags."""
        return {
            time // 10**9: fields[field]
            for (name, own, time), fields in sorted(self.rows.items())
            if name == measurement and field in fields and tags.items() <= dict(own).items()
        }
