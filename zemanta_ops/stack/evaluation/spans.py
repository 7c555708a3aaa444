"""Which time one value covers: whole spans on the grid of ``every``, stamped with their start.

Times are seconds since the epoch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

# Each run computes the newest spans again, so that points which came late are counted.
REWRITTEN = 3


@dataclass(frozen=True, order=True)
class Span:
    """The time from ``start`` up to ``end``, which is not included."""

    start: int
    end: int

    @property
    def seconds(self) -> int:
        """How long it is."""
        return self.end - self.start


def list_spans(now: float, every: int, length: int, delay: float, count: int = REWRITTEN) -> list[Span]:
    """Return the newest spans that are complete, oldest first.

    Args:
        now: The time.
        every: Seconds between the ends of two spans.
        length: Seconds of one span.
        delay: Seconds for which points may still arrive.
        count: How many.

    """
    newest = math.floor((now - delay) / every) * every
    ends = range(newest - (count - 1) * every, newest + 1, every)
    return [Span(end - length, end) for end in ends]


def list_spans_between(since: float, until: float, every: int, length: int) -> Iterator[Span]:
    """Yield the spans that start at ``since`` or later and end at ``until`` or before, oldest first.

    Args:
        since: The first moment that counts.
        until: The first moment that does not.
        every: Seconds between the ends of two spans.
        length: Seconds of one span.

    """
    first = math.ceil((since + length) / every) * every
    for end in range(first, math.floor(until) + 1, every):
        yield Span(end - length, end)
