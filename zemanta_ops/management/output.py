"""Standard output that may be closed, full, or unable to encode what a command prints."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any


def prepare_output(out: Any) -> None:
    """Let a command write to Django's wrapper of standard output, even if it is closed or knows only ASCII."""
    if getattr(out, "_out", out) is None:  # started with standard output closed
        out._out = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  (until the process ends)
    stream = getattr(out, "_out", out)
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")


def discard_output(out: Any) -> None:
    """Send what is still buffered nowhere: Python would report that it cannot be written, when it exits."""
    with suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, getattr(out, "_out", sys.stdout).fileno())
        os.close(null)
