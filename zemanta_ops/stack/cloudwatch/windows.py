"""Which periods a run asks for: whole periods that have ended, at a resolution that CloudWatch still keeps.

Times are seconds since the epoch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

HOUR = 3_600
DAY = 24 * HOUR

# A period that has just ended still grows, so it is left to the next run.
SETTLE = 120
# How far back a run repairs what earlier runs missed.
HEALING = DAY
# The finest period that CloudWatch keeps up to this age; older data are gone.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention
KEPT = ((3 * HOUR, 1), (15 * DAY, 60), (63 * DAY, 300), (455 * DAY, HOUR))
# Data that reach their age limit while a run is on its way would be missing from the answer without an error.
_MARGIN = HOUR // 2


@dataclass(frozen=True, order=True)
class Window:
    """The periods from ``start`` up to ``end``, which is not included; both are multiples of ``period``."""

    start: int
    end: int
    period: int

    @property
    def points(self) -> int:
        """Return how many periods it has."""
        return (self.end - self.start) // self.period


def choose_window(now: int, period: int, look_back: int, covered_until: int | None = None) -> Window:
    """Return the window of a scheduled run.

    It begins ``look_back`` before the end of what the last complete run covered, so that late points are corrected
    and a missed run leaves no hole, but not more than ``HEALING`` ago.

    Args:
        now: The current time.
        period: Seconds of a period.
        look_back: Seconds that a point may be late.
        covered_until: The end of the last complete run; None if it is not known.

    """
    end = round_down(now - SETTLE, period)
    start = end - round_up(look_back, period)
    if covered_until is not None and covered_until < end:
        reach = min(HEALING, next(limit for limit, finest in reversed(KEPT) if finest <= period) - _MARGIN)
        healed = round_up(max(covered_until - look_back, now - reach), period)
        start = min(start, healed)
    return Window(start, end, period)


def split_range(start: int, end: int, period: int, now: int, most_points: int) -> Iterator[Window]:
    """Yield the windows of a range, oldest first, each with the finest period that CloudWatch keeps at its age.

    The windows are cut at multiples of their length, so a range that ends later has the same ones.

    Args:
        start: The first moment that counts.
        end: The first moment that does not; periods that have not settled are left out.
        period: The period that is wanted; older windows have a multiple of what is kept.
        now: The current time.
        most_points: The most periods of one window.

    """
    end = min(end, now - SETTLE)
    position = max(start, now - KEPT[-1][0] + _MARGIN)
    while position < end:
        kept = find_kept_period(period, now - position)
        window_start = round_down(position, kept)
        length = most_points * kept
        cut = round_down(window_start, length) + length
        window_end = min(cut, round_up(_find_finer(period, now - position, now), kept), round_down(end, kept))
        if window_end <= window_start:
            return
        yield Window(window_start, window_end, kept)
        position = window_end


def find_kept_period(period: int, age: int) -> int:
    """Return the finest multiple of ``period`` that CloudWatch keeps at this age."""
    finest = next((finest for limit, finest in KEPT if age <= limit - _MARGIN), KEPT[-1][1])
    return math.lcm(period, finest)


def _find_finer(period: int, age: int, now: int) -> int:
    """Return the moment from which on a finer period is kept than at this age; ``now`` if there is none."""
    kept = find_kept_period(period, age)
    limits = [limit - _MARGIN for limit, _ in KEPT if limit - _MARGIN < age]
    return next((now - limit for limit in reversed(limits) if find_kept_period(period, limit) < kept), now)


def round_down(number: int, step: int) -> int:
    """Return the largest multiple of ``step`` that is not larger."""
    return number - number % step


def round_up(number: int, step: int) -> int:
    """Return the smallest multiple of ``step`` that is not smaller."""
    return -(-number // step) * step
