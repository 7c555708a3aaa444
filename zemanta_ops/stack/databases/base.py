"""The surface that commands use, the same over InfluxDB 1.x and 2.x."""

from __future__ import annotations

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from zemanta_ops.stack.databases.errors import TRANSIENT, DatabaseError, Kind
from zemanta_ops.stack.databases.line_protocol import FieldValue, Point

T = TypeVar("T")

BATCH = 5_000
# To find the refused lines of a batch its halves are written again. So many requests at most, then the rest is
# reported with the server's own words.
MAX_SPLITS = 200


@dataclass(frozen=True)
class Retry:
    """How often to try, and the wait between: ``first`` seconds, doubled each time up to ``longest``, with jitter.

    ``kinds`` are the failures that are worth another attempt.
    """

    attempts: int = 4
    first: float = 0.25
    longest: float = 5.0
    kinds: frozenset[Kind] = TRANSIENT

    def call(self, request: Callable[[], T]) -> T:
        """Return what ``request`` returns; a transient failure is tried again, the last one is raised."""
        for attempt in range(1, self.attempts):
            try:
                return request()
            except DatabaseError as error:
                if error.kind not in self.kinds:
                    raise
                wait = self.first * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311  jitter, not a secret
                time.sleep(min(max(wait, error.retry_after), self.longest))
        return request()


ONCE = Retry(attempts=1)


@dataclass(frozen=True)
class Reading:
    """One value read back."""

    time: datetime
    value: FieldValue
    tags: Mapping[str, str]


@dataclass
class WriteReport:
    """How many points were written, and each refused line with the reason."""

    written: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)


class Database(ABC):
    """One database (1.x) or bucket (2.x), to write points to and read values from.

    Every method may raise ``DatabaseError``; its ``kind`` says what to do. No text of this class has a secret in it.
    """

    def __init__(self, name: str, retry: Retry) -> None:
        self.name = name  # for people: "database telegraf at http://127.0.0.1:8086"
        self.retry = retry

    @abstractmethod
    def version(self) -> str:
        """Return the server's version; needs no right but that something answers."""

    @abstractmethod
    def verify(self) -> None:
        """Prove that it is InfluxDB, lets these credentials read, and has the database; else raise."""

    def series_room(self) -> tuple[int, int] | None:
        """Return how many series there are and how many may be; None where the server does not tell."""
        return None

    @abstractmethod
    def query(self, text: str) -> list[dict[str, Any]]:
        """Return the rows of an InfluxQL (1.x) or Flux (2.x) query."""

    @abstractmethod
    def readings(
        self,
        measurement: str,
        value: str,
        start: datetime,
        end: datetime,
        *,
        tags: Mapping[str, str] | None = None,
        equal_to: float | None = None,
    ) -> list[Reading]:
        """Return the values of one field between two times, oldest first.

        ``tags`` picks the series that carry them, ``equal_to`` the rows with that number.
        """

    @abstractmethod
    def close(self) -> None:
        """Give the connections back."""

    @abstractmethod
    def _write_lines(self, body: bytes) -> None: ...

    def write(self, points: Sequence[Point]) -> WriteReport:
        """Write points, at most 5,000 a request; transient failures are tried again.

        A point that InfluxDB refuses does not keep the others out: the report names each refused line and the reason.
        """
        report = WriteReport()
        lines = [line for point in points for line in _encode(point, report)]
        for start in range(0, len(lines), BATCH):
            self._write_batch(lines[start : start + BATCH], report)
        return report

    def _write_batch(self, lines: list[str], report: WriteReport) -> None:
        pending, splits = [lines], 0
        while pending:
            part = pending.pop()
            try:
                self.retry.call(partial(self._write_lines, "\n".join(part).encode()))
            except DatabaseError as error:
                if error.kind not in ("refused", "limit"):
                    raise
                # A refused request may have been written in part. Points are idempotent, so halves may be written
                # again until each refused line stands alone.
                if len(part) == 1 or splits >= MAX_SPLITS:
                    report.refused += [(line, str(error)) for line in part]
                else:
                    splits += 1
                    pending += [part[len(part) // 2 :], part[: len(part) // 2]]
            else:
                report.written += len(part)

    def __enter__(self) -> Database:  # noqa: PYI034  Self is not in typing before Python 3.11
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _encode(point: Point, report: WriteReport) -> list[str]:
    try:
        return [point.encode()]
    except ValueError as error:
        report.refused.append((point.measurement, str(error)))
        return []
