"""A client that emits in a thread of its own, one datagram a step, and keeps the counts after each step."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.options import Options

STEP_SECONDS = 0.005
VALUES_A_STEP = 20


class Step(NamedTuple):
    """The client's counts, in values, after a step; the time in seconds since the epoch."""

    time: float
    sent: int
    dropped: int


class Load:
    """What was emitted so far."""

    def __init__(self, port: int) -> None:
        self.client = Client(Options(port=port, threads=False, flush_seconds=3600, report_seconds=float("inf")))
        self.client.health()  # creates the buffer, whose first flush sends the self-metrics
        self.client.flush()
        self._own: int = self.client.health()["sent"]
        self.steps = [Step(time.time(), 0, 0)]
        self.made = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)

    @property
    def sent(self) -> int:
        """Return how many values were handed to the network."""
        return self.steps[-1].sent

    @property
    def dropped(self) -> dict[str, int]:
        """Return how many values the client gave up, by reason."""
        found: dict[str, int] = self.client.health()["dropped"]
        return found

    def stop(self) -> None:
        """End the load and close the client."""
        self._stopping.set()
        self._thread.join()
        self.client.close()

    def _run(self) -> None:
        while not self._stopping.wait(STEP_SECONDS):
            for _ in range(VALUES_A_STEP):
                self.client.incr("load.hits")
            self.made += VALUES_A_STEP
            self.client.flush()
            health = self.client.health()
            self.steps.append(Step(time.time(), health["sent"] - self._own, sum(health["dropped"].values())))


@contextmanager
def load(port: int) -> Iterator[Load]:
    """Run the load until it is stopped, at the latest at the end of the block."""
    running = Load(port)
    running._thread.start()
    try:
        yield running
    finally:
        running.stop()
