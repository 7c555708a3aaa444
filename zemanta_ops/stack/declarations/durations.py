"""Durations as text: ``30s``, ``5m``, ``2h``, ``30d``."""

from __future__ import annotations

import re
from typing import Any

DAY = 86_400
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": DAY, "w": 7 * DAY}
_FORM = re.compile(r"([0-9]+)([smhdw])")


def parse_duration(text: Any) -> int:
    """Return the seconds of a duration.

    Raises:
        ValueError: The text is not a whole number with one of the units s, m, h, d and w.

    """
    found = _FORM.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("is not a duration such as 30s, 5m, 2h or 30d")
    return int(found[1]) * _SECONDS[found[2]]


def format_duration(seconds: int) -> str:
    """Return the shortest text that ``parse_duration`` reads back; weeks are written as days."""
    for unit, size in (("d", DAY), ("h", 3_600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
