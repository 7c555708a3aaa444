"""What is judged: declared alerts and objectives, each with its windows, its levels and its texts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from zemanta_ops.stack.alerting.machine import Level, Rule, read_rule
from zemanta_ops.stack.alerting.notification import clean, cut
from zemanta_ops.stack.declarations import Alert, Composite, Objective
from zemanta_ops.stack.declarations.messages import fill_message
from zemanta_ops.stack.declarations.runbooks import find_runbook
from zemanta_ops.stack.evaluation import Reader, Span, compute_alert, compute_burn_rates

_MINUTE = 60
# The alert about the judging itself, and for how long it must have failed.
OWN_NAME = "zemanta_ops.check_alerts"
_OWN_PATIENCE = 300
_LEVELS = {"page": Level.CRIT, "ticket": Level.WARN}


@dataclass(frozen=True)
class Observation:
    """One series in one window; ``level`` is None if it keeps its level."""

    tags: Mapping[str, str]
    value: float | None
    level: Level | None


class Judge(Protocol):
    """One alert or objective.

    Attributes:
        name: Its name.
        every: Seconds between the ends of two windows.
        rule: How long a level must last, and what missing data means.
        is_tagged: Whether it may have several series.
        details: Texts for people.
        runbook: The address of the runbook, or empty.

    """

    @property
    def name(self) -> str: ...
    @property
    def every(self) -> int: ...
    @property
    def rule(self) -> Rule: ...
    @property
    def is_tagged(self) -> bool: ...
    @property
    def details(self) -> Mapping[str, str]: ...
    @property
    def runbook(self) -> str: ...

    def find_delay(self, reader: Reader) -> float:
        """Return the seconds for which points may still arrive."""

    def observe(self, reader: Reader, end: int) -> list[Observation]:
        """Return the series that have points in the window that ends then; DatabaseError if it cannot be read."""

    def write_summary(self, tags: Mapping[str, str], value: float | None, level: Level) -> tuple[str, str]:
        """Return a line for people, and what was wrong with the declared message, or empty."""


@dataclass(frozen=True)
class AlertJudge:
    """A declared alert."""

    alert: Alert

    @property
    def name(self) -> str:
        """Its name."""
        return self.alert.key

    @property
    def every(self) -> int:
        """Seconds between the ends of two windows."""
        return self.alert.every_seconds

    @property
    def rule(self) -> Rule:
        """Its thresholds."""
        return read_rule(self.alert)

    @property
    def is_tagged(self) -> bool:
        """Whether it has ``by``."""
        return bool(self.alert.by)

    @property
    def details(self) -> Mapping[str, str]:
        """Its own texts, or those of its composite."""
        subject = self.alert.subject if isinstance(self.alert.subject, Composite) else self.alert
        return _collect_details(self.alert, subject)

    @property
    def runbook(self) -> str:
        """The address of its runbook."""
        return find_runbook(self.alert)

    def find_delay(self, reader: Reader) -> float:
        """Return the seconds for which points may still arrive."""
        return reader.find_delay(self.alert.terms)

    def observe(self, reader: Reader, end: int) -> list[Observation]:
        """Return the value of each series in the window."""
        found = compute_alert(reader, self.alert, Span(end - self.alert.window_seconds, end))
        rule = self.rule
        return [Observation(each.tags, _accept(each.value), rule.judge(_accept(each.value))) for each in found]

    def write_summary(self, tags: Mapping[str, str], value: float | None, level: Level) -> tuple[str, str]:
        """Return the declared message with its placeholders filled in."""
        default = f"{{name}} is {{value:g}}{''.join(f', {tag} {{{tag}}}' for tag in self.alert.by)}"
        given = {"value": _NoValue() if value is None else value, "level": level.word, "name": self.name}
        try:
            return cut(fill_message(self.alert.message or default, {**tags, **given})), ""
        except (ValueError, TypeError, LookupError) as error:
            return cut(f"{self.name} is {level.word}"), f"the message cannot be formatted ({type(error).__name__})"


@dataclass(frozen=True)
class ObjectiveJudge:
    """A declared objective: a page is ``crit``, a ticket is ``warn``."""

    objective: Objective
    every: int = _MINUTE
    rule: Rule = field(default_factory=lambda: Rule(no_data="ok"))
    is_tagged: bool = False

    @property
    def name(self) -> str:
        """Its name."""
        return self.objective.name

    @property
    def details(self) -> Mapping[str, str]:
        """Its texts."""
        return _collect_details(self.objective, self.objective)

    @property
    def runbook(self) -> str:
        """The address of its runbook."""
        return find_runbook(self.objective)

    def find_delay(self, reader: Reader) -> float:
        """Return the seconds for which points may still arrive."""
        return reader.find_delay(self.objective.terms)

    def observe(self, reader: Reader, end: int) -> list[Observation]:
        """Return the most urgent level that both spans of a burn rate call for, and its long burn rate."""
        rates = compute_burn_rates(reader, self.objective, end + self.find_delay(reader))
        burning = [rate for rate in rates if rate.is_burning]
        if not burning:
            known = [rate.long_burn for rate in rates if rate.long_burn is not None]
            return [Observation({}, known[0] if known else None, Level.OK)]
        worst = max(burning, key=lambda rate: _LEVELS[rate.severity])
        return [Observation({}, worst.long_burn, _LEVELS[worst.severity])]

    def write_summary(self, tags: Mapping[str, str], value: float | None, level: Level) -> tuple[str, str]:
        """Return how fast the budget is spent."""
        del tags, level
        rate = "at an unknown rate" if value is None else f"{value:.1f} times as fast as allowed"
        return cut(f"{self.name} spends its error budget {rate}"), ""


@dataclass(frozen=True)
class OwnJudge:
    """Whether alerts can be judged at all; ``problem`` says why not."""

    problem: str
    name: str = OWN_NAME
    every: int = _MINUTE
    rule: Rule = field(default_factory=lambda: Rule(for_seconds=_OWN_PATIENCE))
    is_tagged: bool = False
    details: Mapping[str, str] = field(default_factory=lambda: {"advice": "Run: manage.py check_alerts"})
    runbook: str = ""

    def find_delay(self, reader: Reader) -> float:
        """Return 0: nothing is read."""
        del reader
        return 0.0

    def observe(self, reader: Reader, end: int) -> list[Observation]:
        """Return the problem as CRIT."""
        del reader, end
        return [Observation({}, None, Level.CRIT if self.problem else Level.OK)]

    def write_summary(self, tags: Mapping[str, str], value: float | None, level: Level) -> tuple[str, str]:
        """Return the problem."""
        del tags, value, level
        return cut(f"check_alerts cannot judge: {self.problem}" if self.problem else "check_alerts judges again"), ""


class _NoValue:
    """The value in a message when there is no data."""

    def __format__(self, spec: str) -> str:
        return "without data"


def _accept(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _collect_details(declared: Alert | Objective, subject: Alert | Composite | Objective) -> dict[str, str]:
    found = {
        "meaning": declared.meaning or subject.meaning,
        "trouble": declared.trouble or subject.trouble,
        "impact": declared.impact or subject.impact,
        "advice": declared.action or subject.action,
    }
    return {name: " ".join(clean(text).split()) for name, text in found.items() if text}
