"""What every file format yields: its strings, each with its setting path and its place in the text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from zemanta_ops.secrets.exceptions import SourceError

Span = tuple[int, int]
Path = tuple[str, ...]

# A backslash at the end of a line joins it to the next one, in Python, TOML and YAML alike.
_CONTINUATION = re.compile(r"\\\r?\n[ \t]*")


@dataclass(frozen=True)
class Literal:
    """One string, number or other scalar of a file.

    Attributes:
        path: The setting's name in parts, list indexes as decimal numbers.
        value: The string as the file's reader sees it.
        span: Character offsets of the literal with its quotes.
        pieces: Character offsets of what stands between the quotes; more than one where the file breaks the string.
        call: Python only: the constructor whose argument it is (``Secret``, ``StrictSecret``, ``Secret.template``).
        direct: False where the string is only a part of what the setting is made of (an argument of another call).
        line: Line of the first character, from 1.
        string: False for a number, a date and the like, which has a place but no value here.
    """

    path: Path
    value: str = field(repr=False)
    span: Span
    pieces: tuple[Span, ...]
    line: int
    call: str = ""
    direct: bool = True
    string: bool = True

    @property
    def setting(self) -> str:
        """The dotted name, such as ``DATABASES.default.PASSWORD``."""
        return ".".join(self.path)


class FormatError(Exception):
    """A text that is not of its format; carries the line and a reason that quotes nothing of the text."""

    def __init__(self, line: int, reason: str) -> None:
        """Keep the line (from 1, 0 where it is not known) and the reason."""
        super().__init__(line, reason)
        self.line = line
        self.reason = reason


def other(text: str, path: Path, span: Span) -> Literal:
    """Make the entry of a scalar that is not a string."""
    return Literal(path, "", span, (), line_of(text, span[0]), string=False)


def line_of(text: str, offset: int) -> int:
    """Return the line, from 1, on which the character at ``offset`` stands."""
    return text.count("\n", 0, offset) + 1


def pieces(text: str, inner: Span, value: str) -> tuple[Span, ...]:
    """Find the runs of a literal's source that spell ``value``.

    Args:
        inner: Offsets between the quotes.
        value: What the literal evaluates to.
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
            raise SourceError("two changes to a file overlap; nothing was written")
        parts += [text[done:start], replacement]
        done = end
    return "".join([*parts, text[done:]])


def spread(value: str, spans: tuple[Span, ...]) -> list[tuple[Span, str]]:
    """Cut ``value`` over the pieces of a broken string, each as long as what stood there, the rest into the last."""
    edits = []
    for span in spans[:-1]:
        width = span[1] - span[0]
        edits.append((span, value[:width]))
        value = value[width:]
    return [*edits, (spans[-1], value)]
