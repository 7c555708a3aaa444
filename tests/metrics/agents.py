"""Small agents on loopback for the tests: they receive datagrams and read them with the project's own parser."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.options import Options
from zemanta_ops.stack.statsd import Sample, parse


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Poll until the condition holds; False at the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class Agent:
    """A UDP socket that keeps what arrives in the kernel until it is asked."""

    def __init__(self, family: socket.AddressFamily = socket.AF_INET, host: str = "127.0.0.1") -> None:
        self.host = host
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * 1024 * 1024)
        self._socket.bind((host, 0))
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]
        self.datagrams: list[bytes] = []

    def receive(self) -> list[bytes]:
        """Return all datagrams that have arrived so far."""
        while True:
            try:
                self.datagrams.append(self._socket.recv(65535))
            except BlockingIOError:
                return self.datagrams

    def samples(self, dogstatsd: bool = False) -> list[Sample]:
        """Return all samples so far; a rejected line is a failure."""
        samples: list[Sample] = []
        for datagram in self.receive():
            parsed = parse(datagram, dogstatsd=dogstatsd)
            assert not parsed.rejected
            samples += [sample for sample in parsed.samples if "zemanta_ops" not in sample.name]
        return samples

    def close(self) -> None:
        """Free the port."""
        self._socket.close()


@contextmanager
def agent(family: socket.AddressFamily = socket.AF_INET, host: str = "127.0.0.1") -> Iterator[Agent]:
    """Run an agent for a block."""
    running = Agent(family, host)
    try:
        yield running
    finally:
        running.close()


def client_of(running: Agent, **options: Any) -> Client:
    """Return a client of an agent; it does not report on itself."""
    return Client(Options(**{"port": running.port, "flush_seconds": 0.05, "report_seconds": 3600, **options}))


def counted(running: Agent, name: str) -> float:
    """Return the sum of a metric's values so far."""
    return sum(float(sample.value) for sample in running.samples() if sample.name == name)
