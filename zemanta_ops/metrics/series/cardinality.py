"""The series guard: keeps unbounded tag values out of InfluxDB, which keeps every tag value in its index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

OTHER = "_other"


class Admission(NamedTuple):
    """The tags to use, and the keys of tags that lost a value to ``_other`` for the first time."""

    tags: dict[str, str]
    exceeded: list[str]


class SeriesGuard:
    """Caps the distinct values of each tag, and the distinct series, of one metric name in this process."""

    def __init__(self, max_series: int, max_tag_values: int) -> None:
        self._max_series = max_series
        self._max_tag_values = max_tag_values
        self._values: dict[tuple[str, str], set[str]] = {}
        self._series: dict[str, set[tuple[tuple[str, str], ...]]] = {}
        self._reported: set[tuple[str, str]] = set()

    def admit(self, name: str, tags: Mapping[str, str]) -> Admission:
        """Return the tags under which this series may be emitted; values beyond a cap become ``_other``."""
        admitted = {key: self._admit_value(name, key, value) for key, value in tags.items()}
        known = self._series.setdefault(name, set())
        while tuple(admitted.items()) not in known and len(known) >= self._max_series:
            widest = self._find_widest(name, admitted)
            if widest is None:
                break
            admitted[widest] = OTHER
        known.add(tuple(admitted.items()))
        replaced = [key for key, value in tags.items() if admitted[key] != value]
        exceeded = [key for key in replaced if (name, key) not in self._reported]
        self._reported.update((name, key) for key in exceeded)
        return Admission(admitted, exceeded)

    def _admit_value(self, name: str, key: str, value: str) -> str:
        values = self._values.setdefault((name, key), set())
        if value not in values:
            if len(values) >= self._max_tag_values:
                return OTHER
            values.add(value)
        return value

    def _find_widest(self, name: str, tags: Mapping[str, str]) -> str | None:
        """Return the tag with the most values among those not replaced yet; None if all are."""
        left = [key for key, value in tags.items() if value != OTHER]
        return max(left, key=lambda key: len(self._values[name, key]), default=None)
