"""The series guard: keeps unbounded tag values out of InfluxDB, which indexes every tag value for good."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

OTHER = "_other"


class Verdict(NamedTuple):
    """The tags to use, and the keys whose value was replaced for the first time."""

    tags: dict[str, str]
    offenders: list[str]


class Guard:
    """Caps the distinct values of each tag, and the distinct series, of one metric name in this process."""

    def __init__(self, max_series: int, max_tag_values: int) -> None:
        self._max_series = max_series
        self._max_tag_values = max_tag_values
        self._values: dict[tuple[str, str], set[str]] = {}
        self._series: dict[str, set[tuple[tuple[str, str], ...]]] = {}
        self._reported: set[tuple[str, str]] = set()

    def admit(self, name: str, tags: Mapping[str, str]) -> Verdict:
        """Return the tags under which this series may be emitted; values beyond a cap become ``_other``."""
        admitted = {key: self._admit_value(name, key, value) for key, value in tags.items()}
        known = self._series.setdefault(name, set())
        while tuple(admitted.items()) not in known and len(known) >= self._max_series:
            widest = self._widest(name, admitted)
            if widest is None:
                break
            admitted[widest] = OTHER
        known.add(tuple(admitted.items()))
        replaced = [key for key, value in tags.items() if admitted[key] != value]
        offenders = [key for key in replaced if (name, key) not in self._reported]
        self._reported.update((name, key) for key in offenders)
        return Verdict(admitted, offenders)

    def _admit_value(self, name: str, key: str, value: str) -> str:
        values = self._values.setdefault((name, key), set())
        if value not in values:
            if len(values) >= self._max_tag_values:
                return OTHER
            values.add(value)
        return value

    def _widest(self, name: str, tags: Mapping[str, str]) -> str | None:
        """The tag with the most values that is not replaced yet."""
        left = [key for key, value in tags.items() if value != OTHER]
        return max(left, key=lambda key: len(self._values[name, key]), default=None)
