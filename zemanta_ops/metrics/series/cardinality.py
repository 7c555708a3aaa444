"""The series guard: keeps unbounded names, tag keys and tag values out of InfluxDB, which indexes every one of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

OTHER = "_other"
OTHER_NAME = "zemanta_ops.other_names"
MAX_RATES = 100


class Limits(NamedTuple):
    """What one process may emit: names; of each name series and tag keys; of each key values."""

    names: int
    series: int
    tag_keys: int
    tag_values: int


class Admission(NamedTuple):
    """The name and tags to use, and what exceeded a limit for the first time: pairs of name and tag key.

    The key is ``_other`` for a name with too many keys; the name is ``zemanta_ops.other_names`` for too many names.
    """

    name: str
    tags: dict[str, str]
    exceeded: list[tuple[str, str]]


class SeriesGuard:
    """Caps the metric names of this process, and the tag keys, tag values and series of each name.

    Args:
        limits: the caps.
        reserved: names that are always admitted and do not count: those of the catalogue.
    """

    def __init__(self, limits: Limits, reserved: Collection[str] = ()) -> None:
        self._limits = limits
        self._reserved = frozenset(reserved)
        self._free = limits.names
        self._series: dict[str, set[tuple[Any, ...]]] = {}
        self._overflow: dict[str, dict[str, str]] = {}
        self._values: dict[str, dict[str, set[str]]] = {}
        self._reported: set[tuple[str, str]] = set()

    def admit(self, kind: str, name: str, tags: Mapping[str, str]) -> Admission:
        """Return the name and tags under which a series may be emitted.

        Names beyond the limit become ``zemanta_ops.other_names`` without tags, tag keys beyond it are left out, and
        values beyond it become ``_other``. What still is not known then is one series for each name and kind, with the
        tag keys of the first such call: there are more sets of keys than anybody can keep.
        """
        if name not in self._series and name not in self._reserved:
            if self._free <= 0:
                return Admission(OTHER_NAME, {}, self._report([(OTHER_NAME, OTHER)]))
            self._free -= 1
        known = self._series.setdefault(name, set())
        kept = self._admit_keys(name, tags)
        admitted = {key: self._admit_value(name, key, value) for key, value in kept.items()}
        while (kind, *admitted.items()) not in known and len(known) >= self._limits.series:
            widest = self._find_widest(name, admitted)
            if widest is None:
                admitted = dict(self._overflow.setdefault(name, admitted))
                break
            admitted[widest] = OTHER
        known.add((kind, *admitted.items()))
        exceeded = [(name, key) for key, value in kept.items() if admitted.get(key) != value]
        if len(kept) < len(tags):
            exceeded.append((name, OTHER))
        return Admission(name, admitted, self._report(exceeded))

    def _report(self, exceeded: list[tuple[str, str]]) -> list[tuple[str, str]]:
        new = [pair for pair in exceeded if pair not in self._reported]
        self._reported.update(new)
        return new

    def _admit_keys(self, name: str, tags: Mapping[str, str]) -> dict[str, str]:
        known = self._values.setdefault(name, {})
        kept = {}
        for key, value in tags.items():
            if key in known or len(known) < self._limits.tag_keys:
                known.setdefault(key, set())
                kept[key] = value
        return kept

    def _admit_value(self, name: str, key: str, value: str) -> str:
        values = self._values[name][key]
        if value not in values:
            if len(values) >= self._limits.tag_values:
                return OTHER
            values.add(value)
        return value

    def _find_widest(self, name: str, tags: Mapping[str, str]) -> str | None:
        """Return the tag with the most values among those not replaced yet; None if all are."""
        left = [key for key, value in tags.items() if value != OTHER]
        return max(left, key=lambda key: len(self._values[name][key]), default=None)


class RateGuard:
    """Caps the sampling rates of this process: the samples of each are kept and sent apart."""

    def __init__(self, limit: int = MAX_RATES) -> None:
        self._limit = limit
        self._known = {0, 1}

    def admit(self, every: int) -> int:
        """Return the n of a rate 1/n; beyond the limit, the power of two below it."""
        if every in self._known:
            return every
        if len(self._known) >= self._limit:
            return 1 << (every.bit_length() - 1)
        self._known.add(every)
        return every
