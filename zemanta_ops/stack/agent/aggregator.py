"""Aggregate values by series, for each interval and for the whole run, in bounded memory."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, cast

from zemanta_ops.stack.agent.accumulators import (
    Accumulator,
    CounterAccumulator,
    DistributionAccumulator,
    GaugeAccumulator,
    SetAccumulator,
)
from zemanta_ops.stack.agent.report import Received, Rejected, Report, SeriesSummary
from zemanta_ops.stack.agent_contract import PERCENTILES
from zemanta_ops.stack.statsd import Datagram, Rejection, Sample

# No datagrams fill the memory, whatever is in them. Beyond these bounds values are rejected, with the reason.
MAX_SERIES = 20_000
MAX_SERIES_TEXT = 16 * 1024 * 1024
# Beyond this many reasons, all others are counted as one. An example is cut off.
MAX_REASONS = 50
MAX_EXAMPLE = 500
OTHER_REASONS = "other reasons"
# All series of a type share room for this many values: each has the capacity of its type until that is used up.
KEPT_VALUES = 2_000_000
LEAST_CAPACITY = 100
NOT_REPEATED = "the sample rate is above 1, so no value counts. Telegraf fails when it computes percentiles of none"
TOO_MANY = f"more than {MAX_SERIES:,} series, or too much text in their names"
# The closed intervals of this many seconds are kept, for the figures of the last 10 s.
RECENT_SECONDS = 10.0

Tags = tuple[tuple[str, str], ...]
Key = tuple[str, Tags, str]

_ACCUMULATORS: dict[str, type[Accumulator]] = {
    "counter": CounterAccumulator,
    "gauge": GaugeAccumulator,
    "set": SetAccumulator,
    "timing": DistributionAccumulator,
    "histogram": DistributionAccumulator,
}


class LazyFields(Mapping[str, float]):
    """The fields of an accumulator that no longer changes, computed when they are first read."""

    def __init__(self, accumulator: Accumulator, percentiles: Sequence[float]) -> None:
        self._accumulator = accumulator
        self._percentiles = percentiles

    @cached_property
    def _fields(self) -> Mapping[str, float]:
        return self._accumulator.build_fields(self._percentiles)

    def __getitem__(self, name: str) -> float:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return repr(self._fields)


class SeriesRegister:
    """Admits series up to the bounds, and divides the room for their values."""

    def __init__(self) -> None:
        self._keys: set[Key] = set()
        self._text = 0
        self._numbers: dict[str, int] = dict.fromkeys(_ACCUMULATORS, 0)
        self.limits = {kind: each.capacity for kind, each in _ACCUMULATORS.items()}

    def admit(self, key: Key) -> bool:
        """Return whether the series is known, or may be added."""
        if key in self._keys:
            return True
        name, tags, kind = key
        text = len(name) + sum(len(tag) + len(value) for tag, value in tags)
        if len(self._keys) >= MAX_SERIES or self._text + text > MAX_SERIES_TEXT:
            return False
        self._keys.add(key)
        self._text += text
        self._numbers[kind] += 1
        share = max(KEPT_VALUES // self._numbers[kind], LEAST_CAPACITY)
        self.limits[kind] = min(_ACCUMULATORS[kind].capacity, share)
        return True


class Interval:
    """The accumulators, the refused lines and the start of one interval."""

    def __init__(self, register: SeriesRegister) -> None:
        self._register = register
        self.accumulators: dict[Key, Accumulator] = {}
        self.rejected: dict[str, tuple[int, Rejection]] = {}
        self.started = time.time()
        self.since = time.monotonic()
        self.seconds = 0.0  # its length, once it is closed
        self.datagrams = self.bytes = self.values = self.refused = 0

    def add(self, sample: Sample, tags: Tags) -> None:
        """Add one value to its series."""
        kind = sample.kind_name
        if kind not in _ACCUMULATORS:
            self.reject(Rejection(sample.name, f"{kind}s are left out by Telegraf too"))
            return
        key = (sample.name, tags, kind)
        accumulator = self.accumulators.get(key)
        if accumulator is None:
            if not self._register.admit(key):
                self.reject(Rejection(sample.name, TOO_MANY))
                return
            accumulator = self.accumulators[key] = _ACCUMULATORS[kind]()
        self.values += 1
        value: Any = sample.value
        if isinstance(accumulator, DistributionAccumulator):
            accumulator.add(value, sample.repeat, self._register.limits[kind])
            if not sample.repeat:
                self.reject(Rejection(sample.name, NOT_REPEATED))
        elif isinstance(accumulator, SetAccumulator):
            accumulator.add(value, self._register.limits[kind])
        elif isinstance(accumulator, GaugeAccumulator) and sample.delta:
            accumulator.move(value)
        else:
            accumulator.add(value)

    def reject(self, rejection: Rejection, count: int = 1) -> None:
        """Count refused lines and keep the newest."""
        reason = rejection.reason
        if reason not in self.rejected and len(self.rejected) >= MAX_REASONS:
            reason = OTHER_REASONS
        kept = rejection
        if len(kept.line) > MAX_EXAMPLE:
            kept = Rejection(kept.line[:MAX_EXAMPLE], kept.reason, kept.setting)
        before, older = self.rejected.get(reason, (0, kept))
        if older.setting and not kept.setting:
            kept = older  # the example with advice is the one to show
        self.rejected[reason] = (before + count, kept)
        self.refused += count

    def merge(self, later: Interval) -> None:
        """Add a later interval to this one."""
        for key, accumulator in later.accumulators.items():
            own = self.accumulators.get(key)
            if own is None:
                own = self.accumulators[key] = _ACCUMULATORS[key[2]]()
            # Both are of the class for the key's type, which the type checker cannot know.
            cast(Any, own).merge(accumulator, self._register.limits[key[2]])
        for count, rejection in later.rejected.values():
            self.reject(rejection, count)
        self.datagrams += later.datagrams
        self.bytes += later.bytes
        self.values += later.values


class Aggregator:
    """Aggregates values. It is not thread-safe; its owner must hold a lock."""

    def __init__(self, percentiles: Sequence[float] = PERCENTILES) -> None:
        self.percentiles = tuple(percentiles)
        self._register = SeriesRegister()
        self.closed = Interval(self._register)
        self.recent: deque[Interval] = deque()
        self._now = Interval(self._register)

    @property
    def values(self) -> int:
        """How many values were added so far."""
        return self.closed.values + self._now.values

    @property
    def closed_seconds(self) -> float:
        """How many seconds the closed intervals took."""
        return self._now.since - self.closed.since

    def add(self, size: int, datagram: Datagram) -> None:
        """Add one datagram of ``size`` bytes, as ``statsd.parse`` read it."""
        now = self._now
        now.datagrams += 1
        now.bytes += size
        tags: Mapping[str, str] | None = None
        sorted_tags: Tags = ()
        for sample in datagram.samples:
            if sample.tags is not tags:  # the values of one line share a dict, so it is sorted once
                tags = sample.tags
                sorted_tags = tuple(sorted(tags.items()))
            now.add(sample, sorted_tags)
        for rejection in datagram.rejected:
            now.reject(rejection)

    def next_interval(self) -> Report:
        """Return what was added since the last call, and start the next interval."""
        done, self._now = self._now, Interval(self._register)
        done.seconds = max(self._now.since - done.since, 1e-9)
        report = self._build_report(done)
        self.closed.merge(done)
        self.recent.append(done)
        oldest = self._now.since - RECENT_SECONDS - report.seconds / 2
        while len(self.recent) > 1 and self.recent[0].since < oldest:
            self.recent.popleft()
        return report

    def total(self) -> Report:
        """Return everything since the start, including the open interval."""
        total = Interval(self._register)
        total.started, total.since = self.closed.started, self.closed.since
        total.merge(self.closed)
        total.merge(self._now)
        return self._build_report(total)

    def summarize(self) -> Report:
        """Return what the closed intervals received, without their series."""
        return self._build_report(self.closed, has_series=False)

    def _build_report(self, interval: Interval, *, has_series: bool = True) -> Report:
        seconds = interval.seconds or max(time.monotonic() - interval.since, 1e-9)
        series = [self._summarize(*item, seconds) for item in interval.accumulators.items() if has_series]
        return Report(
            started=interval.started,
            seconds=seconds,
            received=Received(interval.datagrams, interval.bytes, interval.values, interval.refused),
            rejected=_sort_rejected(interval.rejected.items()),
            series=tuple(sorted(series, key=_sort_key)),
        )

    def _summarize(self, key: Key, accumulator: Accumulator, seconds: float) -> SeriesSummary:
        name, tags, kind = key
        count = accumulator.count
        return SeriesSummary(name, dict(tags), kind, count, count / seconds, LazyFields(accumulator, self.percentiles))


def _sort_key(series: SeriesSummary) -> tuple[str, str, int, list[str]]:
    return series.name, series.type, -series.count, list(series.tags.values())


def _sort_rejected(reasons: Iterable[tuple[str, tuple[int, Rejection]]]) -> tuple[Rejected, ...]:
    found = [Rejected(reason, count, each.line, each.setting) for reason, (count, each) in reasons]
    return tuple(sorted(found, key=lambda each: -each.count))
