"""Collects the gauges when they are due, each in its own thread, and emits their values until the next collection.

Telegraf drops a gauge that it did not get in one of its intervals, so the last values are sent twice in every interval
of the agent: sent once, they would sooner or later miss an interval. Values older than twice their ``every`` are not
sent: a gauge that is not collected must be visible as a gap, not as a flat line.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from django.db import connections

from zemanta_ops.metrics.catalog import GAUGE_DURATION
from zemanta_ops.metrics.client import default_client
from zemanta_ops.metrics.clock import perf_counter
from zemanta_ops.metrics.gauges.registry import AppGauge, GaugeValue
from zemanta_ops.metrics.series.series import GAUGE

logger = logging.getLogger("zemanta_ops.metrics")

# Gauges mostly wait for a database. A few at a time limit its load, and one slow query does not delay the rest.
MAX_PARALLEL = 4


@dataclass
class GaugeState:
    """A gauge and the state of its collection; times are of ``clock.perf_counter``."""

    gauge: AppGauge
    due: float = 0.0
    started: float | None = None
    timed_out: bool = False
    collected: float | None = None
    values: list[GaugeValue] = field(default_factory=list)
    error: str | None = None


@dataclass(frozen=True)
class CollectionResult:
    """The result of one collection."""

    state: GaugeState
    seconds: float
    values: list[GaugeValue]
    error: Exception | None = None


class Collector:
    """Collects the gauges of this process. All methods are called from one thread.

    Args:
        gauges: what to collect.
        agent_interval: seconds between two collections of the agent.
        may_emit: called right before values are sent; False if another process may be sending by now.
    """

    def __init__(
        self, gauges: Iterable[AppGauge], agent_interval: float, may_emit: Callable[[], bool] = lambda: True
    ) -> None:
        self.may_emit = may_emit
        self.states = [GaugeState(gauge) for gauge in gauges]
        self._resend_seconds = agent_interval / 2
        self._resend_at = perf_counter() + self._resend_seconds
        self._done: SimpleQueue[CollectionResult | None] = SimpleQueue()

    def collect_once(self) -> None:
        """Collect and emit every gauge; return when each has returned or timed out."""
        for state in self.states:
            state.due = 0.0
        while any(state.due == 0.0 or self._is_running(state) for state in self.states):
            self.step()

    def step(self) -> None:
        """Start the collections that are due, wait for the next event, and emit the values."""
        now = perf_counter()
        self._start(now)
        self.wait(self._find_next() - now)
        now = perf_counter()
        self._expire(now)
        if now >= self._resend_at:
            self._resend_at = now + self._resend_seconds
            for state in self.states:
                self._emit(state, now)
            default_client.flush()

    def wait(self, seconds: float) -> None:
        """Wait until a collection ends or ``wake()`` is called, at most ``seconds``."""
        # Not get(timeout=0), which may block forever before Python 3.13: it takes a lock that put() left open, finds
        # the queue empty, and waits again for a time that is now negative. get_nowait() closes that lock.
        try:
            result = self._done.get_nowait()
        except Empty:
            if seconds <= 0:
                return
            try:
                result = self._done.get(timeout=seconds)
            except Empty:
                return
        if result is not None:
            self._finish(result, perf_counter())

    def wake(self) -> None:
        """Make a waiting method return; safe in a signal handler."""
        self._done.put(None)

    def forget(self) -> None:
        """Drop all values and make every gauge due: another process may have collected since."""
        for state in self.states:
            state.values, state.collected, state.due = [], None, 0.0
            state.timed_out = state.started is not None

    def _is_running(self, state: GaugeState) -> bool:
        return state.started is not None and not state.timed_out

    def _start(self, now: float) -> None:
        free = MAX_PARALLEL - sum(map(self._is_running, self.states))
        waiting = [state for state in self.states if state.started is None and state.due <= now]
        for state in sorted(waiting, key=lambda state: state.due)[: max(free, 0)]:
            state.started, state.timed_out, state.due = now, False, now + state.gauge.every
            threading.Thread(target=_collect, args=(state, self._done.put), daemon=True).start()

    def _find_next(self) -> float:
        """Return the time of the next timeout, start or repeated send."""
        moments = [self._resend_at]
        free = sum(map(self._is_running, self.states)) < MAX_PARALLEL
        for state in self.states:
            if state.started is None and free:
                moments.append(state.due)
            elif state.started is not None and not state.timed_out:
                moments.append(state.started + state.gauge.timeout)
        return min(moments)

    def _finish(self, result: CollectionResult, now: float) -> None:
        state = result.state
        late, state.started, state.timed_out = state.timed_out, None, False
        if late:
            return
        state.error = None if result.error is None else f"{type(result.error).__name__}: {result.error}"
        self._report(state, result.seconds, "ok" if result.error is None else "error")
        if result.error is None:
            state.values, state.collected = result.values, now
            self._emit(state, now)
            # Nothing stays in the queue for longer than the lease may last.
            default_client.flush()

    def _expire(self, now: float) -> None:
        for state in self.states:
            if self._is_running(state) and state.started is not None and now >= state.started + state.gauge.timeout:
                # The thread cannot be stopped. The gauge is not started again until it ends.
                state.timed_out = True
                state.error = f"no result within {state.gauge.timeout:g} s"
                self._report(state, now - state.started, "timeout")

    def _report(self, state: GaugeState, seconds: float, outcome: str) -> None:
        default_client.timing(GAUGE_DURATION.name, seconds, gauge=state.gauge.name, outcome=outcome)
        if state.error is not None:
            logger.warning("The gauge %s failed: %s", state.gauge.name, state.error)

    def _emit(self, state: GaugeState, now: float) -> None:
        if state.collected is None or now - state.collected > 2 * state.gauge.every:
            return
        # A process that was frozen goes on here, when another one has long taken over.
        if not self.may_emit():
            return
        for value in state.values:
            default_client.emit(GAUGE, value.name, value.value, value.tags)


def _collect(state: GaugeState, done: Callable[[CollectionResult], None]) -> None:
    started = perf_counter()
    values: list[GaugeValue] = []
    failure: Exception | None = None
    try:
        try:
            values = state.gauge.read()
        finally:
            connections.close_all()
    except Exception as error:  # noqa: BLE001  (a failing gauge must not stop the others)
        failure = error
    done(CollectionResult(state, perf_counter() - started, values, failure))
