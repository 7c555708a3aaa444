"""The vocabulary of declarations: aggregates of one metric, arithmetic of two, and thresholds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from zemanta_ops.metrics.series.tags import clean_value

Function = Literal["total", "rate", "mean", "last", "sum_of"]
Operation = Literal["/", "-", "+", "*"]

# Which aggregates a kind of metric has. A percentile has no mean: percentiles cannot be averaged. A set has no sum: it
# would count twice what two hosts have seen.
FUNCTIONS: Mapping[str, tuple[Function, ...]] = {
    "counter": ("total", "rate"),
    "timing": ("total", "rate", "mean"),
    "histogram": ("total", "rate", "mean"),
    "gauge": ("mean", "last", "sum_of"),
    "set": ("mean", "last"),
    "percentile": ("last",),
}


@dataclass(frozen=True)
class Term:
    """One aggregate of one metric over the series that the filters select.

    ``filters`` has, for each tag, the values that are wanted; a ``*`` in a value matches any text.
    """

    function: Function
    metric: str
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __truediv__(self, other: Any) -> Expression:
        return Expression("/", self, other)

    def __sub__(self, other: Any) -> Expression:
        return Expression("-", self, other)

    def __add__(self, other: Any) -> Expression:
        return Expression("+", self, other)

    def __mul__(self, other: Any) -> Expression:
        return Expression("*", self, other)

    def narrow(self, filters: Mapping[str, Any]) -> Term:
        """Return this aggregate of fewer series."""
        return Term(self.function, self.metric, {**self.filters, **_read_filters(filters)})

    def __str__(self) -> str:
        filters = "".join(f", {key}={'|'.join(values)!r}" for key, values in self.filters.items())
        return f"{self.function}({self.metric!r}{filters})"


@dataclass(frozen=True)
class Expression:
    """Arithmetic of two aggregates, or of an aggregate and a number."""

    operation: Operation
    left: Term
    right: Term | float

    @property
    def terms(self) -> list[Term]:
        """The aggregates of both sides."""
        return [side for side in (self.left, self.right) if isinstance(side, Term)]

    def __str__(self) -> str:
        return f"{self.left} {self.operation} {self.right}"


@dataclass(frozen=True)
class Threshold:
    """A limit: ``direction`` is the side on which values are bad."""

    direction: Literal["above", "below"]
    value: float

    def is_crossed_by(self, number: float) -> bool:
        """Return whether a value is on the bad side."""
        return number > self.value if self.direction == "above" else number < self.value


def total(metric: str, /, **filters: Any) -> Term:
    """Return how much was counted over the window: of a counter its sum, of a timing how many there were."""
    return Term("total", metric, _read_filters(filters))


def rate(metric: str, /, **filters: Any) -> Term:
    """Return the total per second."""
    return Term("rate", metric, _read_filters(filters))


def mean(metric: str, /, **filters: Any) -> Term:
    """Return the mean: of a timing over all its values, of a gauge over the samples of the window."""
    return Term("mean", metric, _read_filters(filters))


def last(metric: str, /, **filters: Any) -> Term:
    """Return the newest value of a gauge in the window."""
    return Term("last", metric, _read_filters(filters))


def sum_of(metric: str, /, **filters: Any) -> Term:
    """Return a gauge added up over its series, for example over hosts: of each series the mean of its samples.

    A series without samples in the window adds nothing.
    """
    # The mean of a series, not its last sample: so every sample counts, and one series is the same as ``mean`` of it.
    return Term("sum_of", metric, _read_filters(filters))


def above(value: float) -> Threshold:
    """Return a threshold that values above it cross."""
    return Threshold("above", value)


def below(value: float) -> Threshold:
    """Return a threshold that values below it cross."""
    return Threshold("below", value)


def to_regex(values: Sequence[str]) -> str:
    """Return an anchored regular expression for the values of a filter, which all databases read alike."""
    patterns = [".*".join(map(_escape, value.split("*"))) for value in values]
    return f"^{patterns[0]}$" if len(patterns) == 1 else f"^({'|'.join(patterns)})$"


def _escape(text: str) -> str:
    # A dash needs no backslash outside of brackets, and RE2 refuses some that Python's re.escape writes.
    return re.sub(r"([\\^$.|?*+()\[\]{}/])", r"\\\1", text)


def _read_filters(filters: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return each filter as texts, as the tags of the metrics are written."""
    return {
        key: tuple(
            clean_value(each) for each in (given if isinstance(given, (tuple, list, set, frozenset)) else (given,))
        )
        for key, given in sorted(filters.items())
    }
