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


class PendingSamples:
    """Samples that wait until the settings are there; bounded, and what finds no room is counted."""

    MAX_SAMPLES = 10_000

    def __init__(self) -> None:
        self._entries: list[QueueEntry] = []
        self._lost = 0

    def __bool__(self) -> bool:
        return bool(self._entries)

    def append(self, series: Series, value: Any) -> None:
        """Keep a sample whose series is not rendered yet."""
        if len(self._entries) < self.MAX_SAMPLES:
            self._entries.append((series, value))
        else:
            self._lost += 1

    def take_all(self) -> tuple[list[QueueEntry], int]:
        """Return and forget the samples, and how many found no room."""
        entries, self._entries = self._entries, []
        lost, self._lost = self._lost, 0
        return entries, lost
