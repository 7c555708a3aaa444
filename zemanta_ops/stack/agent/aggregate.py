"""Sums up values series by series, an interval at a time and over the whole run."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any, cast

from zemanta_ops.stack.agent.accumulators import Cell, Counter, Distinct, Distribution, Gauge
from zemanta_ops.stack.agent.report import Received, Rejected, Report, Series
from zemanta_ops.stack.statsd import Parsed, Sample

PERCENTILES = (50.0, 90.0, 95.0, 99.0)
# A flood of broken lines shall not fill the memory: reasons beyond these many are counted under this one.
MAX_REASONS = 50
OTHER_REASONS = "other reasons"

Tags = tuple[tuple[str, str], ...]
Key = tuple[str, Tags, str]

_CELLS: dict[str, type[Cell]] = {
    "counter": Counter,
    "gauge": Gauge,
    "set": Distinct,
    "timing": Distribution,
    "histogram": Distribution,
}


class Tally:
    """The cells, the losses and the length of one stretch of time."""

    def __init__(self) -> None:
        self.cells: dict[Key, Cell] = {}
        self.rejected: dict[str, tuple[int, str]] = {}
        self.started = time.time()
        self.since = time.monotonic()
        self.datagrams = self.bytes = self.values = self.refused = 0

    def cell(self, name: str, tags: Tags, kind: str) -> Cell:
        """Return the cell of a series, made at its first value."""
        key = (name, tags, kind)
        found = self.cells.get(key)
        if found is None:
            found = self.cells[key] = _CELLS[kind]()
        return found

    def add(self, sample: Sample, tags: Tags) -> None:
        """Add one value to its series."""
        if sample.kind_name not in _CELLS:
            self.reject(f"{sample.kind_name}s are left out by Telegraf too", sample.name)
            return
        self.values += 1
        cell = self.cell(sample.name, tags, sample.kind_name)
        value: Any = sample.value
        if isinstance(cell, Distribution):
            cell.add(value, sample.repeat)
        elif isinstance(cell, Gauge) and sample.delta:
            cell.move(value)
        else:
            cell.add(value)

    def reject(self, reason: str, example: str, count: int = 1) -> None:
        """Count refused lines and keep the newest."""
        if reason not in self.rejected and len(self.rejected) >= MAX_REASONS:
            reason = OTHER_REASONS
        self.rejected[reason] = (self.rejected.get(reason, (0, ""))[0] + count, example)
        self.refused += count

    def merge(self, later: Tally) -> None:
        """Add a later stretch of time to this one."""
        for key, cell in later.cells.items():
            # Both cells are of the class that the key's type names, which the type checker cannot see.
            cast(Any, self.cell(*key)).merge(cell)
        for reason, (count, example) in later.rejected.items():
            self.reject(reason, example, count)
        self.datagrams += later.datagrams
        self.bytes += later.bytes
        self.values += later.values


class Aggregator:
    """Takes values and tells what they add up to. Not locked: its owner sees to that."""

    def __init__(self, percentiles: Sequence[float] = PERCENTILES) -> None:
        self.percentiles = tuple(percentiles)
        self._before = Tally()
        self._now = Tally()

    @property
    def values(self) -> int:
        """Return how many values were taken so far."""
        return self._before.values + self._now.values

    def take(self, size: int, parsed: Parsed) -> None:
        """Add one datagram of ``size`` bytes, as ``dialects.parse`` read it."""
        now = self._now
        now.datagrams += 1
        now.bytes += size
        tags: dict[str, str] | None = None
        sorted_tags: Tags = ()
        for sample in parsed.samples:
            if sample.tags is not tags:  # the values of one line share one dict, which is sorted once
                tags = sample.tags
                sorted_tags = tuple(sorted(tags.items()))
            now.add(sample, sorted_tags)
        for rejection in parsed.rejected:
            now.reject(rejection.reason, rejection.line)

    def next_interval(self) -> Report:
        """Return what came since the last call and start the next interval."""
        done, self._now = self._now, Tally()
        report = self._report(done)
        self._before.merge(done)
        return report

    def total(self) -> Report:
        """Return all since the start, the open interval included."""
        total = Tally()
        total.started, total.since = self._before.started, self._before.since
        total.merge(self._before)
        total.merge(self._now)
        return self._report(total)

    def _report(self, tally: Tally) -> Report:
        seconds = max(time.monotonic() - tally.since, 1e-9)
        series = [self._series(key, cell, seconds) for key, cell in tally.cells.items()]
        return Report(
            started=tally.started,
            seconds=seconds,
            received=Received(tally.datagrams, tally.bytes, tally.values, tally.refused),
            rejected=_rejected(tally.rejected.items()),
            series=tuple(sorted(series, key=_by_name_then_busiest)),
        )

    def _series(self, key: Key, cell: Cell, seconds: float) -> Series:
        name, tags, kind = key
        return Series(name, dict(tags), kind, cell.count, cell.count / seconds, cell.fields(self.percentiles))


def _by_name_then_busiest(series: Series) -> tuple[str, str, int, list[str]]:
    return series.name, series.type, -series.count, list(series.tags.values())


def _rejected(reasons: Iterable[tuple[str, tuple[int, str]]]) -> tuple[Rejected, ...]:
    found = [Rejected(reason, count, example) for reason, (count, example) in reasons]
    return tuple(sorted(found, key=lambda each: -each.count))
