"""Durations as text: ``30s``, ``5m``, ``2h``, ``30d``."""

from __future__ import annotations

from typing import Any

from zemanta_ops.times import accept_duration

DAY = 86_400


def parse_duration(text: Any) -> int:
    """Return the seconds of a duration.

    Raises:
        ValueError: The text is not a whole number with one of the units s, m, h, d and w.

    """
    seconds = accept_duration(text or "none")
    assert seconds is not None  # noqa: S101  (an empty text is refused)
    return seconds


def format_duration(seconds: int) -> str:
    """Return the shortest text that ``parse_duration`` reads back; weeks are written as days."""
    for unit, size in (("d", DAY), ("h", 3_600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
