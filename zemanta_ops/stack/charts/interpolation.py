"""Fill in the variables of a panel's query, as Grafana does it before it sends the query."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone

from zemanta_ops.stack.declarations.durations import parse_duration

# A custom value of "All" is put in as it is; the values that a person chooses are escaped.
ALL = ".*"
_MILLISECONDS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
# Below the first number of milliseconds, an interval becomes the second.
_ROUNDED = (
    (10, 1), (15, 10), (35, 20), (75, 50), (150, 100), (350, 200), (750, 500), (1_500, 1_000), (3_500, 2_000),
    (7_500, 5_000), (12_500, 10_000), (17_500, 15_000), (25_000, 20_000), (45_000, 30_000), (90_000, 60_000),
    (210_000, 120_000), (450_000, 300_000), (750_000, 600_000), (1_050_000, 900_000), (1_500_000, 1_200_000),
    (2_700_000, 1_800_000), (5_400_000, 3_600_000), (9_000_000, 7_200_000), (16_200_000, 10_800_000),
    (32_400_000, 21_600_000), (86_400_000, 43_200_000), (604_800_000, 86_400_000), (1_814_400_000, 604_800_000),
)  # fmt: skip
_MONTH = 2_592_000_000
_VARIABLE = re.compile(r"\$\{(\w+)(?::(\w+))?\}|\$(\w+)")
_SPECIAL = re.compile(r"[\\^$*+?.()|\[\]{}/]")


@dataclass(frozen=True)
class Window:
    """The time that a panel shows, in milliseconds since 1970, and how wide it is drawn.

    Attributes:
        start: The first moment.
        end: The last one.
        points: How many points fit: the panel's width in pixels.

    """

    start: int
    end: int
    points: int = 1_000

    def shift(self, duration: str) -> Window:
        """Return the same hours earlier."""
        milliseconds = parse_duration(duration) * 1_000
        return Window(self.start - milliseconds, self.end - milliseconds, self.points)

    def reach(self, duration: str) -> Window:
        """Return this long a time up to the same end."""
        return Window(self.end - parse_duration(duration) * 1_000, self.end, self.points)

    def find_interval(self, minimum: str) -> int:
        """Return the milliseconds between two points, not below ``minimum``."""
        wanted = (self.end - self.start) / self.points
        rounded = next((value for limit, value in _ROUNDED if wanted < limit), _MONTH)
        return max(rounded, parse_duration(minimum) * 1_000)


@dataclass(frozen=True)
class Choice:
    """What a reader has chosen: the values of each variable, ``ALL`` for all, and the bucket of the data source."""

    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    bucket: str = ""

    def find(self, name: str) -> Sequence[str]:
        """Return the chosen values of a variable."""
        return self.values.get(name, (ALL,))


def interpolate(query: str, window: Window, choice: Choice, minimum: str) -> str:
    """Return the query as it is sent.

    Args:
        query: InfluxQL, Flux or PromQL.
        window: The time that is shown.
        choice: What is chosen of the variables.
        minimum: The panel's shortest interval.

    Raises:
        ValueError: A variable has a format that no query of this package uses.

    """
    interval = window.find_interval(minimum)
    known = {
        "timeFilter": f"time >= {window.start}ms and time <= {window.end}ms",
        "__interval_ms": str(interval),
        "__interval": _write_duration(interval),
        "__range_ms": str(window.end - window.start),
        "__range": f"{(window.end - window.start) // 1_000}s",
    }

    def replace(found: re.Match[str]) -> str:
        name, how = found[1] or found[3], found[2] or ""
        return known[name] if name in known else _format(choice.find(name), how)

    for name, value in _flux_variables(window, choice, interval).items():
        query = query.replace(f"v.{name}", value)
    return _VARIABLE.sub(replace, query)


def _flux_variables(window: Window, choice: Choice, interval: int) -> dict[str, str]:
    return {
        "timeRangeStart": _write_time(window.start),
        "timeRangeStop": _write_time(window.end),
        "windowPeriod": f"{interval}ms",
        "defaultBucket": f'"{choice.bucket}"',
    }


def _format(values: Sequence[str], how: str) -> str:
    if list(values) == [ALL]:
        return ALL
    if how == "regex":
        escaped = [_SPECIAL.sub(lambda found: "\\" + found[0], value) for value in values]
        return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"
    if how in ("", "raw"):
        return ",".join(values)
    raise ValueError(f"a variable has the unknown format {how}")


def _write_duration(milliseconds: int) -> str:
    unit, size = next((unit, size) for unit, size in _MILLISECONDS.items() if milliseconds % size == 0)
    return f"{milliseconds // size}{unit}"


def _write_time(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1_000, timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{milliseconds % 1_000:03}Z"
