"""The assertion that an output contains no revealed secret; public as ``zemanta_ops.testing``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zemanta_ops.secrets.redaction.values import redact
from zemanta_ops.secrets.wire import REDACTED

_SHOWN = 60


def assert_no_secret_leaks(*outputs: object) -> None:
    """Assert that no output contains a secret revealed in this process, plain or escaped.

    Args:
        outputs: Text, bytes, a Django response (headers and content), or any other object (its str and repr).

    Raises:
        AssertionError: An output contains one. The message shows the text around it, with the secret redacted.
    """
    for number, output in enumerate(outputs, 1):
        for text in _texts(output):
            clean = redact(text)
            if clean is not text:
                at = clean.index(REDACTED)
                around = clean[max(0, at - _SHOWN) : at + len(REDACTED) + _SHOWN]
                raise AssertionError(f"output {number} ({type(output).__name__}) contains a secret: …{around}…")


def _texts(output: Any) -> Iterator[str]:
    if isinstance(output, str):
        yield output
    elif isinstance(output, (bytes, bytearray)):
        yield output.decode("utf-8", "replace")
    elif hasattr(output, "headers") and hasattr(output, "content"):
        yield "\n".join(f"{name}: {value}" for name, value in output.headers.items())
        yield from _texts(output.content)
    else:
        yield from (str(output), repr(output))
