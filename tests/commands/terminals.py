"""Runs ``watch_metrics`` in a terminal of a given size, and reads its screen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping

import pytest

from tests.commands.watching import LISTENING, command

SECONDS = 20.0
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_NEWLINE = re.compile(r"\r*\n")  # the terminal adds a carriage return
_END = "\x1b[0m"
_HOME = "\x1b[H"
_CLEAR_LINE = "\x1b[2K"
LEAVE = "\x1b[?1049l"


class Terminal:
    """A pseudo-terminal with the command in its foreground. Used as a context manager, it ends the command.

    ``seen`` is everything that the command wrote so far. With ``script``, bash runs that, with job control, and the
    command is ``"$@"`` in it.
    """

    def __init__(
        self,
        *arguments: str,
        width: int = 80,
        height: int = 24,
        script: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        variables = {"TERM": "xterm", "PYTHONIOENCODING": "utf-8", **(environment or {})}
        self._run = command("--port", "0", *arguments, **variables)
        if script:
            self._run["args"] = ["bash", "-mc", script, "bash", *self._run["args"]]
        self._size = (width, height)
        self.seen = ""
        self._data = b""

    def __enter__(self) -> Terminal:  # noqa: PYI034  Self is not in typing before Python 3.11
        self._ours, theirs = pty.openpty()
        self.resize(*self._size)
        self.modes = termios.tcgetattr(theirs)
        self.process = subprocess.Popen(
            **self._run,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(theirs, termios.TIOCSCTTY, 0),
        )
        self._theirs = theirs
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)
        os.close(self._theirs)

    @property
    def port(self) -> int:
        """The port that the command listens on."""
        self.wait(lambda: LISTENING.search(self.seen) is not None)
        found = LISTENING.search(self.seen)
        assert found
        return int(found[3])

    @property
    def screen(self) -> list[str]:
        """The lines of the newest complete screen."""
        frames = self.seen.split(_HOME)[1:]
        drawn = [each.split("\x1b[?")[0] for each in frames]
        complete = [each for each in drawn if each.count(_CLEAR_LINE) >= self._size[1] and each.endswith(_END)]
        return (
            [_STYLE.sub("", line).replace(_CLEAR_LINE, "") for line in _NEWLINE.split(complete[-1])] if complete else []
        )

    @property
    def text(self) -> str:
        """The newest screen as one text."""
        return "\n".join(self.screen)

    def get_modes(self) -> list[object]:
        """Return the modes of the terminal: echo, line by line, and the others."""
        return termios.tcgetattr(self._theirs)

    def press(self, *keys: str) -> None:
        """Type keys."""
        for key in keys:
            os.write(self._ours, key.encode())

    def resize(self, width: int, height: int) -> None:
        """Change the size of the window."""
        self._size = (width, height)
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def forget(self) -> None:
        """Leave out what was written so far."""
        self._read(0.1)
        self.seen, self._data = "", b""

    def wait_for_text(self, text: str) -> None:
        """Wait until the command has written a text."""
        self.wait(lambda: text in self.seen)

    def wait_for_screen(self, condition: Callable[[str], bool]) -> None:
        """Wait until a condition holds for the newest screen."""
        self.wait(lambda: condition(self.text))

    def wait_for_end(self) -> int:
        """Read until the command has ended, and return its exit code."""
        self.wait(lambda: self.process.poll() is not None)
        self._read(0)
        return self.process.returncode

    def stop(self, number: signal.Signals) -> None:
        """Send a signal to the foreground, as the terminal does."""
        os.killpg(self.process.pid, number)

    def wait(self, condition: Callable[[], bool]) -> None:
        """Read what the command writes until a condition holds."""
        deadline = time.monotonic() + SECONDS
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"waited {SECONDS:g} s in vain; the screen:\n{self.text or self.seen}", pytrace=False)
            self._read(0.02)

    def _read(self, seconds: float) -> None:
        while select.select([self._ours], [], [], seconds)[0]:
            try:
                self._data += os.read(self._ours, 65_536)
            except OSError:  # the command has ended, and nobody else has the other end
                break
            seconds = 0
        self.seen = self._data.decode(errors="replace")
