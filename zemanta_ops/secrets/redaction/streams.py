"""A stream that redacts: for what programs print on standard error without logging."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, TextIO, cast

from zemanta_ops.secrets.redaction.values import redact


class RedactingStream:
    """Wraps a text stream and redacts each text that is written to it; everything else is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        """Wrap ``stream``."""
        self._stream = stream

    def write(self, text: str) -> int:
        """Write the text, redacted; return its own length, as callers expect it."""
        self._stream.write(redact(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write the lines, redacted."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def redact_stderr() -> None:
    """Redact what this process prints on standard error, by whatever means. Safe to call twice.

    Call it after ``decrypt_settings``. A secret that is written in two pieces, bytes that are written to
    ``sys.stderr.buffer``, and what subprocesses print are not redacted.
    """
    if sys.stderr is not None and not isinstance(sys.stderr, RedactingStream):
        sys.stderr = cast(TextIO, RedactingStream(sys.stderr))
