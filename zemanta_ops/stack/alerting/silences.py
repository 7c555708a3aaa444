"""Silences: until when an alert, or some of its series, opens no incidents, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from zemanta_ops.stack.alerting.store import get_table


@dataclass(frozen=True)
class Silence:
    """One silence.

    Attributes:
        number: Identifies it to people.
        pattern: The name of an alert; ``*`` matches any text.
        tags: A series must have these; ``*`` in a value matches any text.
        until: Its end, in seconds of the epoch.
        reason: Why.
        author: Whose it is.

    """

    number: int
    pattern: str
    tags: Mapping[str, str]
    until: int
    reason: str
    author: str

    def applies_to(self, name: str, tags: Mapping[str, str]) -> bool:
        """Return whether it is about this series of this alert."""
        return _matches(name, self.pattern) and all(
            _matches(tags.get(tag, ""), wanted) for tag, wanted in self.tags.items()
        )


def add_silence(pattern: str, tags: Mapping[str, str], until: float, reason: str, author: str, now: float) -> Silence:
    """Store a silence."""
    row = get_table("AlertSilence").create(
        pattern=pattern, tags=dict(tags), until=int(until), reason=reason, author=author, created_at=int(now)
    )
    return _decode(row)


def remove_silence(number: int) -> bool:
    """Delete a silence; return whether there was one."""
    deleted: int = get_table("AlertSilence").filter(pk=number).delete()[0]
    return bool(deleted)


def list_silences(now: float) -> list[Silence]:
    """Return the silences that have not ended, the next to end first."""
    return [_decode(row) for row in get_table("AlertSilence").filter(until__gt=int(now)).order_by("until", "id")]


def find_silence(silences: Sequence[Silence], name: str, tags: Mapping[str, str]) -> Silence | None:
    """Return a silence that applies to a series, the one that ends last."""
    found = [each for each in silences if each.applies_to(name, tags)]
    return max(found, key=lambda each: each.until, default=None)


def _matches(text: str, pattern: str) -> bool:
    # Only the star is special: names and values may have brackets.
    return fnmatchcase(text, pattern.replace("[", "[[]").replace("?", "[?]"))


def _decode(row: object) -> Silence:
    fields = vars(row)
    return Silence(fields["id"], fields["pattern"], fields["tags"], fields["until"], fields["reason"], fields["author"])
