"""Collects the gauges when they are due, each in a thread of its own, and emits them until the next collection.

Telegraf forgets a gauge that was not sent in one of its intervals, so the last values are sent again twice in every
agent interval: once would sooner or later fall just before one interval and just after the next. Values older than
twice their ``every`` are sent no more: a gauge that nobody collects shall be seen as a gap, not as a flat line.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from django.db import connections

from zemanta_ops.metrics.catalog import GAUGE_DURATION
from zemanta_ops.metrics.client import default_client
from zemanta_ops.metrics.gauges.registry import Gauge, Reading
from zemanta_ops.metrics.series.series import GAUGE

logger = logging.getLogger("zemanta_ops.metrics")

# Gauges mostly wait for a database: a few at a time spare it, and one slow query does not hold up the rest.
AT_ONCE = 4


@dataclass
class Slot:
    """A gauge and what is known of it; times are of the monotonic clock."""

    gauge: Gauge
    due: float = 0.0
    started: float | None = None
    timed_out: bool = False
    collected: float | None = None
    readings: list[Reading] = field(default_factory=list)
    error: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What one collection came to."""

    slot: Slot
    seconds: float
    readings: list[Reading]
    error: Exception | None = None


class Collector:
    """The gauges of this process. All methods are called from one thread.

    Args:
        gauges: what to collect.
        agent_interval: seconds between two collections of the agent.
    """

    def __init__(self, gauges: Iterable[Gauge], agent_interval: float) -> None:
        self.slots = [Slot(gauge) for gauge in gauges]
        self._resend_seconds = agent_interval / 2
        self._resend_at = time.monotonic() + self._resend_seconds
        self._done: SimpleQueue[Outcome | None] = SimpleQueue()

    def collect_once(self) -> None:
        """Collect every gauge and emit it; return when each has answered or timed out."""
        for slot in self.slots:
            slot.due = 0.0
        while any(slot.due == 0.0 or self._is_running(slot) for slot in self.slots):
            self.step()

    def step(self) -> None:
        """Start what is due, wait for the next thing to happen, and emit what there is to emit."""
        now = time.monotonic()
        self._start(now)
        self.wait(self._next() - now)
        now = time.monotonic()
        self._expire(now)
        if now >= self._resend_at:
            self._resend_at = now + self._resend_seconds
            for slot in self.slots:
                self._emit(slot, now)

    def wait(self, seconds: float) -> None:
        """Wait for a collection to end, for ``wake()``, or so many seconds."""
        # Before Python 3.13 get(timeout=0) may block for ever: it takes a lock that put() left open, finds the queue
        # empty, and waits again with a time that is then negative. get_nowait() does not, and closes that lock.
        try:
            outcome = self._done.get_nowait()
        except Empty:
            if seconds <= 0:
                return
            try:
                outcome = self._done.get(timeout=seconds)
            except Empty:
                return
        if outcome is not None:
            self._take(outcome, time.monotonic())

    def wake(self) -> None:
        """Let a waiting method return; safe in a signal handler."""
        self._done.put(None)

    def forget(self) -> None:
        """Drop all values and make every gauge due, as when another node has taken over."""
        for slot in self.slots:
            slot.readings, slot.collected, slot.due = [], None, 0.0
            slot.timed_out = slot.started is not None

    def _is_running(self, slot: Slot) -> bool:
        return slot.started is not None and not slot.timed_out

    def _start(self, now: float) -> None:
        free = AT_ONCE - sum(map(self._is_running, self.slots))
        waiting = [slot for slot in self.slots if slot.started is None and slot.due <= now]
        for slot in sorted(waiting, key=lambda slot: slot.due)[: max(free, 0)]:
            slot.started, slot.timed_out, slot.due = now, False, now + slot.gauge.every
            threading.Thread(target=_collect, args=(slot, self._done.put), daemon=True).start()

    def _next(self) -> float:
        """Return the moment of the next time-out, start or re-send."""
        moments = [self._resend_at]
        free = sum(map(self._is_running, self.slots)) < AT_ONCE
        for slot in self.slots:
            if slot.started is None and free:
                moments.append(slot.due)
            elif slot.started is not None and not slot.timed_out:
                moments.append(slot.started + slot.gauge.timeout)
        return min(moments)

    def _take(self, outcome: Outcome, now: float) -> None:
        slot = outcome.slot
        late, slot.started, slot.timed_out = slot.timed_out, None, False
        if late:
            return
        slot.error = None if outcome.error is None else f"{type(outcome.error).__name__}: {outcome.error}"
        self._report(slot, outcome.seconds, "ok" if outcome.error is None else "error")
        if outcome.error is None:
            slot.readings, slot.collected = outcome.readings, now
            self._emit(slot, now)

    def _expire(self, now: float) -> None:
        for slot in self.slots:
            if self._is_running(slot) and slot.started is not None and now >= slot.started + slot.gauge.timeout:
                # The thread cannot be stopped. It keeps the slot until it ends, so that calls do not pile up.
                slot.timed_out = True
                slot.error = f"no answer within {slot.gauge.timeout:g} s"
                self._report(slot, now - slot.started, "timeout")

    def _report(self, slot: Slot, seconds: float, outcome: str) -> None:
        default_client.timing(GAUGE_DURATION.name, seconds, gauge=slot.gauge.name, outcome=outcome)
        if slot.error is not None:
            logger.warning("The gauge %s failed: %s", slot.gauge.name, slot.error)

    def _emit(self, slot: Slot, now: float) -> None:
        if slot.collected is None or now - slot.collected > 2 * slot.gauge.every:
            return
        for reading in slot.readings:
            default_client.emit(GAUGE, reading.name, reading.value, reading.tags)


def _collect(slot: Slot, done: Callable[[Outcome], None]) -> None:
    started = time.monotonic()
    readings: list[Reading] = []
    failure: Exception | None = None
    try:
        try:
            readings = slot.gauge.read()
        finally:
            connections.close_all()
    except Exception as error:  # noqa: BLE001  (a failing gauge must not stop the others)
        failure = error
    done(Outcome(slot, time.monotonic() - started, readings, failure))
