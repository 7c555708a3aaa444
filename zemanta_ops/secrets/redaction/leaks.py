"""Assert that nothing revealed stands in an output; users get it from ``zemanta_ops.testing``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zemanta_ops.secrets.redaction.matcher import REDACTED
from zemanta_ops.secrets.redaction.values import redact

_SHOWN = 60


def assert_no_secret_leaks(*outputs: object) -> None:
    """Assert that no secret revealed in this process stands in any of the outputs, plain or escaped.

    Args:
        outputs: Text, bytes, a Django response (headers and content), or any other object, of which str and repr
            are searched.

    Raises:
        AssertionError: One does; the message shows the surroundings, with the secret redacted.
    """
    for number, output in enumerate(outputs, 1):
        for text in _texts(output):
            clean = redact(text)
            if clean is not text:
                at = clean.index(REDACTED)
                around = clean[max(0, at - _SHOWN) : at + len(REDACTED) + _SHOWN]
                raise AssertionError(f"output {number} ({type(output).__name__}) holds a secret: …{around}…")


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
