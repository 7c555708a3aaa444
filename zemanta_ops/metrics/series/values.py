"""Turns whatever a caller gives as a value into a number or a text; nothing here raises."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from zemanta_ops.metrics.series.tags import clean_value

NAN = float("nan")


class Missing:
    """Stands for a value that was not given by position."""


MISSING = Missing()


def number(value: Any) -> int | float:
    """Return an int or float for any number or its text, NaN for anything else."""
    if type(value) is int:
        return value
    try:
        return float(value)
    except Exception:  # noqa: BLE001  (any object may be given as a value)
        return NAN


def milliseconds(duration: Any) -> float:
    """Return the milliseconds of a number of seconds or a timedelta, NaN for anything else."""
    try:
        seconds = duration.total_seconds() if isinstance(duration, timedelta) else number(duration)
        return seconds * 1000.0 + 0.0
    except Exception:  # noqa: BLE001  (a lazy object, or an integer that no float can hold)
        return NAN


def member(value: Any) -> str:
    """Return the text of a set's member; a sign in front, which the agent refuses, becomes ``_``."""
    text = clean_value(value) if value is not None else ""
    return "_" + text[1:] if text.startswith(("+", "-")) else text


def one(value: Any) -> Any:
    """Return the item of a 1-tuple, anything else as it is: a trailing comma in a settings file makes the tuple."""
    return value[0] if isinstance(value, tuple) and len(value) == 1 else value


def by_keyword(tags: dict[str, Any], default: Any, *names: str) -> Any:
    """Take the first of these names out of the tags, as the value of the call."""
    for name in names:
        if name in tags:
            return tags.pop(name)
    return default
