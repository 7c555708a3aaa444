"""Compute composites and write them back: the newest windows, or those of a time in the past.

A window that was written is written again in the next runs, so that points which came late are counted. A database that
keeps the older of two points at one time gets each window once, when it is not computed again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone

from zemanta_ops.stack.databases import DatabaseError, Point
from zemanta_ops.stack.declarations.durations import DAY
from zemanta_ops.stack.declarations.model import Composite
from zemanta_ops.stack.evaluation.composites import SeriesValue, compute_composite
from zemanta_ops.stack.evaluation.reader import Reader
from zemanta_ops.stack.evaluation.spans import REWRITTEN, Span, list_spans, list_spans_between

# How far back a process makes good what it could not write, for example while the database was away.
HEALING = DAY
# A back-fill writes this many seconds of every composite before it continues.
PART = 3_600

_NANOSECONDS = 10**9


@dataclass
class ComputedComposite:
    """What one run computed of one composite.

    Attributes:
        composite: The composite.
        values: The values of each window, oldest first.
        written: How many points were written.
        is_held_back: Whether it was not written because another process may be writing.
        error: Why it is not complete; empty if it is.

    """

    composite: Composite
    values: list[tuple[Span, list[SeriesValue]]] = field(default_factory=list)
    written: int = 0
    is_held_back: bool = False
    error: str = ""


class CompositeWriter:
    """Computes composites and writes them back. It remembers up to when it has written each.

    Args:
        reader: Where to read, and where to write.
        composites: What to compute.
        may_write: Called right before a write; if it returns False, nothing is written.

    """

    def __init__(
        self, reader: Reader, composites: Sequence[Composite], may_write: Callable[[], bool] = lambda: True
    ) -> None:
        self.composites = composites
        self.may_write = may_write
        self._reader = reader
        self._written_until: dict[str, int] = {}

    def find_due(self, now: float) -> list[Composite]:
        """Return the composites whose newest window was not written; also if the clock was set back since."""
        return [each for each in self.composites if self._find_newest(each, now) != self._written_until.get(each.name)]

    def forget(self) -> None:
        """Forget what was written: another process may have gone on since."""
        self._written_until.clear()

    def write_newest(self, composite: Composite, now: float) -> ComputedComposite:
        """Compute the newest windows of a composite, and those that could not be written before; write them."""
        every, newest = composite.every_seconds, self._find_newest(composite, now)
        following = self._written_until.get(composite.name, newest) + every
        missed = (newest - max(min(following, newest), newest - HEALING)) // every
        spans = list_spans(
            now, every, composite.window_seconds, self._reader.find_delay(composite.terms), REWRITTEN + missed
        )
        result = self.write(composite, spans[: len(spans) - self._count_unfinished()])
        if not result.error and not result.is_held_back:
            self._written_until[composite.name] = newest
        return result

    def fill_back(self, since: float, until: float, now: float) -> Iterator[tuple[float, list[ComputedComposite]]]:
        """Compute and write all windows that start at ``since`` or later and end at ``until`` or before.

        Yields:
            The time up to which all is done, and the results since the last one. The first failure ends it.

        """
        start = since
        while start < until:
            part = min(start + PART, until)
            results = [self.write(each, self._list_part(each, start, part, until, now)) for each in self.composites]
            failed = any(result.error for result in results)
            yield start if failed else part, results
            if failed:
                return
            start = part

    def write(self, composite: Composite, spans: Sequence[Span]) -> ComputedComposite:
        """Compute a composite in these windows and write its values; a failure is in the result."""
        result = ComputedComposite(composite)
        try:
            for span in spans:
                result.values.append((span, compute_composite(self._reader, composite, span)))
            points = self._build_points(result)
            result.is_held_back = not self.may_write()
            if points and not result.is_held_back:
                report = self._reader.database.write(points)
                result.written = report.written
                result.error = report.refused[0][1] if report.refused else ""
        except DatabaseError as error:
            result.error = f"{error.kind}: {error}"
        return result

    def _list_part(self, composite: Composite, start: float, end: float, until: float, now: float) -> list[Span]:
        """Return the windows that start from ``start`` and before ``end``."""
        every, length = composite.every_seconds, composite.window_seconds
        newest = self._find_newest(composite, now) - self._count_unfinished() * every
        spans = list_spans_between(start, min(until, newest), every, length)
        return [span for span in spans if span.start < end]

    def _build_points(self, result: ComputedComposite) -> list[Point]:
        deployment = self._reader.deployment
        measurement = deployment.measure(result.composite.name)
        points = [
            Point(measurement, {"value": each.value}, {**deployment.identity, **each.tags}, span.start * _NANOSECONDS)
            for span, values in result.values
            for each in values
            if each.value is not None
        ]
        return points if self._reader.database.replaces else self._leave_out_written(measurement, points)

    def _leave_out_written(self, measurement: str, points: list[Point]) -> list[Point]:
        if not points:
            return []
        times = [point.time_ns // _NANOSECONDS for point in points]
        first, last = (datetime.fromtimestamp(moment, timezone.utc) for moment in (min(times) - 1, max(times) + 1))
        identity = self._reader.deployment.identity
        stored = self._reader.database.read_values(measurement, "value", first, last, tags=identity)
        written = {(round(each.time.timestamp()), *sorted(each.tags.items())) for each in stored}
        return [
            point
            for point, moment in zip(points, times, strict=True)
            if (moment, *sorted((tag, value) for tag, value in point.tags.items() if value)) not in written
        ]

    def _count_unfinished(self) -> int:
        """Return how many of the newest windows are not written yet, because they could not be corrected."""
        return 0 if self._reader.database.replaces else REWRITTEN - 1

    def _find_newest(self, composite: Composite, now: float) -> int:
        delay = self._reader.find_delay(composite.terms)
        [span] = list_spans(now, composite.every_seconds, composite.window_seconds, delay, 1)
        return span.end
