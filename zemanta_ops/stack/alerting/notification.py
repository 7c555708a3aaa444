"""What receivers are sent: a notification about an alert, or a deploy."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Action = Literal["trigger", "resolve"]

MAX_DEDUP_KEY = 255
MAX_SUMMARY = 1_024
_HASH_LENGTH = 16


@dataclass(frozen=True)
class Notification:
    """One event of an alert.

    Attributes:
        action: ``trigger`` opens an incident or changes its level, ``resolve`` closes it.
        dedup_key: Identifies the incident to the receiver, the same for all its events; at most 255 characters.
        sequence: Counts the events of this alert for this receiver. With ``dedup_key`` it identifies the event.
        name: The alert's name.
        tags: The tags of the series.
        level: ``ok``, ``warn`` or ``crit``.
        previous: The level that the receiver knows.
        value: The value, or None if there is no data.
        summary: One line for people, at most 1,024 characters.
        time: When the level began, in ISO 8601 with the zone.
        details: Texts of the declaration: ``meaning``, ``trouble``, ``impact``, ``advice``, those that it has.
        runbook: The address of the runbook, or empty.

    """

    action: Action
    dedup_key: str
    sequence: int
    name: str
    tags: Mapping[str, str]
    level: str
    previous: str
    value: float | None
    summary: str
    time: str
    details: Mapping[str, str] = field(default_factory=dict)
    runbook: str = ""

    def encode(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {**vars(self), "tags": dict(self.tags), "details": dict(self.details)}


@dataclass(frozen=True)
class Deploy:
    """A deploy: ``summary`` is a line for people, ``time`` ISO 8601 with the zone, ``tags`` those of METRICS TAGS."""

    version: str
    summary: str
    time: str
    tags: Mapping[str, str] = field(default_factory=dict)


def build_dedup_key(name: str, tags: Mapping[str, str]) -> str:
    """Return the identity of one series of an alert; a long one is cut, and a hash keeps it apart."""
    pairs = ",".join(f"{tag}={value}" for tag, value in sorted(tags.items()))
    full = f"{name}{{{pairs}}}" if pairs else name
    if len(full) <= MAX_DEDUP_KEY:
        return full
    digest = hashlib.sha256(full.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_LENGTH]
    return f"{full[: MAX_DEDUP_KEY - _HASH_LENGTH - 1]}-{digest}"


def clean(text: str) -> str:
    """Return a text that any database can store: PostgreSQL refuses NUL, and JSON lone surrogates."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def cut(text: str, length: int = MAX_SUMMARY) -> str:
    """Return the text on one line and of at most ``length`` characters."""
    line = " ".join(clean(text).split())
    return line if len(line) <= length else f"{line[: length - 1]}…"
