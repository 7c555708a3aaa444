"""The loop of ``watch_metrics``: receive, show one interval after the other, end within the bounds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from zemanta_ops.stack.agent.report import Report
from zemanta_ops.stack.agent.server import Agent
from zemanta_ops.stack.agent.views import View
from zemanta_ops.stack.agent.writer import Writer


@dataclass(frozen=True)
class Bounds:
    """When to end: after this many seconds, this many values, or one interval; without any, at a signal."""

    seconds: float | None = None
    values: int | None = None
    once: bool = False

    def are_reached(self, agent: Agent, intervals: int, elapsed: float) -> bool:
        """Return whether any bound is reached."""
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
) -> bool:
    """Show what the agent receives until a bound is reached, ``stopped`` returns True or a person ends it.

    Return whether it was ended before a bound was reached.

    Args:
        agent: The agent; it is polled here.
        view: Shows each interval and the total.
        interval: Seconds between two updates.
        bounds: When to end.
        stopped: Returns whether to end now.
        writer: Is given each interval's report, also the last and partial one, and is closed.

    """
    start = time.monotonic()
    intervals = 0
    next_turn = start + interval
    end = start + bounds.seconds if bounds.seconds is not None else None
    ended = False
    while not (ended := stopped() or view.attend()) and not bounds.are_reached(
        agent, intervals, time.monotonic() - start
    ):
        now = time.monotonic()
        if now < next_turn:
            agent.poll(min(next_turn, end or next_turn) - now)
            continue
        _end_interval(agent, view, writer)
        intervals += 1
        # A view that takes longer than an interval leaves half of one for what arrives, and for keys.
        next_turn = max(next_turn + interval, time.monotonic() + interval / 2)
    agent.poll(0)  # what had arrived by the end still counts
    _end_interval(agent, view, writer)
    if writer:
        writer.close()
    view.end(_complete(agent.total(), writer))
    return ended


def _end_interval(agent: Agent, view: View, writer: Writer | None) -> None:
    report = agent.next_interval()
    # The state is read before this interval is put, so that what waits is what the database has not accepted.
    view.show_interval(_complete(report, writer))
    if writer:
        writer.put(report)


def _complete(report: Report, writer: Writer | None) -> Report:
    return replace(report, written=writer.read_state()) if writer else report
