"""A server process of the tests: started with a log of its own, watched until it answers, stopped afterwards."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from secrets import randbelow

START_SECONDS = 60.0
STOP_SECONDS = 20.0
PORTS = (15_000, 32_000)
_returned: set[int] = set()
# With this variable coverage measures a child process, which then takes half as long again.
COVERAGE = "COVERAGE_PROCESS_CONFIG"


class ServerError(Exception):
    """A server did not start or not answer; the message ends with what it logged last."""


def free_port() -> int:
    """Return a loopback port that nobody uses, neither over TCP nor over UDP, and that is returned only once.

    A server takes seconds until it listens there, and a test may want nobody to listen there at all. So that nobody
    else gets the port meanwhile, it is below those that a system gives to outgoing connections and to whoever asks for
    any, and each worker of pytest-xdist has ports of its own.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    own = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    while True:
        port = PORTS[0] + workers * randbelow((PORTS[1] - PORTS[0]) // workers) + own
        if port not in _returned and all(map(partial(_can_bind, port), (socket.SOCK_STREAM, socket.SOCK_DGRAM))):
            _returned.add(port)
            return port


def _can_bind(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe, suppress(OSError):
        probe.bind(("", port))
        return True
    return False


def untraced() -> dict[str, str]:
    """Return this process's environment without what measures the coverage of children: for programs not ours."""
    return {name: value for name, value in os.environ.items() if name != COVERAGE}


def listens(port: int) -> bool:
    """Whether something accepts connections on a loopback port."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def wait_until(condition: Callable[[], bool], seconds: float = START_SECONDS, every: float = 0.05) -> bool:
    """Poll until the condition holds; False at the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


class Server:
    """One process that can be started again with the same command, paused, and ended politely or not."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        folder: Path,
        healthy: Callable[[], bool] | None = None,
        env: Mapping[str, str] | None = None,
        *,
        traced: bool = True,
    ) -> None:
        self.name = name
        self.command = command
        self.folder = folder
        self.env = env
        self._traced = traced
        self.log_path = folder / f"{name}.log"
        self._healthy = healthy
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        if self._process is None:
            raise ServerError(f"{self.name} is not running")
        return self._process.pid

    def environment(self) -> dict[str, str]:
        """Return the environment of the process: that of the tests, with its folder as its home, and its own on top."""
        home = str(self.folder)
        around = os.environ if self._traced else untraced()
        return {**around, "HOME": home, "XDG_RUNTIME_DIR": home, **(self.env or {})}

    def start(self) -> None:
        """Start the server and return when it answers."""
        with self.log_path.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        if not wait_until(lambda: self.exited() or self.healthy()) or self.exited():
            code = self._process.poll()
            self.kill()
            what = "does not answer" if code is None else f"ended with exit code {code}"
            raise ServerError(f"{self.name} {what}\n{self.log()[-4000:]}")

    def healthy(self) -> bool:
        """Whether the server answers."""
        return self._healthy() if self._healthy else True

    def exited(self) -> bool:
        """Whether the process has ended by itself."""
        return self._process is not None and self._process.poll() is not None

    def log(self) -> str:
        """Return what it has written since its last start."""
        with self.log_path.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def pause(self) -> None:
        """Freeze the process (SIGSTOP): its sockets stay open and nobody answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused process go on."""
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        """End the process politely and wait for it; kill it if it does not listen."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.send_signal(signal.SIGCONT)
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End the process without asking."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_SECONDS)
            self._process = None
