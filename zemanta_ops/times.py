"""Convert durations and moments that settings, commands and the Lambda function get as text.

As in ``parsing``, every function raises ValueError with a sentence that lists what is accepted.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"([0-9]+)([smhdw])")
# A century: what is longer is a typing error, and overflows somewhere behind.
_LONGEST_DAYS = 36_500


def accept_duration(value: Any) -> int | None:
    """Accept text such as ``90d`` and return its seconds; None for an empty text."""
    if value in ("", None):
        return None
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("is not a duration such as 30s, 5m, 2h or 30d")
    seconds = float(found[1]) * _SECONDS[found[2]]  # float, because int refuses thousands of digits
    if seconds > _LONGEST_DAYS * _SECONDS["d"]:
        raise ValueError(f"is longer than {_LONGEST_DAYS}d")
    return int(seconds)


def accept_moment(text: str, now: datetime) -> datetime:
    """Return a time from ISO 8601, in UTC if it names no zone, or from a duration before ``now``, such as 6h."""
    try:
        if ago := _DURATION.fullmatch(text):
            return now - timedelta(seconds=int(ago[1]) * _SECONDS[ago[2]])
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except (ValueError, OverflowError):
        raise ValueError("is not a time, such as 2026-03-01T12:00, 14d or 6h") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
