"""The four declarations. Each registers itself when it is made, and none raises."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from zemanta_ops.metrics.catalog import METRICS
from zemanta_ops.stack.declarations.collection import add_declaration
from zemanta_ops.stack.declarations.durations import parse_duration
from zemanta_ops.stack.declarations.terms import Expression, Term, Threshold, total

SHIPPED = "zemanta_ops.stack.declarations.shipped"
NO_DATA = ("keep", "ok", "alert")
REQUEST_BUCKETS = "http.request.bucket"
_UNITS = {metric.name: metric.unit for metric in METRICS}


@dataclass(frozen=True, eq=False)
class Declared:
    """What every declaration has: texts for people, and the place where it is written.

    Attributes:
        meaning: What the number is.
        trouble: What a problem looks like in it.
        impact: How it affects users.
        action: What to do first.
        place: ``module:line`` of the declaration.

    """

    _: KW_ONLY
    meaning: str = ""
    trouble: str = ""
    impact: str = ""
    action: str = ""
    place: str = field(default="", init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "place", add_declaration(self))

    @property
    def is_shipped(self) -> bool:
        """Whether this package declares it, not the project."""
        return self.place.startswith(SHIPPED)


@dataclass(frozen=True, eq=False)
class Description(Declared):
    """What a metric means. Made by ``describe``, which documents the fields."""

    name: str
    _: KW_ONLY
    unit: str = ""
    tags: tuple[str, ...] | None = None
    repeat: str = ""
    kind: str = ""
    measurement: str = ""
    field: str = ""
    empty_if: str = ""


@dataclass(frozen=True, eq=False)
class Composite(Declared):
    """A metric computed from others, written back under its own name.

    Args:
        name: Its name, with dots like that of any metric.
        numerator: Divided by ``denominator``.
        denominator: The other side.
        value: Instead of these two, one aggregate, or two with ``-``, ``+``, ``*`` or ``/`` between them.
        by: The tags that its series keep; both sides have them.
        unit: See the documentation for the list of units.
        min_denominator: A window in which the denominator is smaller gives no value.
        every: How often it is computed; divides a day.
        window: The time that one value covers; ``every`` by default.

    """

    name: str
    _: KW_ONLY
    numerator: Term | None = None
    denominator: Term | None = None
    value: Term | Expression | None = None
    by: tuple[str, ...] = ()
    unit: str = ""
    min_denominator: float = 0
    every: str = "1m"
    window: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "by", read_tags(self.by))
        super().__post_init__()

    @property
    def expression(self) -> Term | Expression | None:
        """What is computed; None if the declaration is not complete."""
        if self.value is not None:
            return self.value
        if self.numerator is None or self.denominator is None:
            return None
        return Expression("/", self.numerator, self.denominator)

    @property
    def terms(self) -> list[Term]:
        """The aggregates that it is computed from."""
        expression = self.expression
        if isinstance(expression, Expression):
            return expression.terms
        return [] if expression is None else [expression]

    @property
    def every_seconds(self) -> int:
        """``every`` in seconds; ValueError if it is not a duration."""
        return parse_duration(self.every)

    @property
    def window_seconds(self) -> int:
        """``window`` in seconds; ValueError if it is not a duration."""
        return parse_duration(self.window or self.every)


@dataclass(frozen=True, eq=False)
class Alert(Declared):
    """When a composite or an aggregate hurts.

    Args:
        subject: A ``Composite``, or an aggregate such as ``last("jobs.waiting")``.
        warn: The threshold of a warning; ``above(…)`` or ``below(…)``.
        crit: The threshold that calls a person.
        by: The tags that are judged apart; those of the composite by default.
        window: The time that is judged at once.
        for_: How long it must last.
        every: How often it is judged; divides a day.
        no_data: What a window without data means: ``keep`` the level, ``ok`` or ``alert``.
        name: Keeps two alerts of one subject apart.
        message: Text with ``{value}``, ``{level}``, ``{name}`` and ``{<tag>}``, in the manner of ``str.format``.
        runbook: The address of a page that says what to do.

    """

    subject: Composite | Term
    _: KW_ONLY
    warn: Threshold | None = None
    crit: Threshold | None = None
    by: tuple[str, ...] = ()
    window: str = "5m"
    for_: str = "0s"
    every: str = "1m"
    no_data: str = "keep"
    name: str = ""
    message: str = ""
    runbook: str = ""

    def __post_init__(self) -> None:
        by = read_tags(self.by)
        object.__setattr__(self, "by", by or (self.subject.by if isinstance(self.subject, Composite) else ()))
        super().__post_init__()

    @property
    def key(self) -> str:
        """The name that identifies it: to people, in state, and to receivers."""
        subject = self.subject.name if isinstance(self.subject, Composite) else getattr(self.subject, "metric", "?")
        return self.name or str(subject)

    @property
    def terms(self) -> list[Term]:
        """The aggregates that it judges."""
        return self.subject.terms if isinstance(self.subject, Composite) else [self.subject]

    @property
    def every_seconds(self) -> int:
        """``every`` in seconds; ValueError if it is not a duration."""
        return parse_duration(self.every)

    @property
    def window_seconds(self) -> int:
        """``window`` in seconds; ValueError if it is not a duration."""
        return parse_duration(self.window)

    @property
    def for_seconds(self) -> int:
        """``for_`` in seconds; ValueError if it is not a duration."""
        return parse_duration(self.for_)


@dataclass(frozen=True, eq=False)
class Objective(Declared):
    """The share of events that must be good over a period.

    Args:
        name: Its name.
        total: All events.
        bad: Those that failed: filters of ``total``, or an aggregate of its own.
        within: Instead of ``bad``, the milliseconds within which a request is good; one of ``METRICS["BUCKETS"]``.
        target: The share of good events, above 0 and below 1.
        period: The time over which it is judged.
        min_events: A window with fewer events gives no alert.
        runbook: The address of a page that says what to do.

    """

    name: str
    _: KW_ONLY
    total: Term
    target: float
    bad: Mapping[str, Any] | Term | None = None
    within: float | None = None
    period: str = "30d"
    min_events: int = 100
    runbook: str = ""

    @property
    def bad_term(self) -> Term | None:
        """The events that failed; None for an objective of latency, which counts ``good_term``."""
        if isinstance(self.bad, Mapping):
            return self.total.narrow(self.bad)
        return self.bad

    @property
    def all_term(self) -> Term:
        """All events; for an objective of latency, from the same counters as ``good_term``."""
        if self.within is None:
            return self.total
        return total(REQUEST_BUCKETS, **{**self.total.filters, "le": "+Inf"})

    @property
    def good_term(self) -> Term | None:
        """The requests within the limit; None for an objective without ``within``."""
        if self.within is None:
            return None
        return total(REQUEST_BUCKETS, **{**self.total.filters, "le": f"{self.within:g}"})

    @property
    def terms(self) -> list[Term]:
        """The aggregates that it is computed from."""
        return [term for term in (self.all_term, self.bad_term, self.good_term) if isinstance(term, Term)]

    @property
    def period_seconds(self) -> int:
        """``period`` in seconds; ValueError if it is not a duration."""
        return parse_duration(self.period)


def describe(
    name: str,
    *,
    unit: str = "",
    meaning: str = "",
    trouble: str = "",
    impact: str = "",
    action: str = "",
    tags: Iterable[str] | str | None = None,
    repeat: str = "",
    kind: str = "",
    measurement: str = "",
    field: str = "",
    empty_if: str = "",
) -> Description:
    """Declare what a metric means.

    Args:
        name: The metric's name, as the application emits it.
        unit: For example ``ms``, ``bytes``, ``ratio``, or a plural noun such as ``jobs``.
        meaning: What the number is.
        trouble: What a problem looks like in it.
        impact: How it affects users.
        action: What to do first.
        tags: The tags of its series, for a gauge whose rows carry tags.
        repeat: A tag for each of whose values the dashboard has a panel.
        kind: For a metric that this application does not emit: counter, timing, histogram, gauge, set or percentile.
        measurement: For such a metric, the name under which the database has it.
        field: For such a metric, the name of its field.
        empty_if: Why nothing of it may be written although all is well, such as ``no payment failed``.

    """
    return Description(
        name,
        unit=unit or _UNITS.get(name, ""),
        meaning=meaning,
        trouble=trouble,
        impact=impact,
        action=action,
        tags=None if tags is None else read_tags(tags),
        repeat=repeat,
        kind=kind,
        measurement=measurement,
        field=field,
        empty_if=empty_if,
    )


def read_tags(given: Iterable[str] | str) -> tuple[str, ...]:
    """Return tags as a tuple; one tag may be given as a text."""
    return (given,) if isinstance(given, str) else tuple(given)
