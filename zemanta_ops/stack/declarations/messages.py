"""Messages of alerts: text with placeholders, in the manner of ``str.format``."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from typing import Any

PLACEHOLDERS = ("value", "level", "name")
# A width or a precision of more digits makes a text of gigabytes.
_MAX_DIGITS = 2
_FORMATTER = string.Formatter()


def list_placeholders(message: str) -> list[str]:
    """Return the names of the placeholders in a message; ValueError if its braces do not match."""
    return [name for _, name, _, _ in _FORMATTER.parse(message) if name is not None]


def fill_message(message: str, values: Mapping[str, Any]) -> str:
    """Return a message with its placeholders filled in.

    A name is looked up as it is written: it may have a dot, and never leads to an attribute of a value.

    Raises:
        LookupError: A placeholder has no value.
        ValueError, TypeError: A value does not have the format.

    """
    parts = []
    for literal, name, spec, conversion in _FORMATTER.parse(message):
        parts.append(literal)
        if name is not None:
            parts.append(_format(_FORMATTER.convert_field(values[name], conversion), spec or ""))
    return "".join(parts)


def _format(value: Any, spec: str) -> str:
    if any(len(digits) > _MAX_DIGITS for digits in re.findall(r"\d+", spec)):
        raise ValueError("a width or a precision is above 99")
    return format(value, spec)
