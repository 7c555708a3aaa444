"""The development agent: receives and aggregates statsd datagrams, so that metrics are visible without Telegraf.

In a script or a test::

    with Agent(port=0) as agent:               # 0: a free port; agent.port has its number
        agent.start()                          # receives in a background thread
        ...                                    # send metrics to 127.0.0.1:agent.port
        report = agent.wait_for(lambda report: report.count("signup") == 3, timeout=5)
        report.count_by_tag("http.request.count", "view")    # {"home": 12, "detail": 7}
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from zemanta_ops.stack.agent.aggregator import Aggregator
from zemanta_ops.stack.agent.forwarder import Forwarder
from zemanta_ops.stack.agent.receiver import Receiver
from zemanta_ops.stack.agent.report import Report
from zemanta_ops.stack.agent_contract import PERCENTILES
from zemanta_ops.stack.sockets import count_kernel_drops, get_address, listen
from zemanta_ops.stack.statsd import parse

__all__ = ["Agent"]

_POLL_SECONDS = 0.5


class Agent:
    """Listens on a statsd port over UDP or TCP, IPv4 and IPv6, and aggregates as Telegraf does.

    Use it as a context manager, or call ``close``. Either call ``poll`` in a loop or ``start`` a thread that does;
    any thread may read reports. ``addresses`` are the ``(host, port)`` pairs that it listens on. ``aggregator`` is
    for the thread that polls.

    Args:
        host: The address or host name to listen on; of a name, every address.
        port: 0 chooses a free one.
        protocol: ``udp`` or ``tcp``.
        percentiles: The percentiles of timings and histograms to report, in percent.
        dogstatsd: Whether to read the tags of the DogStatsD dialect, ``|#key:value``, too.
        forward: Forwards each datagram, unchanged.

    Raises:
        ListenError: The port cannot be used.

    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 8125,
        *,
        protocol: str = "udp",
        percentiles: Sequence[float] = PERCENTILES,
        dogstatsd: bool = False,
        forward: Forwarder | None = None,
    ) -> None:
        self._dogstatsd = dogstatsd
        self.aggregator = Aggregator(percentiles)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._drops_reported = 0
        self.forward = forward
        self._receiver = Receiver(listen(host, port, protocol), self._receive)
        self.addresses = [get_address(each) for each in self._receiver.listeners]

    def __enter__(self) -> Agent:  # noqa: PYI034  Self is not in typing before Python 3.11
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def port(self) -> int:
        """The port, the same one on every address."""
        return self.addresses[0][1]

    @property
    def values(self) -> int:
        """How many values were received so far."""
        return self.aggregator.values

    def poll(self, timeout: float) -> None:
        """Wait at most ``timeout`` seconds for datagrams, and receive those that have arrived."""
        self._receiver.poll(timeout)

    def wake(self) -> None:
        """Make ``poll`` return at once; may be called by a signal handler."""
        self._receiver.wake()

    def add_reader(self, fd: int, on_ready: Callable[[], None]) -> None:
        """Call ``on_ready`` while polling, whenever there is something to read from a file descriptor."""
        self._receiver.add_reader(fd, on_ready)

    def remove_reader(self, fd: int) -> None:
        """Read no more from a file descriptor."""
        self._receiver.remove_reader(fd)

    def start(self) -> None:
        """Receive in a background thread until ``close``."""
        self._thread = threading.Thread(target=self._run, name="zemanta-ops-agent", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the thread, if there is one, and release the port."""
        self._stopping = True
        self.wake()
        if self._thread:
            self._thread.join()
        self._receiver.close()

    def next_interval(self) -> Report:
        """Return what was received since the last call, and start the next interval."""
        with self._lock:
            report = self.aggregator.next_interval()
            dropped = count_kernel_drops(self._receiver.listeners)
            new = None if dropped is None else dropped - self._drops_reported
            self._drops_reported += new or 0
        return self._complete(report, new)

    def total(self) -> Report:
        """Return what was received since the agent was created."""
        with self._lock:
            report = self.aggregator.total()
        return self._complete(report, count_kernel_drops(self._receiver.listeners))

    def summarize(self) -> Report:
        """Return what was received in the intervals so far, without the series."""
        with self._lock:
            report = self.aggregator.summarize()
        return self._complete(report, count_kernel_drops(self._receiver.listeners))

    def wait_for(self, condition: Callable[[Report], bool], timeout: float) -> Report:
        """Return the total as soon as ``condition(total)`` is true, or after ``timeout`` seconds whatever it is.

        The agent must have been started with ``start``.
        """
        deadline = time.monotonic() + timeout
        while True:
            report = self.total()
            if condition(report) or time.monotonic() > deadline:
                return report
            time.sleep(0.02)

    def _run(self) -> None:
        while not self._stopping:
            self.poll(_POLL_SECONDS)

    def _receive(self, datagram: bytes) -> None:
        parsed = parse(datagram, dogstatsd=self._dogstatsd, distributions=False)
        with self._lock:
            self.aggregator.add(len(datagram), parsed)
        if self.forward:
            self.forward.send(datagram)

    def _complete(self, report: Report, dropped: int | None) -> Report:
        received = replace(report.received, kernel_dropped=dropped)
        return replace(report, received=received, forwarded=self.forward.read_state() if self.forward else None)
