"""Messages of alerts, from Python's format strings to the templates of Go that other programs fill in."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Callable, Iterable
from typing import NamedTuple

from zemanta_ops.stack.declarations.model import Alert

_SPEC = re.compile(r"[^.]*?(?P<precision>\.\d+)?(?P<type>[a-zA-Z%]?)")


class Part(NamedTuple):
    """A literal and the placeholder after it, with its format; there is none at the end of a message."""

    literal: str
    name: str | None
    spec: str = ""


def split_message(alert: Alert) -> list[Part]:
    """Return the parts of an alert's message, or of one that names its value and tags if it has none."""
    if alert.message:
        return [Part(text, name, spec or "") for text, name, spec, _ in string.Formatter().parse(alert.message)]
    tags = [Part(f", {tag} ", tag) for tag in alert.by]
    return [Part("", "name"), Part(" is ", "value", "g"), *tags]


def render_template(parts: Iterable[Part], render_field: Callable[[str, str], str]) -> str:
    """Return a template of Go.

    Args:
        parts: Those of a message. Nothing in them has two opening braces.
        render_field: Returns the action for the name of a placeholder and its format.

    """
    return "".join(part.literal + ("" if part.name is None else render_field(part.name, part.spec)) for part in parts)


def to_printf(spec: str) -> tuple[str, bool]:
    """Return the verb of Go for Python's format of a number, and whether the number is shown as a percentage."""
    found = _SPEC.fullmatch(spec)
    precision, type_ = (found["precision"] or "", found["type"]) if found else ("", "")
    if type_ == "%":
        return f"%{precision or '.6'}f", True
    verb = type_.lower() if type_ in "eEfFgG" else ""
    return f"%{precision}{verb or ('g' if precision else 'v')}", False


def quote_go(text: str) -> str:
    """Return a string literal of Go."""
    return json.dumps(text, ensure_ascii=False)
