"""The surface that commands use, the same over every database."""

from __future__ import annotations

import math
import random
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar, TypeVar

from zemanta_ops.stack.databases.errors import TRANSIENT, DatabaseError, Kind, WriteReport
from zemanta_ops.stack.databases.line_protocol import FieldValue, Point

T = TypeVar("T")

# Another batch would fail in the same way, and some of these take their whole time-out to fail.
_REPEATING: frozenset[Kind] = frozenset({"unreachable", "blocked", "timeout", "unauthorized", "foreign"})
# What InfluxDB answers after it has dropped points that its retention policy does not keep.
_DROPPED = re.compile(r"(?:beyond|outside) retention policy.*?dropped=(\d+)", re.DOTALL)
# A time-out of 0 would mean none.
_SHORTEST = 0.01

BATCH = 5_000
# The refused lines of a batch are found by writing its halves again, with at most this many more requests. What is
# left then is reported with the server's own words.
MAX_SPLITS = 200


@dataclass(frozen=True)
class Retry:
    """How often to try a request, and how long to wait before the next attempt.

    The wait is ``first`` seconds, doubled each time up to ``longest``, with jitter. ``kinds`` are the failures that
    are worth another attempt.
    """

    attempts: int = 4
    first: float = 0.25
    longest: float = 5.0
    kinds: frozenset[Kind] = TRANSIENT

    def call(self, request: Callable[[], T], seconds: float = math.inf) -> T:
        """Return what ``request`` returns; retry transient failures, and raise the last one.

        Args:
            request: What to call.
            seconds: Begin no attempt later than this.

        """
        end = time.monotonic() + seconds
        for attempt in range(1, self.attempts):
            try:
                return request()
            except DatabaseError as error:
                if error.kind not in self.kinds:
                    raise
                wait = self.first * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311  jitter, not a secret
                wait = min(max(wait, error.retry_after), self.longest)
                if time.monotonic() + wait >= end:
                    raise
                time.sleep(wait)
        return request()


ONCE = Retry(attempts=1)


@dataclass(frozen=True)
class StoredValue:
    """One value as it was read back."""

    time: datetime
    value: FieldValue
    tags: Mapping[str, str]


class Database(ABC):
    """One database, to write points to and read values from.

    Every method may raise ``DatabaseError``; its ``kind`` says what to do. No message or name has a secret in it.

    Attributes:
        chosen_by: The option, a setting's name in lower case, whose presence chooses this class.
        needs: The settings that it needs, for people.
        name: What it is, for people: "database telegraf at http://127.0.0.1:8086".

    Args:
        options: The settings by their names in lower case.
        timeout: Seconds that one request may take.
        retry: How transient failures are retried.

    """

    chosen_by: ClassVar[str]
    needs: ClassVar[str]

    def __init__(self, options: Mapping[str, str], *, timeout: float, retry: Retry) -> None:
        self.name = self.describe(options)
        self.timeout = timeout
        self.retry = retry
        self._end = math.inf

    @staticmethod
    @abstractmethod
    def describe(options: Mapping[str, str]) -> str:
        """Return the name of the database that the options choose; ValueError if their URL is not one."""

    @abstractmethod
    def read_version(self) -> str:
        """Return the server's version; this needs no credentials."""

    @abstractmethod
    def verify(self) -> None:
        """Raise unless the server is of the right kind, has the database, and lets these credentials read it."""

    def read_series_usage(self) -> tuple[int, int] | None:
        """Return how many series there are and how many there may be; None if the server does not report it."""
        return None

    def read_retention(self) -> timedelta | None:
        """Return how long the database keeps a point; None if it keeps it forever or does not report it."""
        return None

    @abstractmethod
    def query(self, text: str) -> list[dict[str, Any]]:
        """Return the rows of a query in the language of the database."""

    @abstractmethod
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
        """Return the values of one field between two times, oldest first.

        Args:
            measurement: The measurement.
            value: The field.
            start: The first moment that counts.
            end: The first moment that does not.
            tags: Only series that have these tags.
            equal_to: Only values that equal this number.

        """

    @abstractmethod
    def close(self) -> None:
        """Close the connections."""

    @abstractmethod
    def _write_lines(self, body: bytes) -> None: ...

    @property
    def request_seconds(self) -> float:
        """Return how long the next request may take: the time-out, or what ``write`` has left."""
        return max(min(self.timeout, self._end - time.monotonic()), _SHORTEST)

    def write(self, points: Sequence[Point], *, seconds: float = math.inf) -> WriteReport:
        """Write points, at most 5,000 per request; retry transient failures.

        A refused point does not prevent the others from being written. The report has each refused line and the reason.

        Args:
            points: The points.
            seconds: How long all requests together may take.

        Raises:
            DatabaseError: A batch could not be written; ``report`` of the error says what was. After a failure that
                would repeat itself the other batches are not tried.

        """
        report = WriteReport()
        lines = [line for point in points for line in _encode(point, report)]
        self._end = time.monotonic() + seconds
        failure: DatabaseError | None = None
        try:
            for start in range(0, len(lines), BATCH):
                batch = lines[start : start + BATCH]
                if failure and (failure.kind in _REPEATING or time.monotonic() >= self._end):
                    report.failed += len(batch)
                    continue
                failure = self._try_batch(batch, report) or failure
        finally:
            self._end = math.inf
        if failure:
            failure.report = report
            raise failure
        return report

    def _try_batch(self, lines: list[str], report: WriteReport) -> DatabaseError | None:
        done = report.written + len(report.refused)
        try:
            self._write_batch(lines, report)
        except DatabaseError as error:
            report.failed += len(lines) - (report.written + len(report.refused) - done)
            return error
        return None

    def _write_batch(self, lines: list[str], report: WriteReport) -> None:
        pending, splits = [lines], 0
        while pending:
            part = pending.pop()
            try:
                request = partial(self._write_lines, "\n".join(part).encode())
                self.retry.call(request, self._end - time.monotonic())
            except DatabaseError as error:
                if error.kind not in ("refused", "limit"):
                    raise
                if dropped := _DROPPED.search(str(error)):
                    # All the others of the request were written, so it must not be repeated.
                    old = _find_oldest(part, int(dropped[1]))
                    report.refused += [(line, str(error)) for line in old]
                    report.written += len(part) - len(old)
                    continue
                # A part of a refused request may have been written. Points are idempotent, so the halves are written
                # again until each refused line is alone in a request.
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


def _find_oldest(lines: Sequence[str], count: int) -> list[str]:
    """Return the lines with the earliest times."""
    return sorted(lines, key=lambda line: int(line.rpartition(" ")[2]))[:count]


def _encode(point: Point, report: WriteReport) -> list[str]:
    try:
        return [point.encode()]
    except ValueError as error:
        report.refused.append((point.measurement, str(error)))
        return []
