"""Compute how fast an objective spends its error budget, how much is left, and when it runs out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from zemanta_ops.stack.declarations.durations import DAY
from zemanta_ops.stack.declarations.model import Objective
from zemanta_ops.stack.declarations.terms import Term
from zemanta_ops.stack.evaluation.reader import Reader
from zemanta_ops.stack.evaluation.spans import Span, list_spans

Severity = Literal["page", "ticket"]

# Both spans must burn faster than the factor: the long one that it matters, the short one that it goes on.
BURN_SPANS: tuple[tuple[Severity, int, int, float], ...] = (
    ("page", 3_600, 300, 14.4),
    ("page", 21_600, 1_800, 6.0),
    ("ticket", DAY, 7_200, 3.0),
    ("ticket", 3 * DAY, 21_600, 1.0),
)
_MINUTE = 60
# Nobody plans for this long, and dates end in the year 9999.
_NEVER = 36_500 * DAY


@dataclass(frozen=True)
class EventCount:
    """The events of an objective in one span."""

    span: Span
    total: float
    bad: float

    def compute_burn(self, objective: Objective) -> float | None:
        """Return how many times faster than allowed the budget is spent; None if there are too few events."""
        if not self.total or self.total < objective.min_events:
            return None
        return self.bad / self.total / (1 - objective.target)


@dataclass(frozen=True)
class BurnRate:
    """How fast the error budget is spent over a long and a short span that end now.

    Attributes:
        severity: What it calls for: ``page`` or ``ticket``.
        factor: The limit for both spans.
        long: The events of the long span.
        short: The events of the short span.
        long_burn: The burn rate of the long span; 1 spends exactly the budget; None if it has too few events.
        short_burn: The same of the short span.

    """

    severity: Severity
    factor: float
    long: EventCount
    short: EventCount
    long_burn: float | None
    short_burn: float | None

    @property
    def is_burning(self) -> bool:
        """Whether both spans have enough events and spend the budget faster than the limit."""
        return all(burn is not None and burn > self.factor for burn in (self.long_burn, self.short_burn))


@dataclass(frozen=True)
class Budget:
    """What is left of an error budget.

    Attributes:
        period: The events of the whole period.
        today: The events of the last 24 hours.
        left: The share of the budget that is left, 1 if nothing failed, negative if it is overspent; None if there
            are no events.
        today_burn: The burn rate of the last 24 hours; None if they have no events.
        seconds_left: After how long nothing is left at this rate; 0 if nothing is, None if it does not run out
            within a century.

    """

    period: EventCount
    today: EventCount
    left: float | None
    today_burn: float | None
    seconds_left: float | None


def compute_burn_rates(reader: Reader, objective: Objective, now: float) -> list[BurnRate]:
    """Return the burn rates of an objective, the most urgent first.

    Raises:
        DatabaseError: The database does not answer, or refuses a query.

    """
    end = _find_end(reader, objective, now)
    rates = []
    for severity, long, short, factor in BURN_SPANS:
        lasting, recent = (_count(reader, objective, Span(end - seconds, end)) for seconds in (long, short))
        burns = lasting.compute_burn(objective), recent.compute_burn(objective)
        rates.append(BurnRate(severity, factor, lasting, recent, *burns))
    return rates


def compute_budget(reader: Reader, objective: Objective, now: float) -> Budget:
    """Return what is left of an objective's error budget.

    Raises:
        DatabaseError: The database does not answer, or refuses a query.

    """
    end = _find_end(reader, objective, now)
    period = _count(reader, objective, Span(end - objective.period_seconds, end))
    today = _count(reader, objective, Span(end - DAY, end))
    left = 1 - period.bad / period.total / (1 - objective.target) if period.total else None
    burn = today.bad / today.total / (1 - objective.target) if today.total else None
    return Budget(period, today, left, burn, _find_seconds_left(objective, left, burn))


def _find_seconds_left(objective: Objective, left: float | None, burn: float | None) -> float | None:
    if left is not None and left <= 0:
        return 0.0
    if left is None or not burn:
        return None
    # A burn rate of 1 spends a whole budget in a whole period.
    seconds = left * objective.period_seconds / burn
    return seconds if seconds < _NEVER else None


def _find_end(reader: Reader, objective: Objective, now: float) -> int:
    [span] = list_spans(now, _MINUTE, _MINUTE, reader.find_delay(objective.terms), 1)
    return span.end


def _split(span: Span) -> Iterator[Span]:
    """Yield the days of a span, oldest first; the first may be shorter."""
    ends = list(range(span.end, span.start, -DAY))
    for end in reversed(ends):
        yield Span(max(end - DAY, span.start), end)


def _count(reader: Reader, objective: Objective, span: Span) -> EventCount:
    """Return the events of a span, counted day by day: no query reads more than one."""
    days = [_count_day(reader, objective, day) for day in _split(span)]
    return EventCount(span, sum(day.total for day in days), sum(day.bad for day in days))


def _count_day(reader: Reader, objective: Objective, span: Span) -> EventCount:
    total = _read(reader, objective.all_term, span)
    good, bad = objective.good_term, objective.bad_term
    if good is not None:
        return EventCount(span, total, max(total - _read(reader, good, span), 0.0))
    return EventCount(span, total, 0.0 if bad is None else _read(reader, bad, span))


def _read(reader: Reader, term: Term, span: Span) -> float:
    return reader.read(term, (), span).get((), 0.0)
