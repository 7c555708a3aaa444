from __future__ import annotations

import time

from tests.stack.telegraf_aggregates import send
from zemanta_ops.stack.agent.report import Report
from zemanta_ops.stack.agent.server import Agent
from zemanta_ops.stack.agent.views import View
from zemanta_ops.stack.agent.watch_loop import Bounds, watch


class SlowView(View):
    """Takes longer to show an interval than the interval lasts; sends one value meanwhile."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.shown = 0

    def show_interval(self, now: Report) -> None:
        self.shown += 1
        send(self._port, "hits:1|c")
        time.sleep(0.03)


def test_what_arrives_is_received_although_the_view_takes_longer_than_an_interval() -> None:
    with Agent(port=0) as agent:
        view = SlowView(agent.port)
        was_stopped = watch(agent, view, 0.01, Bounds(values=3), stopped=lambda: view.shown >= 100)
    assert not was_stopped
    assert view.shown < 20
