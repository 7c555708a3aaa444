"""Judges every alert that is due, stores what follows, and sends what is pending."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from zemanta_ops.stack.alerting.delivery import Delivery, Sender
from zemanta_ops.stack.alerting.judges import OWN_NAME, Judge, OwnJudge
from zemanta_ops.stack.alerting.machine import Level, Memory
from zemanta_ops.stack.alerting.messages import build_notifier, build_plain_notifier
from zemanta_ops.stack.alerting.series import PlannedEvent, SeriesState, note_events, plan_events
from zemanta_ops.stack.alerting.silences import Silence, find_silence, list_silences
from zemanta_ops.stack.alerting.store import (
    AlertChange,
    AlertRecord,
    OvertakenError,
    delete_alert,
    find_told,
    list_names,
    load_alert,
    prune_events,
    save_alert,
)
from zemanta_ops.stack.alerting.windows import advance_series, is_worth_storing, list_ends
from zemanta_ops.stack.databases import DatabaseError
from zemanta_ops.stack.evaluation import Reader

# A series without data is forgotten after this long, and its incident resolved: the host or view is gone for good.
FORGET_SECONDS = 7 * 86_400
# These failures are about the database, so that it is not asked again in the same round.
_AWAY = frozenset({"unreachable", "blocked", "timeout", "tls", "unauthorized", "gateway"})
_CLEAN_SECONDS = 86_400
NO_DATA_TEXT = "no data for a week"
UNDECLARED_TEXT = "no longer declared"


@dataclass(frozen=True)
class JudgedSeries:
    """One series after its newest window."""

    name: str
    state: SeriesState
    is_silenced: bool


@dataclass
class Report:
    """What a round did.

    Attributes:
        judged: The series of the alerts that were due.
        events: The events that follow from them.
        deliveries: What happened to each event that is or was pending.
        problems: A sentence for each alert that could not be judged.
        is_database_away: Whether the database of metrics does not answer.

    """

    judged: list[JudgedSeries] = field(default_factory=list)
    events: list[PlannedEvent] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    is_database_away: bool = False


@dataclass
class Checker:
    """Judges alerts round by round.

    Args:
        judges: What is judged.
        reader: Where the numbers are.
        least_levels: For each receiver, usable or not, the level from which on it is notified.
        sender: Sends events; None sends and stores nothing.
        declared: The names of everything that is declared, even if it is faulty; None if that is not known.
        is_stopping: Called between two alerts.

    """

    judges: Sequence[Judge]
    reader: Reader
    least_levels: Mapping[str, Level]
    sender: Sender | None
    declared: Collection[str] | None = None
    is_stopping: Callable[[], bool] = lambda: False
    _ends: dict[str, int] = field(default_factory=dict)
    _cleaned_at: float = -math.inf

    def check(self, now: float) -> Report:
        """Judge what is due, and send what is pending.

        Raises:
            django.db.DatabaseError: The state cannot be read or written.

        """
        report = Report()
        silences = list_silences(now)
        is_any_due = False
        for judge in self.judges:
            if self.is_stopping() or report.is_database_away:
                break
            is_any_due |= self._try(judge, now, silences, report)
        if is_any_due:
            # Nothing else would notice that no alert can be judged.
            self._try(OwnJudge("; ".join(report.problems)), now, silences, report)
        if self.sender is not None:
            self._clean_up(now, report)
            report.deliveries = self.sender.send_pending(now)
        return report

    def forget(self) -> None:
        """Read everything again in the next round: another process may have judged since."""
        self._ends.clear()

    def _try(self, judge: Judge, now: float, silences: Sequence[Silence], report: Report) -> bool:
        """Judge an alert if it is due; return whether it was."""
        try:
            return self._judge(judge, now, silences, report)
        except DatabaseError as error:
            report.problems.append(f"{judge.name} cannot be judged: {error}")
            report.is_database_away = error.kind in _AWAY
        except OvertakenError:
            # Another process judged it at the same time, and wrote the same.
            return False
        return True

    def _judge(self, judge: Judge, now: float, silences: Sequence[Silence], report: Report) -> bool:
        newest = math.floor((now - judge.find_delay(self.reader)) / judge.every) * judge.every
        if newest == self._ends.get(judge.name):
            return False
        record = load_alert(judge.name)
        ends = list_ends(record.window_end, newest, judge, now)
        series = dict(record.series)
        for end in ends:
            series = advance_series(judge, series, judge.observe(self.reader, end), end)
        if ends:
            change = self._plan(judge, record, series, newest, silences, report)
            if self.sender is not None:
                save_alert(record, change, now)
            report.events += change.events
        self._ends[judge.name] = newest
        return bool(ends)

    def _plan(
        self,
        judge: Judge,
        record: AlertRecord,
        series: Mapping[str, SeriesState],
        end: int,
        silences: Sequence[Silence],
        report: Report,
    ) -> AlertChange:
        change = AlertChange(end)
        told = find_told([name for name, state in series.items() if name not in record.series and state.memory.level])
        for identity, state in series.items():
            is_gone = judge.is_tagged and end - state.seen_end > FORGET_SECONDS
            current = dataclasses.replace(state, told={**told.get(identity, {}), **state.told})
            silence = find_silence(silences, judge.name, state.tags)
            if is_gone:
                current = dataclasses.replace(current, memory=Memory(since=end))
            build = build_notifier(judge, NO_DATA_TEXT if is_gone else "")
            events = list(plan_events(current, self.least_levels, build, is_silenced=silence is not None))
            current = note_events(current, events)
            change.events += events
            if is_gone:
                change.forgotten.append(identity)
            elif is_worth_storing(current, record.series.get(identity), judge):
                change.changed.append(current)
            report.judged.append(JudgedSeries(judge.name, current, silence is not None))
        return change

    def _clean_up(self, now: float, report: Report) -> None:
        """Once a day, resolve and delete what nobody declares any more, and delete old events."""
        if abs(now - self._cleaned_at) < _CLEAN_SECONDS:
            return
        self._cleaned_at = now
        prune_events(now)
        undeclared = set() if self.declared is None else set(list_names()) - {*self.declared, OWN_NAME}
        for name in sorted(undeclared):
            record = load_alert(name)
            events = [event for state in record.series.values() for event in self._resolve(name, state, int(now))]
            try:
                delete_alert(record, events, now)
            except OvertakenError:
                continue
            report.events += events

    def _resolve(self, name: str, state: SeriesState, now: int) -> list[PlannedEvent]:
        ended = dataclasses.replace(state, memory=Memory(since=now))
        build = build_plain_notifier(name, f"{name} is {UNDECLARED_TEXT}")
        return list(plan_events(ended, dict.fromkeys(state.told, Level.WARN), build, is_silenced=False))
