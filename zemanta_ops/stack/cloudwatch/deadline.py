"""The time that a run has left, and calls that must not take longer."""

from __future__ import annotations

import concurrent.futures
import math
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

# Seconds that are kept for the last writes and the report.
RESERVE = 10.0
# Seconds of these that are kept for the report.
REPORT = 2.0
# Seconds that a request is expected to take until one has been measured.
FIRST_REQUEST = 5.0

T = TypeVar("T")


class TimeEndedError(Exception):
    """A call was not answered in the time that was left."""


class Deadline:
    """How much time is left, and whether it is enough for one more request."""

    def __init__(self, left: Callable[[], float] | None) -> None:
        self._left = left
        self._longest = FIRST_REQUEST

    def left(self) -> float | None:
        """Return the seconds that are left for requests; None if there is no limit."""
        return None if self._left is None else max(self._left() - RESERVE, 0.0)

    def left_for_writing(self) -> float:
        """Return the seconds that a write may take; the time for the report is kept."""
        return math.inf if self._left is None else max(self._left() - REPORT, 0.0)

    def allows_request(self) -> bool:
        """Return whether a request that takes as long as the longest so far would be done in time."""
        left = self.left()
        return left is None or left > self._longest

    def note(self, left_before: float | None) -> None:
        """Note how long a request took, from the time that was left before it."""
        left = self.left()
        if left is not None and left_before is not None:
            self._longest = max(self._longest, left_before - left)

    def call(self, function: Callable[[], T]) -> T:
        """Return what a function returns that may hang: its own time-outs and retries are longer than a run may take.

        Raises:
            TimeEndedError: It did not return in time. It goes on in its thread, which nothing waits for.

        """
        if self._left is None:
            return function()
        left = self._left()
        # If the limit is hardly longer than the reserve, half of it is for finding out what there is.
        seconds = max(left - RESERVE, left / 2)
        if seconds <= 0:
            raise TimeEndedError
        future = start(function)
        try:
            return future.result(seconds)
        except concurrent.futures.TimeoutError:
            if future.done():
                raise
            raise TimeEndedError from None


def start(function: Callable[[], T]) -> Future[T]:
    """Call a function in a thread that does not hold up the end of the process."""
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(function())
        except BaseException as error:  # noqa: BLE001  whoever waits for the result gets it
            future.set_exception(error)

    threading.Thread(target=work, name="cloudwatch", daemon=True).start()
    return future
