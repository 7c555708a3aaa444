"""Input of a plaintext: from a terminal without echo, from standard input or from a file."""

from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path
from typing import TextIO

from zemanta_ops.secrets.exceptions import EncryptError

PROMPT = "Enter plaintext: "


def read_plaintext(options: argparse.Namespace, err: TextIO) -> bytes:
    """Read the plaintext from the source that the options name.

    Raises:
        EncryptError: There is none, it cannot be read, or it has several lines without ``--multiline``.
    """
    if options.from_file:
        return read_bytes(options.from_file)
    given = open_stdin()
    if options.multiline:
        if given.isatty():
            err.write("Enter plaintext, then Ctrl-D on a line of its own:\n")
            err.flush()
        return given.buffer.read()
    return _prompt() if given.isatty() else _read_line(given)


def _read_line(given: TextIO) -> bytes:
    line, *more = given.buffer.read().split(b"\n", 1)
    if more and more[0]:
        raise EncryptError("standard input has more than one line: use --multiline to keep them all")
    return line.removesuffix(b"\r")


def read_bytes(path: Path) -> bytes:
    """Read a file.

    Raises:
        EncryptError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise EncryptError(f"{path} cannot be read: {error.strerror}") from None


def open_stdin() -> TextIO:
    """Return standard input.

    Raises:
        EncryptError: It is closed.
    """
    if not sys.stdin:
        raise EncryptError("standard input is closed: pipe the plaintext in, or name a file")
    return sys.stdin


def _prompt() -> bytes:
    try:
        return getpass.getpass(PROMPT).encode()
    except UnicodeError:
        raise EncryptError("the input is not text in this terminal's encoding: use --from-file") from None
    except EOFError:
        raise EncryptError("no input, so nothing was encrypted") from None
