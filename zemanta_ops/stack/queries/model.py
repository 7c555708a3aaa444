"""What a panel asks of a database, without its language."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

# How the points of a series, and the series of a group, become one number for each interval:
# ``mean`` weighs timings by their count, ``average`` is the mean of the points, ``sum_of_averages`` adds up the mean of
# each series.
Aggregate = Literal["sum", "mean", "average", "sum_of_averages", "max", "last"]


@dataclass(frozen=True)
class Selection:
    """The series of a measurement that a query reads.

    Attributes:
        measurement: Its name in the database.
        field: The field with the number.
        filters: An anchored regular expression for each tag.
        variables: Dashboard variables, each named as the tag that it selects.
        repeat: The tag that the variable of a repeated row selects, empty if the row is not repeated.

    """

    measurement: str
    field: str = "value"
    filters: Mapping[str, str] = dataclasses.field(default_factory=dict)
    variables: tuple[str, ...] = ()
    repeat: str = ""

    @property
    def choices(self) -> list[tuple[str, str]]:
        """The tags that are chosen, each with the name of its variable."""
        return [*zip(self.variables, self.variables, strict=True), *self._repeated]

    @property
    def _repeated(self) -> list[tuple[str, str]]:
        return [(self.repeat, name_repeat(self.repeat))] if self.repeat else []

    def narrow(self, filters: Mapping[str, str]) -> Selection:
        """Return fewer of these series."""
        return dataclasses.replace(self, filters={**self.filters, **filters})


@dataclass(frozen=True)
class SeriesQuery:
    """One number for each interval and group.

    Attributes:
        selection: Which series.
        aggregate: How they become one number.
        by: The tags whose values are told apart; None for all tags.
        divisor: The number is divided by it: ``seconds`` or ``milliseconds`` of the interval, or nothing.
        whole: One number for the whole time range instead.

    """

    selection: Selection
    aggregate: Aggregate = "sum"
    by: tuple[str, ...] | None = ()
    divisor: Literal["", "seconds", "milliseconds"] = ""
    whole: bool = False


@dataclass(frozen=True)
class RatioQuery:
    """The share of one sum in another, both of one measurement, for each interval and group.

    Attributes:
        numerator: Filters for the part, beside those of the selection.
        selection: The series that both are of.
        by: The tags whose values are told apart.
        minimum: An interval in which all are fewer has no value.
        whole: One number for the whole time range instead.
        denominator: Filters for all, beside those of the selection.
        factor: The share is multiplied by it.
        offset: Added to the share after that.

    """

    numerator: Mapping[str, str]
    selection: Selection
    by: tuple[str, ...] = ()
    minimum: float = 1
    whole: bool = False
    denominator: Mapping[str, str] = dataclasses.field(default_factory=dict)
    factor: float = 1
    offset: float = 0

    def render_scale(self) -> str:
        """Return what follows the share in a query: all languages write it alike."""
        factor = f" * {float(self.factor)!r}" if self.factor != 1 else ""
        return factor + (f" + {float(self.offset)!r}" if self.offset else "")

    @property
    def part(self) -> Selection:
        """The series of the numerator."""
        return self.selection.narrow(self.numerator)

    @property
    def all(self) -> Selection:
        """The series of the denominator."""
        return self.selection.narrow(self.denominator)


@dataclass(frozen=True)
class PercentileQuery:
    """A percentile of all values over all hosts, from cumulative bucket counters.

    Attributes:
        selection: The counters, whose tag ``le`` is the upper limit of a bucket.
        quantile: For example 0.95.
        bounds: The limits, ascending; the counter ``+Inf`` has all values.
        by: The tags whose values are told apart.
        whole: One number for the whole time range instead.

    """

    selection: Selection
    quantile: float
    bounds: tuple[float, ...]
    by: tuple[str, ...] = ()
    whole: bool = False


@dataclass(frozen=True)
class HeatmapQuery:
    """How many values fell into each bucket, for each interval."""

    selection: Selection
    bounds: tuple[float, ...]


Query = SeriesQuery | RatioQuery | PercentileQuery | HeatmapQuery

INFINITE = "+Inf"


def name_repeat(tag: str) -> str:
    """Return the variable of a row that is repeated by a tag: a choice at the top may already have the tag's name."""
    return f"each_{tag}"


def name_bound(bound: float) -> str:
    """Return the value of the tag ``le`` for a limit."""
    return f"{bound:g}"
