"""The site under gunicorn and under uvicorn, each on a free port."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import httpx

from example_project.demo import cleanup
from example_project.demo.folder import ROOT

START_SECONDS = 15
STOP_SECONDS = 10
LOG_LINES = 15

Arguments = Callable[[int], list[str]]


class ServerFailedError(Exception):
    """A server did not start; the text has the end of its log."""


def gunicorn(fd: int) -> list[str]:
    """Return the arguments of gunicorn: two worker processes of four threads each."""
    site = "example_project.wsgi"
    return ["gunicorn", site, "--bind", f"fd://{fd}", "--workers", "2", "--threads", "4", "--access-logfile", "-"]


def uvicorn(fd: int) -> list[str]:
    """Return the arguments of uvicorn: one event loop."""
    return ["uvicorn", "example_project.asgi:application", "--fd", str(fd), "--lifespan", "off"]


class Server:
    """A server process. Its port is bound here, before it starts, so that no other program can take it meanwhile."""

    def __init__(self, name: str, arguments: Arguments, folder: Path) -> None:
        self._arguments = arguments
        self._folder = folder
        self._log = folder / f"{name}.log"
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def start(self, environment: Mapping[str, str]) -> None:
        """Start the process; ``wait`` returns when it answers."""
        fd = self._socket.fileno()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                cleanup.build_launch(self._folder, [sys.executable, "-m", *self._arguments(fd)]),
                cwd=ROOT,
                env=environment,
                pass_fds=(fd,),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._socket.close()

    def wait(self) -> None:
        """Return when the site answers.

        Raises:
            ServerFailedError: it ended, or does not answer in time.

        """
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process and self._process.poll() is None:
            try:
                if httpx.get(f"{self.url}/healthz/", timeout=2).text == "ok":
                    return
            except httpx.HTTPError:
                time.sleep(0.05)
        raise ServerFailedError(f"{self._log.stem} does not answer; the end of its log:\n{self._end_of_log()}")

    def stop(self) -> None:
        """Let it end its work as on every deployment: SIGTERM, and SIGKILL only if it will not."""
        self._socket.close()
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        finally:
            cleanup.signal_group(self._process.pid, signal.SIGKILL)  # its workers too
            self._process.wait()

    def _end_of_log(self) -> str:
        return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:])
