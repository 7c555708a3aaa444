"""The surface that commands use, the same over every database."""

from __future__ import annotations

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, TypeVar

from zemanta_ops.stack.databases.errors import TRANSIENT, DatabaseError, Kind
from zemanta_ops.stack.databases.line_protocol import FieldValue, Point

T = TypeVar("T")

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

    def call(self, request: Callable[[], T]) -> T:
        """Return what ``request`` returns; retry transient failures, and raise the last one."""
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
class StoredValue:
    """One value as it was read back."""

    time: datetime
    value: FieldValue
    tags: Mapping[str, str]


@dataclass
class WriteReport:
    """How many points were written, and each refused line with the reason."""

    written: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)


class Database(ABC):
    """One database, to write points to and read values from.

    Every method may raise ``DatabaseError``; its ``kind`` decides what to do. No message or name has a secret in it.

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

    def write(self, points: Sequence[Point]) -> WriteReport:
        """Write points, at most 5,000 per request; retry transient failures.

        A refused point does not prevent the others from being written. The report has each refused line and the reason.
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


def _encode(point: Point, report: WriteReport) -> list[str]:
    try:
        return [point.encode()]
    except ValueError as error:
        report.refused.append((point.measurement, str(error)))
        return []
