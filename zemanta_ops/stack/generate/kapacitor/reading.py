"""The part of a script that reads one aggregate of one metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from zemanta_ops.stack.declarations.known import Deployment, KnownMetric
from zemanta_ops.stack.declarations.terms import Term, to_regex
from zemanta_ops.stack.generate.kapacitor.schedule import Schedule
from zemanta_ops.stack.generate.kapacitor.tick import (
    evaluate,
    quote_identifier,
    quote_regex,
    quote_text,
    quote_value,
    render_node,
    render_number,
)

# The field that has the number of points, if a window without any is to be seen.
COUNT = "zo_count"
COUNTED = ("total", "rate")
_TIMED = ("timing", "histogram")


@dataclass(frozen=True)
class Database:
    """Where the metrics are."""

    name: str
    policy: str

    def qualify(self, measurement: str) -> str:
        """Return a measurement with its database and policy, in InfluxQL."""
        return ".".join(map(quote_identifier, (self.name, self.policy, measurement)))

    def render_dbrp(self) -> str:
        """Return the line that a script begins with."""
        return f"dbrp {quote_identifier(self.name)}.{quote_identifier(self.policy)}"


@dataclass(frozen=True)
class Reading:
    """When a query runs, and what it covers; all times in seconds.

    Attributes:
        phase: The time after each step of the schedule.
        offset: The time from the end of what it covers until it runs.
        period: The time that one number covers.

    """

    phase: int
    offset: int
    period: int


@dataclass(frozen=True)
class Reader:
    """Reads the windows of a schedule.

    Attributes:
        deployment: What is known of the metrics.
        database: Where they are.
        by: The tags that are told apart.
        schedule: When, and over which windows.

    """

    deployment: Deployment
    database: Database
    by: tuple[str, ...]
    schedule: Schedule

    def read_term(self, term: Term, field: str, back: int, *, fills: bool = False) -> list[str]:
        """Return the nodes that read one aggregate: what leaves ``last`` is a stream, at the end of each window.

        Of a sum over series it is the number of each series, with all its tags; what reads them back adds them up.

        Args:
            term: What the database aggregates.
            field: The field that has it.
            back: Which window: 0 for the newest, 1 for the one before.
            fills: Whether a window without points has a number: zero, with COUNT zero.

        """
        known = self.find(term)
        numbers = {field: _aggregate(term, known)}
        per_second = f" / {render_number(self.schedule.window)}" if term.function == "rate" else ""
        floats = {field: f'float("{field}"){per_second}'}
        if fills:
            numbers[COUNT] = f"count({quote_identifier(name_counted_field(known))})"
            floats[COUNT] = f'float("{COUNT}")'
        selected = ", ".join(f"{number} AS {quote_identifier(name)}" for name, number in numbers.items())
        select = f"SELECT {selected} FROM {self.select_from(term, term.filters)}"  # noqa: S608
        return [
            self.query(select, back, fills=fills, by_series=term.function == "sum_of"),
            evaluate(floats),
            render_node("last", [f"'{field}'"], [f"as('{field}')"]),
        ]

    def select_from(self, term: Term, filters: Mapping[str, tuple[str, ...]]) -> str:
        """Return the measurement of a term and the condition that selects this application's series in it."""
        own = self.deployment.scope_of(term.metric)
        conditions = [f"{quote_identifier(tag)} = {quote_value(value)}" for tag, value in own.items()]
        wanted = self.deployment.find_dimensions(term.metric) | {tag: to_regex(each) for tag, each in filters.items()}
        conditions += [f"{quote_identifier(tag)} =~ {quote_regex(regex)}" for tag, regex in wanted.items()]
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return self.database.qualify(self.find(term).measurement) + where

    def query(
        self, select: str, back: int, reading: Reading | None = None, *, fills: bool = False, by_series: bool = False
    ) -> str:
        """Return the node that runs a query, by default over a window and ``delay`` after its end."""
        schedule = self.schedule
        reading = reading or Reading(schedule.delay, schedule.delay, schedule.window)
        period = schedule.lookback if fills else reading.period
        properties = [
            f"period({period}s)",
            f"cron('{schedule.render_cron(reading.phase)}')",
            f"offset({reading.offset + back * schedule.every}s)",
        ]
        groups = [f"time({reading.period}s)"] if fills else []
        if groups := [*groups, *(["*"] if by_series else map(quote_text, self.by))]:
            properties.append(f"groupBy({', '.join(groups)})")
        # The newest group then covers the same time as a query without groups.
        properties += ["alignGroup()", "fill(0)"] if fills else []
        return render_node("query", [quote_text(select)], properties)

    def find(self, term: Term) -> KnownMetric:
        """Return what is known of the term's metric; declarations of unknown metrics are left out before."""
        return self.deployment.metrics[term.metric]


def name_counted_field(known: KnownMetric) -> str:
    """Return the field whose sum is the total of a metric."""
    return "count" if known.kind in _TIMED else known.field


def _aggregate(term: Term, known: KnownMetric) -> str:
    if term.function in COUNTED:
        return f"sum({quote_identifier(name_counted_field(known))})"
    if term.function == "mean" and known.kind in _TIMED:
        return 'sum("sum") / sum("count")'
    function = "mean" if term.function == "sum_of" else term.function
    return f"{function}({quote_identifier(known.field)})"
