"""The few forms of TOML that a telegraf.conf needs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Variable:
    """A string that Telegraf takes from its environment: ``name``; empty or absent, it does not start.

    With ``optional`` it is the empty string then.
    """

    name: str
    meaning: str
    optional: bool = False

    def __str__(self) -> str:
        return "${" + self.name + (":-}" if self.optional else ":?set it in the environment of Telegraf}")


Text = str | Variable
Value = Text | int | bool | Sequence[float] | Sequence[Text]


def section(name: str, values: Mapping[str, Value]) -> str:
    """Return a section, ``[agent]`` or ``[[inputs.statsd]]``, with a line for each value."""
    return "\n".join([name, *(f"  {key} = {_render(value)}" for key, value in values.items()), ""])


def string(text: str) -> str:
    """Return a basic string that Telegraf reads as it stands, with no variable replaced in it.

    Raises:
        ValueError: the text has a lone surrogate, which no file can hold.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("has characters that are not Unicode") from None
    return _quote(text.replace("$", "$$"))


def _quote(text: str) -> str:
    # All escapes of JSON are escapes of TOML too; JSON leaves DEL as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _render(value: Value) -> str:
    if isinstance(value, Variable):
        return _quote(str(value))
    if isinstance(value, str):
        return string(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    items = [repr(item) if isinstance(item, float) else _render(item) for item in value]
    return "[" + ", ".join(items) + "]" if sum(map(len, items)) < 80 else _lines(items)


def _lines(items: Sequence[str]) -> str:
    return "\n".join(["[", *(f"    {item}," for item in items), "  ]"])
