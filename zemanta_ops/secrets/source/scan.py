"""Find the tokens in a settings file, and tell them from strings that only look like one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from zemanta_ops.secrets import wire
from zemanta_ops.secrets.exceptions import SecretError, SourceError
from zemanta_ops.secrets.formats import FormatError, Literal, strings
from zemanta_ops.secrets.source.files import SourceFile, discover, read

_BACKENDS = "kms|vault|sealed|local|password|plain"
# Files with no match are not parsed at all.
_CANDIDATE = re.compile(rf"Secret|(?:{_BACKENDS}):")
# A string outside a Secret() call counts as a token if its backend is one of ours and its body is encoded.
_BASE64 = "[A-Za-z0-9+/_-]{8,}={0,2}"
_BARE = re.compile(rf"(?:{_BACKENDS}):[^:\s]*:(?:vault:v\d+:)?{_BASE64}(?:\.{_BASE64})*")
_BARE_PLAIN = re.compile(r"plain:[^:\s]*:.*", re.DOTALL)


@dataclass(frozen=True)
class Found:
    """A token in a file.

    Attributes:
        literal: The string that holds it.
        token: The same, parsed; None where ``Secret()`` is given something that is not a token.
    """

    file: SourceFile
    literal: Literal
    token: wire.Token | None

    @property
    def path(self) -> Path:
        """The file's path."""
        return self.file.path

    @property
    def text(self) -> str:
        """The token as it is written."""
        return self.literal.value.strip()

    @property
    def setting(self) -> str:
        """The dotted name of the setting."""
        return self.literal.setting

    @property
    def place(self) -> str:
        """``file:line``, as editors take it."""
        return f"{self.path}:{self.literal.line}"


def literals(file: SourceFile) -> list[Literal]:
    """Return every string of a file.

    Raises:
        SourceError: The file is not of its format; names file and line, quotes nothing.
    """
    try:
        return strings(file.text, file.kind)
    except FormatError as error:
        where = f"{file.path}:{error.line}" if error.line else str(file.path)
        raise SourceError(f"{where}: {error.reason}") from None


def tokens(file: SourceFile) -> list[Found]:
    """Return every token of a file, in the order in which they stand.

    Raises:
        SourceError: The file is not of its format.
    """
    if not _CANDIDATE.search(file.text):
        return []
    found = [_found(file, literal) for literal in literals(file)]
    return sorted((token for token in found if token), key=lambda token: token.literal.span)


def scan(paths: Iterable[Path]) -> Iterator[Found]:
    """Find every token in files, and below folders.

    Raises:
        SourceError: A file cannot be read or is not of its format.
    """
    for path in discover(paths):
        yield from tokens(read(path))


def _found(file: SourceFile, literal: Literal) -> Found | None:
    value = literal.value.strip()
    if not value or not (literal.call or _is_bare(file, value)):
        return None
    try:
        return Found(file, literal, wire.parse(value))
    except SecretError:
        return Found(file, literal, None) if literal.call else None


def _is_bare(file: SourceFile, value: str) -> bool:
    # In Python "plain:…" is a token only inside Secret(): elsewhere it is too likely to be prose.
    return bool(_BARE.fullmatch(value) or (file.kind != ".py" and _BARE_PLAIN.fullmatch(value)))
