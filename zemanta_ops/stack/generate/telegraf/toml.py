"""The parts of TOML that a telegraf.conf needs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Variable:
    """A string that Telegraf reads from the environment variable ``name``.

    Telegraf does not start if the variable is empty or absent. If it is ``optional``, the string is empty instead.
    """

    name: str
    meaning: str
    optional: bool = False

    def __str__(self) -> str:
        return "${" + self.name + (":-}" if self.optional else ":?set it in the environment of Telegraf}")


Text = str | Variable
Value = Text | int | bool | Sequence[float] | Sequence[Text] | Mapping[str, str]


def render_section(name: str, values: Mapping[str, Value]) -> str:
    """Return a section, ``[agent]`` or ``[[inputs.statsd]]``, with one line per value; its tables come last."""
    lines = [name]
    tables = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    lines += [f"  {key} = {_render_value(value)}" for key, value in values.items() if not isinstance(value, Mapping)]
    for key, table in tables.items():
        lines.append(f"  [{name.strip('[]')}.{key}]")
        lines += [f"    {_quote(each)} = {render_string(text)}" for each, text in table.items()]
    return "\n".join([*lines, ""])


def render_string(text: str) -> str:
    """Return a basic string that Telegraf reads as exactly this text, without replacing variables in it.

    Raises:
        ValueError: The text has a lone surrogate, which cannot be written to a file.

    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("has characters that are not Unicode") from None
    return _quote(text.replace("$", "$$"))


def _quote(text: str) -> str:
    # All escapes of JSON are escapes of TOML too. JSON does not escape DEL.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _render_value(value: Value) -> str:
    if isinstance(value, Variable):
        return _quote(str(value))
    if isinstance(value, str):
        return render_string(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Mapping):
        raise TypeError("a table is not a value of a line")
    items = [repr(item) if isinstance(item, float) else _render_value(item) for item in value]
    return "[" + ", ".join(items) + "]" if sum(map(len, items)) < 80 else _render_lines(items)


def _render_lines(items: Sequence[str]) -> str:
    return "\n".join(["[", *(f"    {item}," for item in items), "  ]"])
