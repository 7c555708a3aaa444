"""Accumulate the values of one series in one interval, to the figures that Telegraf's statsd input writes."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from statistics import median

Fields = dict[str, float]

# Percentiles are computed from the values. Only this many of a series, the newest, are kept, which bounds the memory.
# Count, sum, mean, stddev, lower and upper are exact for any number.
PERCENTILE_LIMIT = 10_000
# Telegraf computes the median of the newest 1,000 values of an interval.
MEDIAN_LIMIT = 1_000


class CounterAccumulator:
    """A sum of whole numbers."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0

    def add(self, value: int) -> None:
        """Add one increment, already corrected for its sample rate."""
        self.count += value

    def merge(self, later: CounterAccumulator) -> None:
        """Add the count of a later interval."""
        self.count += later.count

    def build_fields(self, _percentiles: Sequence[float]) -> Fields:
        """Return the one field of a counter."""
        return {"value": self.count}


class GaugeAccumulator:
    """The last value; a signed value changes it, or changes zero if there is none."""

    __slots__ = ("base", "count", "moved")

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

    def merge(self, later: GaugeAccumulator) -> None:
        """Apply the values of a later interval."""
        if later.base is not None:
            self.base, self.moved = later.base, later.moved
        else:
            self.moved += later.moved
        self.count += later.count

    def build_fields(self, _percentiles: Sequence[float]) -> Fields:
        """Return the one field of a gauge."""
        return {"value": (self.base or 0.0) + self.moved}


class SetAccumulator:
    """The number of distinct members of a set."""

    __slots__ = ("count", "members")

    def __init__(self) -> None:
        self.members: set[str] = set()
        self.count = 0

    def add(self, member: str) -> None:
        """Add one member."""
        self.members.add(member)
        self.count += 1

    def merge(self, later: SetAccumulator) -> None:
        """Add a later interval's members."""
        self.members |= later.members
        self.count += later.count

    def build_fields(self, _percentiles: Sequence[float]) -> Fields:
        """Return the one field of a set."""
        return {"value": len(self.members)}


class DistributionAccumulator:
    """Timings and histograms: running mean and deviation, extremes, and percentiles of the newest values."""

    __slots__ = ("count", "lower", "squares", "sum", "upper", "values")

    def __init__(self) -> None:
        self.count = 0
        self.sum = 0.0
        self.squares = 0.0  # sum of squared distances from the mean (Welford), stable for large values
        self.lower = math.inf
        self.upper = -math.inf
        self.values: deque[float] = deque(maxlen=PERCENTILE_LIMIT)

    def add(self, value: float, repeat: int) -> None:
        """Add one value, repeated according to its sample rate."""
        for _ in range(repeat):
            self._add_moments(1, value, 0.0)
            self.values.append(value)
        self.lower = min(self.lower, value)
        self.upper = max(self.upper, value)

    def merge(self, later: DistributionAccumulator) -> None:
        """Add a later interval's values."""
        if not later.count:
            return
        self._add_moments(later.count, later.sum, later.squares)
        self.lower = min(self.lower, later.lower)
        self.upper = max(self.upper, later.upper)
        self.values.extend(later.values)

    def build_fields(self, percentiles: Sequence[float]) -> Fields:
        """Return count, sum, mean, stddev, lower, upper, median and one ``<p>_percentile`` for each percentile."""
        if not self.count:
            return {}
        ordered = sorted(self.values)
        newest = list(self.values)[-MEDIAN_LIMIT:]
        return {
            "count": self.count,
            "sum": self.sum,
            "mean": self.sum / self.count,
            "stddev": math.sqrt(self.squares / self.count),
            "lower": self.lower,
            "upper": self.upper,
            "median": median(newest),
            **{f"{each:g}_percentile": _find_percentile(ordered, each) for each in percentiles},
        }

    def _add_moments(self, count: int, total: float, squares: float) -> None:
        if self.count:
            distance = total / count - self.sum / self.count
            self.squares += squares + distance * distance * self.count * count / (self.count + count)
        else:
            self.squares = squares
        self.count += count
        self.sum += total


Accumulator = CounterAccumulator | GaugeAccumulator | SetAccumulator | DistributionAccumulator


def _find_percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the value at Telegraf's rank: ``int(n * percent / 100)``, kept inside the list."""
    return ordered[min(max(int(len(ordered) * percent / 100), 0), len(ordered) - 1)]
