"""``.env`` files: ``NAME=value`` lines with quotes, comments and ``export``, as in shells and dotenv libraries."""

from __future__ import annotations

import re

from zemanta_ops.secrets.files.formats.base import FormatError, Literal, line_of, pieces

_ENTRY = re.compile(
    r"""[^\S\r\n]*(?:export[^\S\r\n]+)?(?P<name>[A-Za-z_][A-Za-z0-9_.]*)[^\S\r\n]*=[^\S\r\n]*(?![^\S\r\n])
    (?:
        (?:"(?P<double>(?:[^"\\]|\\.)*)" | '(?P<single>(?:[^'\\]|\\.)*|[^']*)') [^\S\r\n]*(?:\#[^\r\n]*)?
        | (?P<bare>(?!["'])[^\r\n]*?) [^\S\r\n]*(?:(?<=[^\S\r\n])\#[^\r\n]*)?
    )
    (?:\r?\n|\Z)""",
    re.VERBOSE | re.DOTALL,
)
_IDLE = re.compile(r"[^\S\r\n]*(?:#[^\r\n]*)?(?:\r?\n|\Z)")
_DOUBLE_ESCAPE = re.compile(r"\\([\\'\"abfnrtv])")
_SINGLE_ESCAPE = re.compile(r"\\([\\'])")
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def scalars(text: str) -> list[Literal]:
    """Return every value of a ``.env`` text as python-dotenv reads it, without expanding ``$VARIABLES``.

    Quoted values may span lines. In double quotes, the escapes of C are read; in single quotes, those of a quote and of
    a backslash. Any other backslash is itself. An unquoted value ends at the end of the line or at `` #``.

    Raises:
        FormatError: A line is not an assignment, a comment or empty.
    """
    found: list[Literal] = []
    at = 0
    while at < len(text):
        if idle := _IDLE.match(text, at):
            at = idle.end()
            continue
        entry = _ENTRY.match(text, at)
        if entry is None:
            raise FormatError(line_of(text, at), "expected NAME=value, a comment or an empty line")
        found.append(_literal(text, entry))
        at = entry.end()
    return found


def _literal(text: str, entry: re.Match[str]) -> Literal:
    kind = next(kind for kind in ("double", "single", "bare") if entry[kind] is not None)
    inner = entry.span(kind)
    value = entry[kind]
    if kind != "bare":
        escape = _DOUBLE_ESCAPE if kind == "double" else _SINGLE_ESCAPE
        value = escape.sub(lambda match: _ESCAPES.get(match[1], match[1]), value)
    quote = int(kind != "bare")
    span = (inner[0] - quote, inner[1] + quote)
    return Literal((entry["name"],), value, span, pieces(text, inner, value), line_of(text, span[0]))
