"""Find the tokens in a settings file, and tell them from strings that only look like one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from zemanta_ops.secrets import wire
from zemanta_ops.secrets.exceptions import SecretError, SourceError
from zemanta_ops.secrets.files import formats
from zemanta_ops.secrets.files.formats import FormatError, Literal
from zemanta_ops.secrets.files.source_file import SourceFile, discover, read

# Files with no match are not parsed at all.
_CANDIDATE = re.compile(rf"Secret|{wire.CANDIDATE.pattern}")


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


def scalars(file: SourceFile) -> list[Literal]:
    """Return every string of a file, and of TOML, YAML and JSON every other scalar too.

    Raises:
        SourceError: The file is not of its format; names file and line, quotes nothing.
    """
    try:
        return formats.scalars(file.text, file.kind)
    except FormatError as error:
        where = f"{file.path}:{error.line}" if error.line else str(file.path)
        raise SourceError(f"{where}: {error.reason}") from None


def literals(file: SourceFile) -> list[Literal]:
    """Return every string of a file; errors as :func:`scalars`."""
    return [literal for literal in scalars(file) if literal.string]


def is_token(file: SourceFile, literal: Literal) -> bool:
    """Tell whether a literal holds a token, or stands where one belongs."""
    # In Python "plain:…" is a token only inside Secret(): elsewhere it is too likely to be prose.
    return bool(literal.call) or wire.is_token(literal.value, plain=file.kind != ".py")


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
    if not value or not is_token(file, literal):
        return None
    try:
        return Found(file, literal, wire.parse(value))
    except SecretError:
        return Found(file, literal, None) if literal.call else None
