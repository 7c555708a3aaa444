"""When Kapacitor computes a window, and which window that is.

A window ends on a multiple of ``every`` since the epoch. It is read ``delay`` seconds after its end, when the agent has
sent its last points. Cron runs in the time zone of Kapacitor's machine. So a query runs at least as often as every 15
minutes, which all time zones have in common, and windows off the grid are left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

_COMMON = 900
_MINUTE, _HOUR = 60, 3_600
_WINDOWS = 12
_LONGEST_GAP = 15
_SHORTEST_GAP = 2


@dataclass(frozen=True)
class Schedule:
    """The windows of one declaration; all times in seconds.

    Attributes:
        every: From the end of one window to that of the next.
        window: The length of a window.
        delay: From the end of a window until it is read.

    """

    every: int
    window: int
    delay: int

    @property
    def step(self) -> int:
        """The time between two runs of the query; it divides ``every``, and 15 minutes."""
        step = math.gcd(self.every, _COMMON)
        return step if step % _MINUTE == 0 else math.gcd(self.every, _MINUTE)

    @property
    def gap(self) -> int:
        """The time from writing what a window is computed from until it is read again."""
        return min(_LONGEST_GAP, max(_SHORTEST_GAP, self.step // 2))

    @property
    def lookback(self) -> int:
        """How long a series without points is remembered: a multiple of the window, and at least an hour."""
        return self.window * max(_WINDOWS, math.ceil(_HOUR / self.window))

    def render_cron(self, phase: int) -> str:
        """Return the cron expression that runs ``phase`` seconds after each multiple of ``step``."""
        phase %= self.step
        if self.step < _MINUTE:
            return f"{_list(phase, self.step)} * * * * * *"
        return f"{phase % _MINUTE} {_list(phase // _MINUTE, self.step // _MINUTE)} * * * * *"


def _list(first: int, step: int) -> str:
    if step == 1:
        return "*"
    return ",".join(map(str, range(first, _MINUTE, step)))
