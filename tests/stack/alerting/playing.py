"""A deployment whose numbers, clock and database are played: what check_alerts does with them is real."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from tests.stack.alerting.listening import Listener
from tests.stack.alerting.receivers.sending import read
from zemanta_ops.stack.alerting.checker import Checker, Report
from zemanta_ops.stack.alerting.delivery import Sender
from zemanta_ops.stack.alerting.judges import Observation
from zemanta_ops.stack.alerting.machine import Level, Rule
from zemanta_ops.stack.databases import DatabaseError
from zemanta_ops.stack.declarations import above
from zemanta_ops.stack.evaluation import Reader

NOON = 1_700_049_600
DELAY = 20.0
NOBODY = cast(Reader, None)


@dataclass
class PlayedJudge:
    """An alert whose values are given: by tag, for the ends of windows in minutes after noon."""

    name: str = "shop.error_ratio"
    rule: Rule = field(default_factory=lambda: Rule(above(1), above(5)))
    is_tagged: bool = True
    every: int = 60
    details: Mapping[str, str] = field(default_factory=lambda: {"impact": "Nobody can pay."})
    runbook: str = "https://wiki.example.com/errors"
    values: dict[str, float | None] = field(default_factory=dict)
    error: DatabaseError | None = None
    asked: list[int] = field(default_factory=list)
    problem: str = ""

    def find_delay(self, reader: Reader) -> float:
        return DELAY

    def observe(self, reader: Reader, end: int) -> list[Observation]:
        self.asked.append(end)
        if self.error is not None:
            raise self.error
        tags: list[tuple[dict[str, str], float | None]] = [
            ({"view": view} if self.is_tagged else {}, value) for view, value in self.values.items()
        ]
        return [Observation(each, value, self.rule.judge(value)) for each, value in tags]

    def write_summary(self, tags: Mapping[str, str], value: float | None, level: Level) -> tuple[str, str]:
        return f"{tags.get('view', self.name)} is {level.word}", self.problem


@dataclass
class Deployment:
    """A process that runs check_alerts minute by minute."""

    judges: Sequence[PlayedJudge]
    receivers: dict[str, Any]
    declared: Sequence[str] | None = None
    minute: float = 0
    checker: Checker = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Start a new process."""
        found = read(**self.receivers)
        sender = Sender(found.usable, {fault.receiver: fault.text for fault in found.faults})
        self.checker = Checker(self.judges, NOBODY, found.least_levels, sender, self.declared)

    def check(self, minutes: float = 1) -> Report:
        """Let time pass, and run one round."""
        self.minute += minutes
        return self.checker.check(NOON + 60 * self.minute + DELAY)

    def play(self, *values: float | None) -> list[Report]:
        """Run a round for each value of the view "cart"; None is missing data."""
        reports = []
        for value in values:
            for judge in self.judges:
                judge.values = {} if value is None else {"cart": value}
            reports.append(self.check())
        return reports


def webhook(listener: Listener, **options: Any) -> dict[str, Any]:
    """Return the settings of a webhook to a listener."""
    return {"BACKEND": "webhook", "URL": listener.url, **options}


def deploy(listener: Listener, *judges: PlayedJudge, **options: Any) -> Deployment:
    """Return a deployment with one receiver."""
    return Deployment(judges or [PlayedJudge()], {"pager": webhook(listener)}, **options)


def summarize(listener: Listener) -> list[tuple[str, str, int]]:
    """Return action, level and sequence of what a listener accepted."""
    return [(each.body["action"], each.body["level"], each.body["sequence"]) for each in listener.taken]


def outcomes(report: Report) -> list[tuple[str, str]]:
    """Return what happened to the events of a round."""
    return [(each.outcome, each.problem) for each in report.deliveries]
