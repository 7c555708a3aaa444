"""The clock that durations are measured with.

Libraries that freeze or move the time in tests (freezegun, time-machine) replace the functions of ``time`` and every
module attribute that is one of them. A duration that begins on one clock and ends on the other would be years long.
``perf_counter`` of this module is another object, and keeps the real clock. Intervals and deadlines use it too, because
these libraries also move ``time.monotonic``.
"""

from __future__ import annotations

import time
from collections.abc import Callable

perf_counter: Callable[[], float] = getattr(time.perf_counter, "__call__")  # noqa: B004, B009  (mypy's blind spot)

# A longer wait is the work of a clock that was set, not of a queue.
MAX_WAIT_SECONDS = 366 * 24 * 3600.0


def measure_wait(start: float, end: float) -> float | None:
    """Return the seconds between two times of the clocks of two machines; None if a clock was set in between.

    The clocks may differ a little, and the agent rejects a negative time.
    """
    waited = max(end - start, 0.0)
    return waited if waited < MAX_WAIT_SECONDS else None
