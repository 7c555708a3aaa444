"""The clock that durations are measured with.

Libraries that freeze or move the time in tests (freezegun, time-machine) replace the functions of ``time`` and every
module attribute that is one of them. A duration that begins on one clock and ends on the other would be years long.
These callables are other objects, and keep the real clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable

perf_counter: Callable[[], float] = getattr(time.perf_counter, "__call__")  # noqa: B004, B009  (mypy's blind spot)
