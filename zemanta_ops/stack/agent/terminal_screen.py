"""Draw on a terminal and read its keys; give it back as it was, whatever happens."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, TextIO

try:
    import termios
    import tty
except ImportError:  # Windows
    termios = tty = None  # type: ignore[assignment]

# Another screen, no cursor, and no wrapping of long lines; and back.
_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l"
_LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l"
_HOME, _CLEAR_LINE = "\x1b[H", "\x1b[2K"
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"
_DEFAULT_SIZE = (80, 24)
# What no terminal has, but a program may set.
_MAX_SIZE = (1_000, 1_000)

_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.)|.", re.DOTALL)
_NAMES = {
    **dict.fromkeys(("\x1b[A", "\x1bOA"), "up"),
    **dict.fromkeys(("\x1b[B", "\x1bOB"), "down"),
    **dict.fromkeys(("\x1b[5~", "\x02"), "page up"),
    **dict.fromkeys(("\x1b[6~", "\x06"), "page down"),
    **dict.fromkeys(("\x1b[H", "\x1b[1~", "\x1bOH"), "home"),
    **dict.fromkeys(("\x1b[F", "\x1b[4~", "\x1bOF"), "end"),
    **dict.fromkeys(("\r", "\n"), "enter"),
    **dict.fromkeys(("\x7f", "\x08"), "backspace"),
    "\x1b": "escape",
    "\x15": "clear",
}


class Screen:
    """The terminal behind a stream. It is entered when it is first drawn on, and only in the foreground.

    ``keys`` is the file descriptor of the keyboard; None if standard input is not a terminal.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._fd = out.fileno()
        self._is_unicode = (getattr(out, "encoding", None) or "").lower().startswith("utf")
        self._saved: list[Any] | None = None
        self._is_entered = False
        with suppress(AttributeError, OSError, ValueError):
            self.keys = sys.stdin.fileno() if os.isatty(sys.stdin.fileno()) else None

    keys: int | None = None

    @staticmethod
    def is_supported() -> bool:
        """Return whether this system has terminals that can be drawn on."""
        return termios is not None

    @property
    def size(self) -> tuple[int, int]:
        """The columns and lines, which may change at any time."""
        try:
            width, height = os.get_terminal_size(self._fd)
        except OSError:
            width = height = 0
        width = width or _read_number("COLUMNS") or _DEFAULT_SIZE[0]
        height = height or _read_number("LINES") or _DEFAULT_SIZE[1]
        return min(width, _MAX_SIZE[0]), min(height, _MAX_SIZE[1])

    def draw(self, lines: Sequence[tuple[str, bool]]) -> None:
        """Replace what is on the screen; each line comes with whether it is bold."""
        if not self.is_in_foreground():
            return
        self._enter()
        texts = (f"{_BOLD}{text}{_PLAIN}" if is_bold else text for text, is_bold in map(self._encode, lines))
        # A line is cleared before it is written: after it, the cursor may still be on its last character.
        self._write(_HOME + "\r\n".join(_CLEAR_LINE + text for text in texts) + _PLAIN)

    def is_in_foreground(self) -> bool:
        """Return whether this process may use the terminal; one in the background would be stopped."""
        try:
            return os.tcgetpgrp(self._fd) == os.getpgrp()
        except OSError:  # it is not the controlling terminal, so nobody is in its foreground
            return True

    def leave(self) -> None:
        """Give the terminal back; it may be entered again."""
        if not self._is_entered:
            return
        self._is_entered = False
        with suppress(OSError, ValueError):  # the terminal may be gone
            self._write(_LEAVE)
        if self._saved is not None and self.keys is not None and self.is_in_foreground():
            with suppress(OSError, termios.error):
                termios.tcsetattr(self.keys, termios.TCSADRAIN, self._saved)
        self._saved = None

    def read_keys(self) -> Iterator[str]:
        """Yield the keys that were pressed: a name such as ``page up``, or the character; ``""`` if it has ended."""
        try:
            data = os.read(self.keys, 4096) if self.keys is not None else b""
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            yield ""
        for found in _SEQUENCE.findall(data.decode("utf-8", "ignore")):
            yield _NAMES.get(found, found if len(found) == 1 else "unknown")

    def _enter(self) -> None:
        if self._is_entered:
            return
        self._is_entered = True
        if self.keys is not None:
            with suppress(OSError, termios.error):
                self._saved = termios.tcgetattr(self.keys)
                tty.setcbreak(self.keys, termios.TCSADRAIN)  # what was typed before still counts
        self._write(_ENTER)

    def _encode(self, line: tuple[str, bool]) -> tuple[str, bool]:
        return line if self._is_unicode else (line[0].encode("ascii", "replace").decode(), line[1])

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def _read_number(variable: str) -> int:
    text = os.environ.get(variable, "")
    return int(text) if text.isdecimal() and len(text) < 6 else 0
