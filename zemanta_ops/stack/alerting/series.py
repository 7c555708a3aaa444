"""One series of an alert, and the events that its level calls for. It is pure: the store keeps both."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone

from zemanta_ops.stack.alerting.machine import Level, Memory
from zemanta_ops.stack.alerting.notification import Action, Notification


@dataclass(frozen=True)
class Told:
    """The last event of a receiver: the level that it reports, and its number."""

    level: Level
    sequence: int


@dataclass(frozen=True)
class SeriesState:
    """One series of an alert.

    Attributes:
        identity: Its ``dedup_key``.
        tags: Its tags.
        memory: What the state machine remembers.
        told: The last event of each receiver, by name.
        value: The last value, None if there is no data.
        seen_end: The end of the last window with data.

    """

    identity: str
    tags: Mapping[str, str]
    memory: Memory = field(default_factory=Memory)
    told: Mapping[str, Told] = field(default_factory=dict)
    value: float | None = None
    seen_end: int = 0

    @property
    def is_open(self) -> bool:
        """Whether a receiver has been sent an incident that is not resolved."""
        return any(told.level > Level.OK for told in self.told.values())


@dataclass(frozen=True)
class PlannedEvent:
    """An event for one receiver; ``problem`` is what was wrong with its message, or empty."""

    receiver: str
    notification: Notification
    problem: str = ""


# Returns the notification for an action, the level before, the level now and a sequence; and what was wrong with it.
BuildNotification = Callable[[SeriesState, Action, Level, Level, int], tuple[Notification, str]]


def plan_events(
    state: SeriesState,
    least_levels: Mapping[str, Level],
    build: BuildNotification,
    *,
    is_silenced: bool,
) -> Iterator[PlannedEvent]:
    """Yield an event for each receiver that has been told another level than it should know.

    A silence holds back what opens or changes an incident, and never what resolves one. Events that were held back
    follow when it ends, if the level is still the same.

    Args:
        state: The series.
        least_levels: For each receiver, the level from which on it is notified.
        build: Builds a notification.
        is_silenced: Whether a silence applies to the series.

    """
    for receiver, least in least_levels.items():
        told = state.told.get(receiver, Told(Level.OK, 0))
        level = state.memory.level if state.memory.level >= least else Level.OK
        if level == told.level or (is_silenced and level > Level.OK):
            continue
        action: Action = "resolve" if level == Level.OK else "trigger"
        yield PlannedEvent(receiver, *build(state, action, told.level, level, told.sequence + 1))


def note_events(state: SeriesState, events: list[PlannedEvent]) -> SeriesState:
    """Return the series with these events told."""
    told = {
        event.receiver: Told(Level[event.notification.level.upper()], event.notification.sequence) for event in events
    }
    return dataclasses.replace(state, told={**state.told, **told})


def format_time(seconds: float) -> str:
    """Return a time in ISO 8601, in UTC."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")
