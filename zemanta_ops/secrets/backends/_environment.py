"""Secrets that a backend itself needs: from an environment variable, or from the file that another one names."""

from __future__ import annotations

import os
from pathlib import Path

from zemanta_ops.secrets.exceptions import MissingKeyError


def from_environment(variable: str) -> str:
    """Return the secret in ``variable``, or in the file that ``{variable}_FILE`` names; "" if neither is set.

    Raises:
        MissingKeyError: The file cannot be read.
    """
    return os.environ.get(variable, "") or from_file(f"{variable}_FILE")


def from_file(variable: str) -> str:
    """Return the text of the file that ``variable`` names, without its last line break; "" if it is not set.

    Raises:
        MissingKeyError: The file cannot be read.
    """
    path = os.environ.get(variable, "")
    if not path:
        return ""
    try:
        # Editors on Windows write a byte order mark.
        return Path(path).read_text(encoding="utf-8-sig").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise MissingKeyError(f"the file that {variable} names cannot be read: {reason}") from None
