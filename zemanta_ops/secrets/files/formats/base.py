"""What every file format returns: literals, each with its setting's path and its place in the text."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from zemanta_ops.secrets.exceptions import SourceError

# Marks a field in the text of an f-string, of % or of format().
FIELD = "\0"

Span = tuple[int, int]
SettingPath = tuple[str, ...]

# In Python, TOML and YAML, a backslash at the end of a line joins it to the next one.
_CONTINUATION = re.compile(r"\\\r?\n[ \t]*")


@dataclass(frozen=True)
class Literal:
    """One string, number or other scalar of a file.

    Attributes:
        path: The parts of the setting's name; list indexes are decimal numbers.
        value: The value of the string.
        span: Character offsets of the literal, with its quotes.
        pieces: Character offsets of the text between the quotes; several if the string is broken over lines.
        line: Line of the first character, from 1.
        call: In Python, the constructor it is an argument of (``Secret``, ``StrictSecret``, ``Secret.template``).
        direct: False if the string is only part of the setting's value, such as an argument of another call.
        string: False for bytes, a number, a date and the like; ``value`` is then their source.
        readable: Whether it is part of the setting's value, as opposed to a key, the name of a variable or a condition.
        conditional: Whether it is in one of several branches, so that another value may apply.
        placed: False if its text has no place of its own: a name, or the text of an f-string between its fields.
        refers: The name of the variable whose value this is; empty for a literal.
        stated: The name that ``.get(name=...)`` states.
        foreign: The module whose class ``Secret`` is called, if it is not ours.
        scope: How many leading parts of ``path`` are names of classes and functions.
        statement: Line of the statement it is in; 0 if the format has none.
    """

    path: SettingPath
    value: str = field(repr=False)
    span: Span
    pieces: tuple[Span, ...]
    line: int
    call: str = ""
    direct: bool = True
    string: bool = True
    readable: bool = True
    conditional: bool = False
    placed: bool = True
    refers: SettingPath = ()
    stated: str = ""
    foreign: str = ""
    scope: int = 0
    statement: int = 0

    @property
    def setting(self) -> str:
        """The dotted name, such as ``DATABASES.default.PASSWORD``."""
        return ".".join(self.path)


class FormatError(Exception):
    """A text is not valid in its format. The reason quotes nothing of the text."""

    def __init__(self, line: int, reason: str) -> None:
        """Store the line (from 1; 0 if it is not known) and the reason."""
        super().__init__(line, reason)
        self.line = line
        self.reason = reason


def other(text: str, path: SettingPath, span: Span) -> Literal:
    """Return the literal of a scalar that is not a string."""
    return Literal(path, text[slice(*span)], span, (), line_of(text, span[0]), string=False)


def line_of(text: str, offset: int) -> int:
    """Return the line, from 1, of the character at ``offset``."""
    return bisect_left(_line_ends(text), offset) + 1


@lru_cache(maxsize=2)
def _line_ends(text: str) -> list[int]:
    return [match.start() for match in re.finditer("\n", text)]


def pieces(text: str, inner: Span, value: str) -> tuple[Span, ...]:
    """Return the spans of a literal's source that spell its value.

    Args:
        text: Text of the file.
        inner: Offsets of the text between the quotes.
        value: The value of the literal.
    """
    start, end = inner
    wanted = value.strip()
    found = text.find(wanted, start, end)
    if wanted and found >= 0:
        return ((found, found + len(wanted)),)
    runs: list[Span] = []
    for match in _CONTINUATION.finditer(text, start, end):
        runs.append((start, match.start()))
        start = match.end()
    runs.append((start, end))
    return tuple(run for run in runs if run[0] < run[1]) or (inner,)


def splice(text: str, edits: Iterable[tuple[Span, str]]) -> str:
    """Return ``text`` with each span replaced; spans must not overlap."""
    parts: list[str] = []
    done = 0
    for (start, end), replacement in sorted(edits):
        if start < done:
            raise SourceError("two changes to a file overlap, so it was not written")
        parts += [text[done:start], replacement]
        done = end
    return "".join([*parts, text[done:]])


def spread(value: str, spans: tuple[Span, ...]) -> list[tuple[Span, str]]:
    """Split ``value`` over the pieces of a broken string: each keeps its length, and the last one gets the rest."""
    edits = []
    for span in spans[:-1]:
        width = span[1] - span[0]
        edits.append((span, value[:width]))
        value = value[width:]
    return [*edits, (spans[-1], value)]
