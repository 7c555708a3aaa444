"""What ``check_alerts`` prints: lines for people, or JSON documents."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from zemanta_ops.stack.alerting.checker import JudgedSeries, Report
from zemanta_ops.stack.alerting.declared import DeclaredAlerts
from zemanta_ops.stack.alerting.delivery import Delivery
from zemanta_ops.stack.alerting.machine import Level
from zemanta_ops.stack.alerting.receivers import ReceiverSet
from zemanta_ops.stack.alerting.series import PlannedEvent, format_time
from zemanta_ops.terminal import escape

NO_RECEIVER = 'No receiver is configured, so nobody is notified. Set ZEMANTA_OPS["ALERTS"]["RECEIVERS"]'


@dataclass
class ReportPrinter:
    """Prints rounds.

    Args:
        out: Writes a line to standard output.
        err: Writes a line to standard error.
        as_json: Whether to print JSON instead of lines.

    """

    out: Callable[[str], Any]
    err: Callable[[str], Any]
    as_json: bool
    is_setup_faulty: bool = False
    _printed: set[str] = field(default_factory=set)
    _known: set[str] = field(default_factory=set)

    def report_setup(self, declared: DeclaredAlerts, receivers: ReceiverSet) -> None:
        """Print which declarations and receivers cannot be used."""
        problems = [*declared.problems, *(f"{fault.text} {fault.hint}" for fault in receivers.faults)]
        self.is_setup_faulty = bool(problems)
        self._known = set(problems)
        for problem in problems or ([] if receivers.names else [NO_RECEIVER]):
            self.err(escape(problem))

    def report_failure(self, text: str) -> None:
        """Print why the state could not be stored."""
        self.err(escape(text))

    def report_all(self, report: Report, *, is_dry: bool) -> None:
        """Print everything about a round."""
        if self.as_json:
            self.out(json.dumps({**build_document(report), "dry_run": is_dry}))
            return
        for each in report.judged:
            if each.state.memory.level > Level.OK:
                self.out(describe_series(each))
        for line in self._list_lines(report, is_dry=is_dry):
            self.out(line)
        names = {each.name for each in report.judged}
        self.out(f"judged   alerts: {len(names)}, series: {len(report.judged)}" if names else "judged   nothing is due")
        for problem in report.problems:
            self.err(escape(problem))

    def report_changes(self, report: Report) -> None:
        """Print what is new since the last round."""
        if self.as_json:
            document = build_document(report)
            text = json.dumps({key: document[key] for key in ("events", "deliveries", "problems")})
            if text not in self._printed and (report.events or report.deliveries or report.problems):
                self.out(text)
            self._printed = {text}
            return
        lines = list(self._list_lines(report, is_dry=False))
        problems = [escape(problem) for problem in report.problems]
        for line in lines:
            if line not in self._printed:
                self.out(line)
        for problem in problems:
            if problem not in self._printed:
                self.err(problem)
        self._printed = {*lines, *problems}

    def _list_lines(self, report: Report, *, is_dry: bool) -> Iterator[str]:
        for each in report.events if is_dry else ():
            yield escape(f"would    {_describe_event(each)}")
        for event in report.events:
            if event.problem:
                yield escape(f"problem  {event.notification.dedup_key}: {event.problem}")
        # Why events wait is about their receiver, so it is printed once, and not at all if the settings are the reason.
        reasons = {(each.receiver, each.problem): None for each in report.deliveries if each.outcome == "waiting"}
        for receiver, reason in reasons:
            if reason and reason not in self._known:
                yield escape(f"problem  {receiver}: {reason}")
        for delivery in report.deliveries:
            yield escape(_describe_delivery_line(delivery))


def build_document(report: Report) -> dict[str, Any]:
    """Return a round as JSON can hold it."""
    return {
        "alerts": [_describe_judged(each) for each in report.judged],
        "events": [{"receiver": each.receiver, **each.notification.encode()} for each in report.events],
        "deliveries": [_describe_delivery(each) for each in report.deliveries],
        "problems": list(report.problems),
    }


def describe_series(judged: JudgedSeries) -> str:
    """Return one line about a series."""
    state = judged.state
    value = "no data" if state.value is None else f"{state.value:g}"
    notes = [
        name for name, holds in (("flapping", state.memory.is_flapping), ("silenced", judged.is_silenced)) if holds
    ]
    note = f" ({', '.join(notes)})" if notes else ""
    return escape(f"{state.memory.level.word:9}{state.identity} {value} since {format_time(state.memory.since)}{note}")


def _describe_event(event: PlannedEvent) -> str:
    notification = event.notification
    what = notification.action if notification.action == "resolve" else f"{notification.action} {notification.level}"
    return f"{what} {notification.dedup_key} to {event.receiver}"


def _describe_delivery_line(delivery: Delivery) -> str:
    note = f": {delivery.problem}" if delivery.problem and delivery.outcome != "waiting" else ""
    return f"{delivery.outcome:9}{_describe_event(PlannedEvent(delivery.receiver, delivery.notification))}{note}"


def _describe_judged(judged: JudgedSeries) -> dict[str, Any]:
    state = judged.state
    return {
        "name": judged.name,
        "tags": dict(state.tags),
        "dedup_key": state.identity,
        "level": state.memory.level.word,
        "since": format_time(state.memory.since),
        "value": state.value,
        "flapping": state.memory.is_flapping,
        "silenced": judged.is_silenced,
    }


def _describe_delivery(delivery: Delivery) -> dict[str, Any]:
    notification = delivery.notification
    return {
        "receiver": delivery.receiver,
        "dedup_key": notification.dedup_key,
        "sequence": notification.sequence,
        "action": notification.action,
        "level": notification.level,
        "outcome": delivery.outcome,
        "problem": delivery.problem,
        "repeated": delivery.is_repeat,
    }
