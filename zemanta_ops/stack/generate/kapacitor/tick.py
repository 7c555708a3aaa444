"""TICKscript and InfluxQL, as Kapacitor 1.5.9 reads them.

One script that Kapacitor cannot read stops it when it starts. So a text that has no safe spelling raises
``UnsupportedError``, and the declaration is left out with a warning.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class UnsupportedError(Exception):
    """Kapacitor cannot do what a declaration asks for; the message says what."""


def quote_text(text: str) -> str:
    """Return a text in TICKscript: a backslash escapes a quotation mark, and nothing else."""
    if text.endswith("\\"):
        raise UnsupportedError("has a text that ends with a backslash")
    return "'" + _accept(text).replace("'", "\\'") + "'"


def quote_identifier(name: str) -> str:
    """Return the name of a measurement, field or tag in InfluxQL."""
    return '"' + _accept(name).replace("\\", "\\\\").replace('"', '\\"') + '"'


def quote_value(text: str) -> str:
    """Return the value of a tag in InfluxQL."""
    return "'" + _accept(text).replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote_regex(regex: str) -> str:
    """Return a regular expression whose slashes are escaped, in TICKscript and in InfluxQL."""
    return f"/{_accept(regex)}/"


def _accept(text: str) -> str:
    if _CONTROL.search(text):
        raise UnsupportedError("has a control character in a text or a name")
    return text


def render_number(number: float) -> str:
    """Return a number with a point and without an exponent."""
    if not math.isfinite(number):
        raise UnsupportedError("has a number that is not finite")
    text = format(Decimal(repr(float(number))), "f")
    return text if "." in text else f"{text}.0"


def render_node(name: str, arguments: Iterable[str] = (), properties: Iterable[str] = ()) -> str:
    """Return a node with its properties, one a line."""
    return "\n".join([f"    |{name}({', '.join(arguments)})", *(f"        .{each}" for each in properties)])


def render_pipeline(source: str, nodes: Sequence[str], variable: str = "") -> str:
    """Return a source and the nodes behind it, as a variable if it has a name."""
    return "\n".join([f"var {variable} = {source}" if variable else source, *nodes])


def render_lambda(expression: str) -> str:
    """Return an expression that is evaluated for each point."""
    return f"lambda: {expression}"


def evaluate(fields: Mapping[str, str]) -> str:
    """Return the node that leaves each point these fields, each with the value of an expression."""
    names = ", ".join(f"'{name}'" for name in fields)
    return render_node("eval", map(render_lambda, fields.values()), [f"as({names})", f"keep({names})"])


def filter_points(condition: str) -> str:
    """Return the node that drops points of which a condition does not hold."""
    return render_node("where", [render_lambda(condition)])


def render_write(database: str, policy: str, measurement: str, tags: Mapping[str, str]) -> str:
    """Return the node that writes each point, with further tags."""
    properties = [
        f"database({quote_text(database)})",
        f"retentionPolicy({quote_text(policy)})",
        f"measurement({quote_text(measurement)})",
        *(f"tag({quote_text(tag)}, {quote_text(value)})" for tag, value in tags.items()),
        "flushInterval(1s)",
    ]
    return render_node("influxDBOut", (), properties)
