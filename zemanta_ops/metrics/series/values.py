"""Converts whatever a caller gives as a value into a number or a text; nothing here raises."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from zemanta_ops.metrics.series.tags import clean_value

NAN = float("nan")


class Missing:
    """The type of MISSING, the default of a value that may also be given by keyword."""


MISSING = Missing()


def to_number(value: Any) -> int | float:
    """Return an int or float for a number or its text, NaN for anything else."""
    if type(value) is int:
        return value
    try:
        return float(value)
    except Exception:  # noqa: BLE001  (any object may be given as a value)
        return NAN


def to_milliseconds(duration: Any) -> float:
    """Return the milliseconds of a number of seconds or a timedelta, NaN for anything else."""
    try:
        seconds = duration.total_seconds() if isinstance(duration, timedelta) else to_number(duration)
        return seconds * 1000.0 + 0.0
    except Exception:  # noqa: BLE001  (a lazy object, or an integer that no float can hold)
        return NAN


def to_member(value: Any) -> str:
    """Return the text of a set's member; a leading sign, which the agent rejects, becomes ``_``."""
    text = clean_value(value) if value is not None else ""
    return "_" + text[1:] if text.startswith(("+", "-")) else text


def unwrap_tuple(value: Any) -> Any:
    """Return the item of a 1-tuple, which a trailing comma in a settings file makes; return anything else unchanged."""
    return value[0] if isinstance(value, tuple) and len(value) == 1 else value


def take_keyword(tags: dict[str, Any], default: Any, *names: str) -> Any:
    """Remove the first of these names from the tags and return its value, or the default."""
    for name in names:
        if name in tags:
            return tags.pop(name)
    return default
