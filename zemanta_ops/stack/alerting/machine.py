"""The state machine of one series of one alert. It is pure: values and times go in, a new memory comes out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from zemanta_ops.stack.declarations import Alert, Threshold

# An alert that changes this often within FLAPPING_SECONDS is flapping: it stays at its worst level, and no more
# messages are sent, until it has not changed for CALM_SECONDS.
FLAPPING_CHANGES = 6
FLAPPING_SECONDS = 3_600
CALM_SECONDS = 900


class Level(IntEnum):
    """How bad it is."""

    OK = 0
    WARN = 1
    CRIT = 2

    @property
    def word(self) -> str:
        """The level as people and receivers read it."""
        return self.name.lower()


def parse_level(word: str) -> Level:
    """Return the level that ``Level.word`` wrote; ValueError if there is none."""
    try:
        return Level[word.upper()]
    except KeyError:
        raise ValueError("must be warn or crit") from None


@dataclass(frozen=True)
class Rule:
    """When a value is bad, for how long it must be, and what a window without data means."""

    warn: Threshold | None = None
    crit: Threshold | None = None
    for_seconds: int = 0
    no_data: str = "keep"

    def judge(self, value: float | None) -> Level | None:
        """Return the level of a value; None if there is no value and the level is kept."""
        if value is None or math.isnan(value):
            return {"keep": None, "ok": Level.OK}.get(self.no_data, self.worst)
        if self.crit is not None and self.crit.is_crossed_by(value):
            return Level.CRIT
        return Level.WARN if self.warn is not None and self.warn.is_crossed_by(value) else Level.OK

    @property
    def worst(self) -> Level:
        """The worst level that the alert has."""
        return Level.WARN if self.crit is None else Level.CRIT


def read_rule(alert: Alert) -> Rule:
    """Return the rule of a declared alert."""
    return Rule(alert.warn, alert.crit, alert.for_seconds, alert.no_data)


@dataclass(frozen=True)
class Memory:
    """What is remembered of a series; times are ends of windows, in seconds of the epoch.

    Attributes:
        level: What receivers should know.
        since: When that level began.
        confirmed: The level without regard to flapping.
        warn_since: Since when it has been at least WARN without interruption.
        crit_since: Since when it has been CRIT without interruption.
        changes: When ``confirmed`` changed lately.
        is_flapping: Whether the level is held.

    """

    level: Level = Level.OK
    since: int = 0
    confirmed: Level = Level.OK
    warn_since: int | None = None
    crit_since: int | None = None
    changes: tuple[int, ...] = ()
    is_flapping: bool = False

    def advance(self, rule: Rule, end: int, observed: Level | None) -> Memory:
        """Return the memory after a window.

        Args:
            rule: How long a level must last.
            end: The end of the window. If it is earlier than before, the clock was set back.
            observed: The level in the window; None keeps everything as it is.

        """
        before = self._rewind(end)
        if observed is None:
            return before
        warn_since = _keep_since(before.warn_since, end, is_bad=observed >= Level.WARN)
        crit_since = _keep_since(before.crit_since, end, is_bad=observed >= Level.CRIT)
        confirmed = Level.OK
        for level, since in ((Level.WARN, warn_since), (Level.CRIT, crit_since)):
            if since is not None and end - since >= rule.for_seconds:
                confirmed = level
        after = replace(before, confirmed=confirmed, warn_since=warn_since, crit_since=crit_since)
        return after._note_change(end, is_changed=confirmed != before.confirmed)

    def _note_change(self, end: int, *, is_changed: bool) -> Memory:
        changes = tuple(each for each in self.changes if each > end - FLAPPING_SECONDS)
        changes = (*changes, end) if is_changed else changes
        is_flapping = len(changes) >= FLAPPING_CHANGES
        if self.is_flapping:
            is_flapping = bool(changes) and end - changes[-1] < CALM_SECONDS
            changes = changes if is_flapping else ()
        level = max(self.level, self.confirmed) if is_flapping else self.confirmed
        since = end if level != self.level else self.since
        return replace(self, level=level, since=since, changes=changes, is_flapping=is_flapping)

    def _rewind(self, end: int) -> Memory:
        """Return the memory with no time later than ``end``."""
        return replace(
            self,
            since=min(self.since, end),
            warn_since=None if self.warn_since is None else min(self.warn_since, end),
            crit_since=None if self.crit_since is None else min(self.crit_since, end),
            changes=tuple(min(each, end) for each in self.changes),
        )

    def encode(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {**vars(self), "changes": list(self.changes), "level": int(self.level), "confirmed": int(self.confirmed)}


def decode_memory(stored: Mapping[str, Any]) -> Memory:
    """Return the memory that ``encode`` wrote."""
    return Memory(
        **{
            **stored,
            "level": Level(stored["level"]),
            "confirmed": Level(stored["confirmed"]),
            "changes": tuple(stored["changes"]),
        }
    )


def _keep_since(since: int | None, end: int, *, is_bad: bool) -> int | None:
    if not is_bad:
        return None
    return end if since is None else since
