"""What ``list_alerts`` shows: open incidents, silences, events that were not accepted, and when alerts were judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from zemanta_ops.models import AlertEvent
from zemanta_ops.stack.alerting.judges import OWN_NAME
from zemanta_ops.stack.alerting.machine import Level
from zemanta_ops.stack.alerting.series import SeriesState, format_time
from zemanta_ops.stack.alerting.silences import Silence, find_silence, list_silences
from zemanta_ops.stack.alerting.store import decode_state, get_table

# A refusal is shown for this long.
SHOWN_SECONDS = 86_400
# Alerts are judged every minute or so; after this long nobody judges them.
STALE_SECONDS = 900


@dataclass(frozen=True)
class OpenAlert:
    """One series whose level is not OK."""

    name: str
    state: SeriesState
    silence: Silence | None


@dataclass(frozen=True)
class StuckEvent:
    """An event that was not delivered as it should be: it waits, was refused for good, or was sent twice."""

    identity: str
    receiver: str
    action: str
    level: str
    status: str
    created_at: int
    attempts: int
    problem: str

    @property
    def is_undelivered(self) -> bool:
        """Whether the receiver has not accepted it."""
        return self.status != AlertEvent.SENT


@dataclass(frozen=True)
class Overview:
    """Everything that is stored, as of ``now``.

    ``judged_at`` is 0 if no alert was ever judged. ``failing_since`` is since when at least one alert cannot be judged,
    or None.
    """

    now: float
    alerts: list[OpenAlert]
    silences: list[Silence]
    stuck: list[StuckEvent]
    count: int
    judged_at: int
    failing_since: int | None = None

    @property
    def is_stale(self) -> bool:
        """Whether nobody judges the alerts."""
        return self.now - self.judged_at > STALE_SECONDS

    def build_document(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "alerts": [_describe_alert(each) for each in self.alerts],
            "silences": [{**vars(each), "until": format_time(each.until)} for each in self.silences],
            "undelivered": [{**vars(each), "created_at": format_time(each.created_at)} for each in self.stuck],
            "judged": self.count,
            "judged_at": format_time(self.judged_at) if self.judged_at else None,
            "failing_since": None if self.failing_since is None else format_time(self.failing_since),
        }


def read_overview(now: float) -> Overview:
    """Return what is stored."""
    silences = list_silences(now)
    rows = get_table("AlertState").select_related("alert").order_by("identity")
    found = [(row.alert.name, decode_state(row)) for row in rows]
    alerts = [
        OpenAlert(name, state, find_silence(silences, name, state.tags))
        for name, state in found
        if state.memory.level > Level.OK
    ]
    alerts.sort(key=lambda each: (-each.state.memory.level, each.state.memory.since))
    times = list(get_table("AlertCheck").values_list("checked_at", flat=True))
    failing_since = next((state.memory.crit_since for name, state in found if name == OWN_NAME), None)
    return Overview(now, alerts, silences, list_stuck(now), len(times), max(times, default=0), failing_since)


def list_stuck(now: float) -> list[StuckEvent]:
    """Return the events that wait, and those that were refused, skipped or sent twice lately."""
    table = get_table("AlertEvent")
    waiting = table.filter(status=AlertEvent.PENDING)
    lately = table.filter(finished_at__gt=int(now) - SHOWN_SECONDS).exclude(problem="")
    return [
        StuckEvent(
            row.identity,
            row.receiver,
            row.notification["action"],
            row.notification["level"],
            row.status,
            row.created_at,
            row.attempts,
            row.problem,
        )
        for row in (*waiting.order_by("id"), *lately.order_by("id"))
    ]


def _describe_alert(alert: OpenAlert) -> dict[str, Any]:
    state = alert.state
    return {
        "name": alert.name,
        "tags": dict(state.tags),
        "dedup_key": state.identity,
        "level": state.memory.level.word,
        "since": format_time(state.memory.since),
        "value": state.value,
        "flapping": state.memory.is_flapping,
        "silenced_until": format_time(alert.silence.until) if alert.silence else None,
        "told": {receiver: told.level.word for receiver, told in state.told.items()},
    }
