"""The same numbers from the points themselves, without a database and without the product's code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from tests.stack.evaluation.day import Record

Key = tuple[str, ...]
Wanted = Callable[[Mapping[str, str]], bool]


class Hand:
    """Adds up points by window: those from ``start`` of a window, and before its end."""

    def __init__(self, records: Iterable[Record], every: int) -> None:
        self.every = every
        self._points: dict[tuple[str, int], list[tuple[Mapping[str, str], int, Mapping[str, object]]]] = {}
        for record in records:
            second = record.point.time_ns // 10**9
            key = (record.point.measurement, second // every * every)
            self._points.setdefault(key, []).append((record.point.tags, second, record.point.fields))

    def total(
        self, measurement: str, start: int, by: Sequence[str], wanted: Wanted = lambda _: True, field: str = "value"
    ) -> dict[Key, float]:
        """Return the sum of a field in the window that begins at ``start``, by tags."""
        sums: dict[Key, float] = {}
        for tags, _, fields in self._points.get((measurement, start), ()):
            if wanted(tags):
                key = tuple(tags.get(tag, "") for tag in by)
                sums[key] = sums.get(key, 0.0) + float(str(fields[field]))
        return sums

    def mean(self, measurement: str, start: int, by: Sequence[str]) -> dict[Key, float]:
        """Return the mean of the points of a gauge."""
        sums = self.total(measurement, start, by)
        counts = self.count(measurement, start, by)
        return {key: number / counts[key] for key, number in sums.items()}

    def count(self, measurement: str, start: int, by: Sequence[str]) -> dict[Key, int]:
        """Return the number of points."""
        counts: dict[Key, int] = {}
        for tags, _, _ in self._points.get((measurement, start), ()):
            key = tuple(tags.get(tag, "") for tag in by)
            counts[key] = counts.get(key, 0) + 1
        return counts

    def last(self, measurement: str, start: int, by: Sequence[str]) -> dict[Key, float]:
        """Return the newest value of a gauge."""
        newest: dict[Key, tuple[int, float]] = {}
        for tags, second, fields in self._points.get((measurement, start), ()):
            key = tuple(tags.get(tag, "") for tag in by)
            newest[key] = max(newest.get(key, (0, 0.0)), (second, float(str(fields["value"]))))
        return {key: value for key, (_, value) in newest.items()}
