"""Application servers under test: started on a free port, their answered requests counted."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from tests.metrics.lifecycle.collector import Collector
from tests.servers.process import STOP_SECONDS, Server, free_port, wait_until

MODULE = "tests.metrics.lifecycle.site"
GUNICORN = [sys.executable, "-m", "gunicorn", f"{MODULE}:application", "--graceful-timeout", "10"]
GUNICORN += ["--workers", "2", "--bind", "127.0.0.1:PORT"]
UVICORN = [sys.executable, "-m", "uvicorn", f"{MODULE}:asgi", "--lifespan", "off", "--workers", "2", "--port", "PORT"]

# No flush comes by itself within a test: what arrives was sent because a process ended.
NEVER = 3600.0

# gunicorn's gthread workers hang if SIGQUIT interrupts them as they hand a connection, or the end of one, to a
# thread: their handler waits for the lock that ``ThreadPoolExecutor.submit`` holds. They are killed for it later.
SETTLE_SECONDS = 1.0


class Answer(NamedTuple):
    """When a request was answered, and by which process (0 if the view does not report it)."""

    at: float
    worker: int


def get(port: int, path: str = "/") -> Answer | None:
    """Send one request; return None if no answer came."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        if response.read() != b"hello":
            return None
        return Answer(time.monotonic(), int(response.headers.get("X-Worker", 0)))
    except OSError:
        return None
    finally:
        connection.close()


def environment(port: int, flush_seconds: float, **more: str) -> dict[str, str]:
    """Return the environment of a process that sends to an agent."""
    return {
        "ZEMANTA_OPS_METRICS_PORT": str(port),
        "ZEMANTA_OPS_METRICS_FLUSH_SECONDS": str(flush_seconds),
        "PYTHONPATH": str(Path.cwd()),
        **more,
    }


class Site:
    """A server under test; ``answers`` has every request that it has answered."""

    def __init__(
        self,
        command: Sequence[str],
        collector: Collector,
        folder: Path,
        stack: ExitStack,
        flush_seconds: float = NEVER,
    ) -> None:
        self.port = free_port()
        self.answers: list[Answer] = []
        command = [part.replace("PORT", str(self.port)) for part in command]
        self.server = Server(
            "site", command, folder, lambda: bool(self.ask(1)), environment(collector.port, flush_seconds)
        )
        stack.callback(self.server.stop)
        self.server.start()

    @property
    def answered(self) -> int:
        """How many requests were answered."""
        return len(self.answers)

    def ask(self, times: int, path: str = "/") -> list[Answer]:
        """Send requests from four threads; return the answers."""
        with ThreadPoolExecutor(4) as pool:
            answers = [answer for answer in pool.map(lambda _: get(self.port, path), range(times)) if answer]
        self.answers += answers
        return answers

    def workers(self) -> list[int]:
        """Return the process ids of the server's children."""
        return [int(pid) for pid in subprocess.check_output(["pgrep", "-P", str(self.server.pid)], text=True).split()]

    def end(self, how: signal.Signals) -> None:
        """Send a signal to the server when it is idle, and wait until it has ended by itself."""
        if how != signal.SIGTERM:
            time.sleep(SETTLE_SECONDS)
        os.kill(self.server.pid, how)
        assert wait_until(self.server.exited, STOP_SECONDS), self.server.log()


def assert_conserved(site: Site, collector: Collector) -> None:
    """Fail unless every answered request was counted once, by the middleware and by the application."""
    for name in ("http_request_count", "hello"):
        arrived = collector.reaches(name, site.answered)
        assert arrived, f"{name}: {collector.total(name)} of {site.answered}\n{site.server.log()}"
    assert collector.kernel_drops() == 0
