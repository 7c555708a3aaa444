"""Aggregate values by series, for each interval and for the whole run."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
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
from zemanta_ops.stack.statsd import Datagram, Sample

# A flood of broken lines must not fill the memory: beyond this many reasons, all others are counted as one.
MAX_REASONS = 50
OTHER_REASONS = "other reasons"

Tags = tuple[tuple[str, str], ...]
Key = tuple[str, Tags, str]

_ACCUMULATORS: dict[str, type[Accumulator]] = {
    "counter": CounterAccumulator,
    "gauge": GaugeAccumulator,
    "set": SetAccumulator,
    "timing": DistributionAccumulator,
    "histogram": DistributionAccumulator,
}


class Interval:
    """The accumulators, the refused lines and the start of one interval."""

    def __init__(self) -> None:
        self.accumulators: dict[Key, Accumulator] = {}
        self.rejected: dict[str, tuple[int, str]] = {}
        self.started = time.time()
        self.since = time.monotonic()
        self.datagrams = self.bytes = self.values = self.refused = 0

    def get_accumulator(self, name: str, tags: Tags, kind: str) -> Accumulator:
        """Return the accumulator of a series; create it for the first value."""
        key = (name, tags, kind)
        found = self.accumulators.get(key)
        if found is None:
            found = self.accumulators[key] = _ACCUMULATORS[kind]()
        return found

    def add(self, sample: Sample, tags: Tags) -> None:
        """Add one value to its series."""
        if sample.kind_name not in _ACCUMULATORS:
            self.reject(f"{sample.kind_name}s are left out by Telegraf too", sample.name)
            return
        self.values += 1
        accumulator = self.get_accumulator(sample.name, tags, sample.kind_name)
        value: Any = sample.value
        if isinstance(accumulator, DistributionAccumulator):
            accumulator.add(value, sample.repeat)
        elif isinstance(accumulator, GaugeAccumulator) and sample.delta:
            accumulator.move(value)
        else:
            accumulator.add(value)

    def reject(self, reason: str, example: str, count: int = 1) -> None:
        """Count refused lines and keep the newest."""
        if reason not in self.rejected and len(self.rejected) >= MAX_REASONS:
            reason = OTHER_REASONS
        self.rejected[reason] = (self.rejected.get(reason, (0, ""))[0] + count, example)
        self.refused += count

    def merge(self, later: Interval) -> None:
        """Add a later interval to this one."""
        for key, accumulator in later.accumulators.items():
            # Both are of the class for the key's type, which the type checker cannot know.
            cast(Any, self.get_accumulator(*key)).merge(accumulator)
        for reason, (count, example) in later.rejected.items():
            self.reject(reason, example, count)
        self.datagrams += later.datagrams
        self.bytes += later.bytes
        self.values += later.values


class Aggregator:
    """Aggregates values. It is not thread-safe; its owner must hold a lock."""

    def __init__(self, percentiles: Sequence[float] = PERCENTILES) -> None:
        self.percentiles = tuple(percentiles)
        self._before = Interval()
        self._now = Interval()

    @property
    def values(self) -> int:
        """How many values were added so far."""
        return self._before.values + self._now.values

    def add(self, size: int, datagram: Datagram) -> None:
        """Add one datagram of ``size`` bytes, as ``statsd.parse`` read it."""
        now = self._now
        now.datagrams += 1
        now.bytes += size
        tags: dict[str, str] | None = None
        sorted_tags: Tags = ()
        for sample in datagram.samples:
            if sample.tags is not tags:  # the values of one line share a dict, so it is sorted once
                tags = sample.tags
                sorted_tags = tuple(sorted(tags.items()))
            now.add(sample, sorted_tags)
        for rejection in datagram.rejected:
            now.reject(rejection.reason, rejection.line)

    def next_interval(self) -> Report:
        """Return what was added since the last call, and start the next interval."""
        done, self._now = self._now, Interval()
        report = self._build_report(done)
        self._before.merge(done)
        return report

    def total(self) -> Report:
        """Return everything since the start, including the open interval."""
        total = Interval()
        total.started, total.since = self._before.started, self._before.since
        total.merge(self._before)
        total.merge(self._now)
        return self._build_report(total)

    def _build_report(self, interval: Interval) -> Report:
        seconds = max(time.monotonic() - interval.since, 1e-9)
        series = [self._summarize(*item, seconds) for item in interval.accumulators.items()]
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
        return SeriesSummary(name, dict(tags), kind, count, count / seconds, accumulator.build_fields(self.percentiles))


def _sort_key(series: SeriesSummary) -> tuple[str, str, int, list[str]]:
    return series.name, series.type, -series.count, list(series.tags.values())


def _sort_rejected(reasons: Iterable[tuple[str, tuple[int, str]]]) -> tuple[Rejected, ...]:
    found = [Rejected(reason, count, example) for reason, (count, example) in reasons]
    return tuple(sorted(found, key=lambda each: -each.count))
