"""The surface that commands use, the same over every database."""

from __future__ import annotations

import math
import random
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar, TypeVar

from zemanta_ops.stack.databases.errors import SILENT, TRANSIENT, DatabaseError, Kind, WriteReport
from zemanta_ops.stack.databases.line_protocol import FieldValue, Point

T = TypeVar("T")

BATCH = 5_000
# InfluxDB's words for points older than the retention policy keeps; it writes the others of the request.
_EXPIRED = re.compile(r"points beyond retention policy dropped=(\d+)|dropped (\d+) points outside retention policy")
_DROPPED = re.compile(r"dropped=(\d+)$")

# A point, and its line.
Line = tuple[Point, str]


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

    def call(self, request: Callable[[], T], until: float = math.inf) -> T:
        """Return what ``request`` returns; retry transient failures, and raise the last one.

        Args:
            request: The request.
            until: Do not wait beyond this time of the monotonic clock.

        """
        for attempt in range(1, self.attempts):
            try:
                return request()
            except DatabaseError as error:
                if error.kind not in self.kinds:
                    raise
                wait = self.first * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)  # noqa: S311  jitter, not a secret
                wait = min(max(wait, error.retry_after), self.longest)
                if time.monotonic() + wait >= until:
                    raise
                time.sleep(wait)
        return request()


ONCE = Retry(attempts=1)


@dataclass(frozen=True)
class RetryUntilSilent(Retry):
    """Retries what fails at once; after a request without an answer it sends no other one, and raises that failure.

    For commands that ask many things while a person waits: all of them together wait for one time-out.
    """

    kinds: frozenset[Kind] = TRANSIENT - SILENT
    _silences: list[DatabaseError] = field(default_factory=list, init=False, compare=False)

    def call(self, request: Callable[[], T], until: float = math.inf) -> T:
        """Return what ``request`` returns; raise at once if an earlier request had no answer."""
        for silence in self._silences:
            raise DatabaseError(silence.kind, str(silence))
        try:
            return super().call(request, until)
        except DatabaseError as error:
            if error.kind in SILENT:
                self._silences.append(error)
            raise


@dataclass(frozen=True)
class StoredValue:
    """One value as it was read back."""

    time: datetime
    value: FieldValue
    tags: Mapping[str, str]


class Database(ABC):
    """One database, to write points to and read values from.

    Every method may raise ``DatabaseError``; its ``kind`` decides what to do. No message or name has a secret in it.

    Attributes:
        chosen_by: The options, names of settings in lower case, whose presence chooses this class.
        needs: The settings that it needs, for people.
        product: What kind of server it is, for people.
        is_writable: Whether ``write`` works; if not, only Telegraf writes to it.
        refuses_parts: Whether it may refuse some points of a write and keep the others, which is an error for Telegraf.
        language: The language of its queries, one of ``stack.queries.LANGUAGES``.
        delay: Seconds that a new series may take to be visible after it was written.
        replaces: Whether a point replaces an older one of the same series and time.
        lag: Seconds for which queries may not see points that were written.
        bucket: What a query in Flux reads from; other languages need no such name.
        labels: Labels that all its series have, because others share its server.
        name: What it is, for people: "database telegraf at http://127.0.0.1:8086".

    Args:
        options: The settings by their names in lower case.
        timeout: Seconds that one request may take.
        retry: How transient failures are retried.

    """

    chosen_by: ClassVar[tuple[str, ...]]
    needs: ClassVar[str]
    product: ClassVar[str] = "InfluxDB"
    is_writable: ClassVar[bool] = True
    refuses_parts: ClassVar[bool] = True
    language: ClassVar[str]
    delay: ClassVar[float] = 0.0
    lag: ClassVar[float] = 0.0
    replaces: ClassVar[bool] = True
    bucket: str = ""

    def __init__(self, options: Mapping[str, str], *, timeout: float, retry: Retry) -> None:
        self.name = self.describe(options)
        self.timeout = timeout
        self.retry = retry
        self.labels: Mapping[str, str] = {}

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

    def verify_writing(self) -> None:
        """Raise unless the database exists and lets these credentials write; nothing is written."""
        self.retry.call(lambda: self._write_lines(b"", self.timeout))

    def read_series_usage(self) -> tuple[int, int] | None:
        """Return how many series there are and how many there may be; None if the server does not report it."""
        return None

    def read_retention(self) -> timedelta | None:
        """Return how long the database keeps a point; None if it keeps it forever or does not report it."""
        return None

    def count_failed_deliveries(self) -> Mapping[str, int]:
        """Return how often the agent between the two URLs of the database could not deliver, since it started.

        The keys name where to and why; empty if there is no such agent.
        """
        return {}

    def describe_undelivered(self, before: Mapping[str, int]) -> str:  # noqa: ARG002  (for databases without an agent)
        """Return what that agent does not deliver now, or has not since an earlier count; "" if nothing."""
        return ""

    def spell_name(self, name: str) -> str:
        """Return how the database writes the name of a tag."""
        return name

    @abstractmethod
    def query(self, text: str) -> list[dict[str, Any]]:
        """Return the rows of a query in the language of the database."""

    def query_span(self, text: str, end: int) -> list[dict[str, Any]]:  # noqa: ARG002  (for languages without times)
        """Return the rows of a query over a span of time, which ends at ``end`` in seconds since the epoch."""
        return self.query(text)

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
    def _write_lines(self, body: bytes, timeout: float) -> None: ...

    def write(self, points: Sequence[Point], *, deadline: float = math.inf) -> WriteReport:
        """Write points, at most 5,000 per request; retry transient failures.

        A refused point does not prevent the others from being written. The report has each refused line and the reason.

        Args:
            points: The points.
            deadline: Seconds that all of it may take.

        Raises:
            DatabaseError: The database failed, or the deadline passed (``timeout``). The ``report`` of the error has
                what was written before, and the points that were not.

        """
        report = WriteReport()
        lines = [line for point in points for line in _encode(point, report)]
        until = time.monotonic() + deadline
        # The newest part is written first: the halves of a refused part come before the batches behind it.
        pending = [lines[start : start + BATCH] for start in range(0, len(lines), BATCH)][::-1]
        while pending:
            part = pending.pop()
            try:
                pending += self._write_part(part, report, until)
            except DatabaseError as error:
                report.unwritten += [point for rest in (part, *reversed(pending)) for point, _ in rest]
                error.report = report
                raise
        return report

    def _write_part(self, part: list[Line], report: WriteReport, until: float) -> list[list[Line]]:
        """Write lines and note what happened to them; return the parts that must be written again, the first last.

        A part of a refused request may have been written. Points are idempotent, so the halves are written again until
        each refused line is alone in a request.
        """
        try:
            self.retry.call(partial(self._send_lines, part, until), until)
        except DatabaseError as error:
            if error.kind not in ("refused", "limit", "too_large"):
                raise
            if found := _EXPIRED.search(str(error)):
                expired = int(found[1] or found[2])
                report.expired += expired
                report.written += len(part) - expired
            elif len(part) == 1 or _count_dropped(error) == len(part):
                report.refused += [(line, str(error)) for _, line in part]
                report.refused_points += [point for point, _ in part]
            else:
                return [part[len(part) // 2 :], part[: len(part) // 2]]
        else:
            report.written += len(part)
        return []

    def _send_lines(self, part: list[Line], until: float) -> None:
        seconds = until - time.monotonic()
        if seconds <= 0:
            raise DatabaseError("timeout", "the deadline for the write has passed")
        self._write_lines("\n".join(line for _, line in part).encode(), min(seconds, self.timeout))

    def __enter__(self) -> Database:  # noqa: PYI034  Self is not in typing before Python 3.11
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _count_dropped(error: DatabaseError) -> int:
    found = _DROPPED.search(str(error))
    return int(found[1]) if found else 0


def _encode(point: Point, report: WriteReport) -> list[Line]:
    try:
        return [(point, point.encode())]
    except ValueError as error:
        report.refused.append((point.measurement, str(error)))
        report.refused_points.append(point)
        return []
