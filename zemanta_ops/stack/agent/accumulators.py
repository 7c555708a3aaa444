"""Accumulate the values of one series in one interval, to the figures that Telegraf's statsd input writes."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Collection, Sequence
from itertools import accumulate
from typing import ClassVar

from zemanta_ops.metrics.delivery.statsd_writer import INT64

Fields = dict[str, float]

# A value with the number of times that it counts: a plain number counts once, which is the common case.
Run = float | tuple[float, int]

# Percentiles are computed from the values. Only this many of a series, the newest, are kept, which bounds the memory.
# Count, sum, mean, stddev, lower and upper are exact for any number.
PERCENTILE_LIMIT = 10_000
# Telegraf computes the median of the newest 1,000 values of an interval.
MEDIAN_LIMIT = 1_000
# The members of a set are counted up to this many.
MEMBER_LIMIT = 100_000


class CounterAccumulator:
    """A sum of whole numbers, which overflows as Telegraf's does."""

    __slots__ = ("count",)
    capacity: ClassVar[int] = 0

    def __init__(self) -> None:
        self.count = 0

    def add(self, value: int) -> None:
        """Add one increment, already corrected for its sample rate."""
        self.count = (self.count + value + INT64 + 1) % (2 * INT64 + 2) - INT64 - 1

    def merge(self, later: CounterAccumulator, _limit: int = 0) -> None:
        """Add the count of a later interval."""
        self.add(later.count)

    def build_fields(self, _percentiles: Sequence[float]) -> Fields:
        """Return the one field of a counter."""
        return {"value": self.count}


class GaugeAccumulator:
    """The last value; a signed value changes it, or changes zero if there is none."""

    __slots__ = ("base", "count", "moved")
    capacity: ClassVar[int] = 0

    def __init__(self) -> None:
        self.base: float | None = None
        self.moved = 0.0
        self.count = 0

    def add(self, value: float) -> None:
        """Set an absolute value."""
        self.base, self.moved = value, 0.0
        self.count += 1

    def move(self, delta: float) -> None:
        """Apply a signed value."""
        self.moved += delta
        self.count += 1

    def merge(self, later: GaugeAccumulator, _limit: int = 0) -> None:
        """Apply the values of a later interval."""
        if later.base is not None:
            self.base, self.moved = later.base, later.moved
        else:
            self.moved += later.moved
        self.count += later.count

    def build_fields(self, _percentiles: Sequence[float]) -> Fields:
        """Return the one field of a gauge; none if changes have made it infinite or NaN."""
        return _keep_finite({"value": (self.base or 0.0) + self.moved})


class SetAccumulator:
    """The number of distinct members of a set, up to a limit. Only their hashes are kept."""

    __slots__ = ("count", "members")
    capacity: ClassVar[int] = MEMBER_LIMIT

    def __init__(self) -> None:
        self.members: set[int] = set()
        self.count = 0

    def add(self, member: str, limit: int = MEMBER_LIMIT) -> None:
        """Add one member."""
        if len(self.members) < limit:
            self.members.add(hash(member))
        self.count += 1

    def merge(self, later: SetAccumulator, limit: int = MEMBER_LIMIT) -> None:
        """Add a later interval's members."""
        if len(self.members) < limit:
            self.members |= later.members
        self.count += later.count

    def build_fields(self, _percentiles: Sequence[float]) -> Fields:
        """Return the one field of a set."""
        return {"value": len(self.members)}


class DistributionAccumulator:
    """Timings and histograms: running mean and deviation, extremes, and percentiles of the newest values."""

    __slots__ = ("count", "kept", "lower", "runs", "squares", "sum", "upper")
    capacity: ClassVar[int] = PERCENTILE_LIMIT

    def __init__(self) -> None:
        self.count = 0
        self.sum = 0.0
        self.squares = 0.0  # sum of squared distances from the mean (Welford), stable for large values
        self.lower = self.upper = 0.0
        self.runs: deque[Run] = deque()
        self.kept = 0  # the number of values in the runs

    def add(self, value: float, repeat: int, limit: int = PERCENTILE_LIMIT) -> None:
        """Add one value, as often as its sample rate says. The work does not depend on how often that is."""
        if not repeat:
            return
        self._extend_bounds(value, value)
        self._add_moments(repeat, value * repeat, 0.0)
        self._keep(value if repeat == 1 else (value, min(repeat, limit)), limit)

    def merge(self, later: DistributionAccumulator, limit: int = PERCENTILE_LIMIT) -> None:
        """Add a later interval's values."""
        if not later.count:
            return
        self._extend_bounds(later.lower, later.upper)
        self._add_moments(later.count, later.sum, later.squares)
        if self.kept + later.kept <= limit:
            self.runs.extend(later.runs)
            self.kept += later.kept
            return
        for run in later.runs:
            self._keep(run, limit)

    def build_fields(self, percentiles: Sequence[float]) -> Fields:
        """Return count, sum, mean, stddev, lower, upper, median and one ``<p>_percentile`` for each percentile.

        Without a value, these are the fields that Telegraf has: without percentiles, because it cannot compute them.
        """
        if not self.count:
            return {"count": 0, "sum": 0.0, "lower": 0.0, "upper": 0.0, "median": 0.0}
        values, ranks = _sort_runs(self.runs)
        return _keep_finite(
            {
                "count": self.count,
                "sum": self.sum,
                "mean": self.sum / self.count,
                "stddev": math.sqrt(self.squares / self.count),
                "lower": self.lower,
                "upper": self.upper,
                "median": _find_median(self.runs),
                **{f"{each:g}_percentile": _find_percentile(values, ranks, each) for each in percentiles},
            }
        )

    def _extend_bounds(self, lower: float, upper: float) -> None:
        # A first value that is NaN stays, as in Telegraf: no comparison with it is true.
        self.lower = lower if not self.count or lower < self.lower else self.lower
        self.upper = upper if not self.count or upper > self.upper else self.upper

    def _add_moments(self, count: int, total: float, squares: float) -> None:
        if self.count:
            distance = total / count - self.sum / self.count
            self.squares += squares + distance * distance * self.count * count / (self.count + count)
        else:
            self.squares = squares + (total - total)  # NaN, as in Telegraf, if the first value is not finite
        self.count += count
        self.sum += total

    def _keep(self, run: Run, limit: int) -> None:
        self.runs.append(run)
        self.kept += _count(run)
        while self.kept > limit:
            surplus = self.kept - limit
            oldest = self.runs.popleft()
            length = _count(oldest)
            if length > surplus:
                self.runs.appendleft((_get_value(oldest), length - surplus))
            self.kept -= min(length, surplus)


Accumulator = CounterAccumulator | GaugeAccumulator | SetAccumulator | DistributionAccumulator


def _get_value(run: Run) -> float:
    return run[0] if isinstance(run, tuple) else run


def _count(run: Run) -> int:
    return run[1] if isinstance(run, tuple) else 1


def _keep_finite(fields: Fields) -> Fields:
    """Return the fields that Telegraf writes: the line protocol has no NaN and no infinity."""
    return {name: value for name, value in fields.items() if math.isfinite(value)}


def _sort_key(run: Run) -> tuple[bool, float]:
    value = _get_value(run)
    return value == value, value  # Go sorts NaN before all other numbers


def _sort_runs(runs: Collection[Run]) -> tuple[list[float], Sequence[int]]:
    """Return the values in order, each with the number of values up to and including it."""
    plain = [run for run in runs if not isinstance(run, tuple)]
    if len(plain) == len(runs) and not math.isnan(sum(plain)):  # the common case, a tenth of the time
        return sorted(plain), range(1, len(plain) + 1)
    ordered = sorted(runs, key=_sort_key)
    return [_get_value(run) for run in ordered], list(accumulate(map(_count, ordered)))


def _find_percentile(values: Sequence[float], ranks: Sequence[int], percent: float) -> float:
    """Return the value at Telegraf's rank: ``int(n * percent / 100)``, kept inside the list."""
    total = ranks[-1]
    return _get_at(values, ranks, min(max(int(total * percent / 100), 0), total - 1))


def _find_median(runs: Sequence[Run]) -> float:
    """Return the median of the newest values."""
    newest: list[Run] = []
    room = MEDIAN_LIMIT
    for run in reversed(runs):
        newest.append((_get_value(run), min(_count(run), room)))
        room -= _count(run)
        if room <= 0:
            break
    values, ranks = _sort_runs(newest)
    middle = ranks[-1] // 2
    upper = _get_at(values, ranks, middle)
    return upper if ranks[-1] % 2 else (_get_at(values, ranks, middle - 1) + upper) / 2


def _get_at(values: Sequence[float], ranks: Sequence[int], index: int) -> float:
    return values[bisect_right(ranks, index)]
