"""The loop behind ``watch_metrics``: receive, show an interval at a time, end within the bounds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from zemanta_ops.signals import on_end_signals
from zemanta_ops.stack.agent.display import View
from zemanta_ops.stack.agent.report import Report
from zemanta_ops.stack.agent.server import Agent
from zemanta_ops.stack.agent.writer import Writer


@dataclass(frozen=True)
class Bounds:
    """When to end: after so many seconds, so many values, one interval; or, with neither, at a signal."""

    seconds: float | None = None
    values: int | None = None
    once: bool = False

    def reached(self, agent: Agent, intervals: int, elapsed: float) -> bool:
        """Tell whether any bound is reached."""
        return (
            (self.once and intervals > 0)
            or (self.seconds is not None and elapsed >= self.seconds)
            or (self.values is not None and agent.values >= self.values)
        )


def watch(
    agent: Agent,
    view: View,
    interval: float,
    bounds: Bounds,
    stopped: Callable[[], bool],
    writer: Writer | None = None,
) -> Report:
    """Show what the agent receives until a bound is reached or ``stopped`` says so; return the total.

    ``writer`` is given each interval's report, the last and partial one too, and is closed.
    """
    start = time.monotonic()
    intervals = 0
    next_turn = start + interval
    end = start + bounds.seconds if bounds.seconds is not None else None
    while not stopped() and not bounds.reached(agent, intervals, time.monotonic() - start):
        now = time.monotonic()
        if now < next_turn:
            agent.poll(min(next_turn, end or next_turn) - now)
            continue
        _turn(agent, view, writer)
        intervals += 1
        next_turn = max(next_turn + interval, time.monotonic())
    agent.poll(0)  # what had arrived when the end came still counts
    _turn(agent, view, writer)
    if writer:
        writer.close()
    total = _complete(agent.total(), writer)
    view.end(total)
    return total


def _turn(agent: Agent, view: View, writer: Writer | None) -> None:
    report, total = agent.interval(), agent.total()
    # Before this interval is put, so that what waits is what the database has not taken.
    view.interval(_complete(report, writer), _complete(total, writer))
    if writer:
        writer.put(report)


def _complete(report: Report, writer: Writer | None) -> Report:
    return replace(report, written=writer.state()) if writer else report


@contextmanager
def stop_on_signals(wake: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether SIGINT or SIGTERM came; outside the main thread none is caught."""
    stopped = False

    def note() -> None:
        # A plain flag: a lock, as an Event has, could be held by the very code that the signal interrupts.
        nonlocal stopped
        stopped = True
        wake()

    with on_end_signals(note):
        yield lambda: stopped
