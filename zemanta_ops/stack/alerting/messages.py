"""Notifications of alerts, from the judge's texts."""

from __future__ import annotations

import dataclasses

from zemanta_ops.stack.alerting.judges import Judge
from zemanta_ops.stack.alerting.machine import Level
from zemanta_ops.stack.alerting.notification import Action, Notification, cut
from zemanta_ops.stack.alerting.series import BuildNotification, SeriesState, format_time

_FLAPPING = "It changes often. It is held at its worst level until it has been calm for 15 minutes."


def build_notifier(judge: Judge, reason: str = "") -> BuildNotification:
    """Return a function that builds the notifications of an alert; ``reason`` is put behind the message."""

    def build(state: SeriesState, action: Action, before: Level, level: Level, number: int) -> tuple[Notification, str]:
        summary, problem = judge.write_summary(state.tags, state.value, state.memory.level)
        full = cut(f"{summary}: {reason}") if reason else summary
        details = {**judge.details, **({"flapping": _FLAPPING} if state.memory.is_flapping else {})}
        plain = _build(judge.name, state, action, before, level, number, full)
        return dataclasses.replace(plain, details=details, runbook=judge.runbook), problem

    return build


def build_plain_notifier(name: str, summary: str) -> BuildNotification:
    """Return a function that builds notifications of an alert that is not declared any more."""

    def build(state: SeriesState, action: Action, before: Level, level: Level, number: int) -> tuple[Notification, str]:
        return _build(name, state, action, before, level, number, summary), ""

    return build


def _build(
    name: str, state: SeriesState, action: Action, before: Level, level: Level, number: int, summary: str
) -> Notification:
    return Notification(
        action,
        state.identity,
        number,
        name,
        state.tags,
        level.word,
        before.word,
        state.value,
        summary,
        format_time(state.memory.since),
    )
