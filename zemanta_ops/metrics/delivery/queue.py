"""The queue of samples that wait for a flush."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zemanta_ops.metrics.delivery.forks import Mark
from zemanta_ops.metrics.series.series import Series

QueueEntry = tuple[Series, Any]
Put = Callable[[Series, Any], None]


class Queue:
    """Waiting samples, which a caller may append without asking the buffer while the mark is set and there is room.

    ``mark[0]`` is 1 while a flusher runs in this process. ``room[0]`` is the number of entries from which on callers go
    through the buffer. Both are one-item sequences, so that a closure reads them without an attribute look-up.
    """

    def __init__(self, mark: Mark) -> None:
        self.entries: list[QueueEntry] = []
        self.mark = mark
        self.room = [1]
