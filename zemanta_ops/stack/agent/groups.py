"""Group series into the lines of the live table: requests by view, everything else by metric name."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from zemanta_ops.metrics import catalog
from zemanta_ops.stack.agent.accumulators import Accumulator, DistributionAccumulator
from zemanta_ops.stack.agent.aggregator import Aggregator, Key
from zemanta_ops.stack.agent.report_table import format_tags
from zemanta_ops.terminal import escape

REQUESTS, TIMINGS, SIZES = "REQUESTS by view", "TIMINGS", "SIZES"
COUNTERS, GAUGES, OWN = "COUNTERS", "GAUGES AND SETS", "SELF-METRICS"
SECTIONS = (REQUESTS, TIMINGS, SIZES, COUNTERS, GAUGES, OWN)

_SECTION_OF = {"timing": TIMINGS, "histogram": SIZES, "counter": COUNTERS, "gauge": GAUGES, "set": GAUGES}
_OWN_PREFIX = "zemanta_ops."
_FAILED = frozenset({"error", "failed", "failure", "timeout"})


@dataclass
class Line:
    """One line of the table: a group of series, or one series of it."""

    label: str
    keys: list[Key]
    text: str = ""  # what a filter is compared with, in lower case
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Group(Line):
    """The series of one view, or of one metric; ``tags`` are those that all of them have."""

    section: str = TIMINGS
    members: list[Line] = field(default_factory=list)


@dataclass(frozen=True)
class Figures:
    """What a line shows; ``value`` is that of a gauge or a set. None: the series do not have the figure."""

    rate: float
    count: int
    errors: int | None = None
    value: float | None = None
    mean: float | None = None
    percentiles: tuple[float | None, ...] = ()


class GroupedSeries:
    """Groups the series of an aggregator as they appear; a series stays in the group in which it was put."""

    def __init__(self) -> None:
        self.groups: dict[tuple[str, str, str], Group] = {}
        self._seen = 0
        self._durations: set[str] = set()
        self._shared: set[tuple[str, str]] = set()

    def update(self, totals: Mapping[Key, Accumulator]) -> None:
        """Add the series that are new since the last call."""
        for key in islice(totals, self._seen, None):
            self._shared = self._shared & set(key[1]) if self.groups else set(key[1])
            self._add(key)
        self._seen = len(totals)

    def list_groups(self) -> list[Group]:
        """Return the groups; a count of requests is left out if the requests are timed."""
        counts = {(COUNTERS, f"{name.removesuffix('duration')}count", "") for name in self._durations}
        return [group for identity, group in self.groups.items() if identity not in counts]

    def find_shared_tags(self) -> dict[str, str]:
        """Return the tags that all series have, such as the host; none if there is only one series."""
        return dict(self._shared) if self._seen > 1 else {}

    def _add(self, key: Key) -> None:
        name, pairs, kind = key
        tags = dict(pairs)
        section, view, label = _SECTION_OF[kind], "", name
        if _is_metric(name, catalog.REQUEST_DURATION.name) and kind == "timing":
            section, view = REQUESTS, tags.pop("view", "")
            prefix = name.removesuffix(catalog.REQUEST_DURATION.name)
            label = f"{prefix}{view}" if view else name
            self._durations.add(name)
        elif name.startswith(_OWN_PREFIX) or f".{_OWN_PREFIX}" in name:
            section = OWN
        group = self.groups.get((section, name, view))
        if group is None:
            text = f"{name} {view}".lower()
            group = self.groups[section, name, view] = Group(escape(label), [], text, tags, section=section)
        group.tags = dict(group.tags.items() & tags.items())
        group.members.append(Line("", [key], f"{group.text} {format_tags(tags)}".lower(), tags))
        group.keys.append(key)


class FigureReader:
    """Computes the figures of lines from the accumulators of one moment; percentiles only if they are read.

    Args:
        aggregator: The aggregator; what it receives later is not seen.
        percentiles: The percentiles to show, in percent.
        is_recent: Whether all figures are of the last intervals, not of the whole run.

    """

    def __init__(self, aggregator: Aggregator, percentiles: Sequence[float], is_recent: bool) -> None:
        recent = [each.accumulators for each in aggregator.recent]
        self._sources = recent if is_recent else [aggregator.closed.accumulators]
        self._totals = aggregator.closed.accumulators
        self._percentiles = percentiles
        self.seconds = sum(each.seconds for each in aggregator.recent)
        self._recent: Counter[Key] = Counter()
        for accumulators in recent:
            for key, accumulator in accumulators.items():
                self._recent[key] += accumulator.count
        self._counts = self._recent if is_recent else None

    def compute_rate(self, keys: Iterable[Key]) -> float:
        """Return how many per second there were in the last intervals."""
        return sum(self._recent[key] for key in keys) / self.seconds if self.seconds else 0.0

    def count(self, keys: Iterable[Key]) -> int:
        """Return the sum of the counts."""
        if self._counts is not None:
            return sum(self._counts[key] for key in keys)
        return sum(self._totals[key].count for key in keys)

    def count_errors(self, keys: Iterable[Key]) -> int | None:
        """Return how many failed; None if no series has a tag for it."""
        flags = [(key, is_failure(key)) for key in keys]
        if all(failed is None for _, failed in flags):
            return None
        return self.count(key for key, failed in flags if failed)

    def read(self, line: Line) -> Figures:
        """Return all figures of a line."""
        rate, count = self.compute_rate(line.keys), self.count(line.keys)
        kind = line.keys[0][2]
        if kind in ("gauge", "set"):
            fields = self._totals[line.keys[0]].build_fields(())
            return Figures(rate, count, value=fields.get("value", float("nan")))
        errors = self.count_errors(line.keys)
        if kind == "counter":
            return Figures(rate, count, errors)
        fields = self._merge(line.keys).build_fields(self._percentiles)
        shown = tuple(fields.get(f"{each:g}_percentile") for each in self._percentiles)
        return Figures(rate, count, errors, mean=fields.get("mean"), percentiles=shown)

    def _merge(self, keys: Iterable[Key]) -> DistributionAccumulator:
        merged = DistributionAccumulator()
        for key in keys:
            for source in self._sources:
                found = source.get(key)
                if isinstance(found, DistributionAccumulator):
                    merged.merge(found, sys.maxsize)
        return merged


def is_failure(key: Key) -> bool | None:
    """Return whether what a series counts has failed; None if it has no tag for it."""
    tags = dict(key[1])
    if "status" in tags and "view" in tags:
        return tags["status"].startswith("5")
    if "outcome" in tags:
        return tags["outcome"].lower() in _FAILED
    return "error" in tags if _is_metric(key[0], catalog.HTTP_CLIENT_DURATION.name) else None


def _is_metric(name: str, metric: str) -> bool:
    """Return whether a name is that of a metric of the catalogue, with any PREFIX."""
    return name == metric or name.endswith(f".{metric}")
