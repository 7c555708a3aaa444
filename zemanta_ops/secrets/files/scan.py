"""Search for the tokens in a settings file, as opposed to strings that only look like one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from zemanta_ops.secrets import backends, wire
from zemanta_ops.secrets.exceptions import SecretError
from zemanta_ops.secrets.files.formats.base import Literal, line_of
from zemanta_ops.secrets.files.references import Names, choose_owner, find_names
from zemanta_ops.secrets.files.source_file import SourceFile, discover, read
from zemanta_ops.terminal import count

# Shown for the setting of a token that is not the value of one.
BESIDE = "(comment)"
_CALL = re.compile(r"\bSecret\s*\(")
# Templates of Helm and Jinja are not valid in their format.
_TEMPLATE = re.compile(r"\{[{%]")


@dataclass(frozen=True)
class FoundToken:
    """A token in a file.

    Attributes:
        file: The file.
        literal: The string that holds the token.
        token: The parsed token; None if the argument of ``Secret()`` is not a token.
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
        """The token as the file has it."""
        return self.literal.value.strip()

    @property
    def setting(self) -> str:
        """The dotted name of the setting."""
        return self.literal.setting

    @property
    def names(self) -> frozenset[str]:
        """Every name by which a person may mean the token."""
        return self._names.all | {self.setting}

    @property
    def owners(self) -> frozenset[str]:
        """The names to one of which the token must be bound, if it is bound."""
        return self._names.owners | {choose_owner(self.literal)}

    @property
    def owner(self) -> str:
        """The name that the token is bound to, or is to be bound to."""
        if self.token and self.token.name in self.owners:
            return self.token.name
        own = choose_owner(self.literal)
        # A variable that only helps may be gone when the settings that use it are decrypted.
        settings = [] if own[:1].isupper() else sorted(name for name in self.owners if name[:1].isupper())
        return settings[0] if settings and not self.literal.stated else own

    @property
    def _names(self) -> Names:
        return find_names(self.file).get(self.literal.span, Names())

    @property
    def place(self) -> str:
        """``file:line``, which editors can open."""
        return f"{self.path}:{self.literal.line}"


def is_token(file: SourceFile, literal: Literal) -> bool:
    """Whether a literal holds a token, or is the argument of a call that takes one."""
    # In Python, "plain:…" is a token only inside Secret(): elsewhere it is probably prose.
    return bool(literal.call) or backends.is_token(literal.value, plain=file.kind != ".py")


def find_tokens(file: SourceFile) -> list[FoundToken]:
    """Return every token of a file, in the order of the file.

    Raises:
        SourceError: The file is not valid.
    """
    # Most files hold no token, and need not be parsed.
    if "Secret" not in file.text and not backends.may_hold_tokens(file.text):
        return []
    found = [_read_token(file, literal) for literal in file.strings]
    return sorted((token for token in found if token), key=lambda token: token.literal.span)


def find_beside(file: SourceFile, found: Iterable[FoundToken] = ()) -> list[FoundToken]:
    """Return the tokens in the text of a file that are not values of settings, such as those in comments.

    Args:
        file: The file; it need not be valid.
        found: The tokens that are values.
    """
    inside = [token.literal.span for token in found]
    return [
        FoundToken(file, _make_literal(file, match), wire.parse(match[0]))
        for match in backends.find_tokens(file.text)
        if not any(start <= match.start() < end for start, end in inside)
    ]


def must_be_valid(file: SourceFile) -> bool:
    """Whether a file that is not valid is a problem: it calls ``Secret``, or has tokens and is not a template."""
    if file.kind == ".py" and _CALL.search(file.text):
        return True
    return not _TEMPLATE.search(file.text) and count_tokens(file.data) > 0


def count_tokens(data: bytes) -> int:
    """Return how many texts that look like tokens are in bytes, which may be text in any encoding."""
    return sum(1 for _ in backends.find_tokens(data.replace(b"\0", b"").decode("latin-1")))


def read_anyway(path: Path) -> bytes | None:
    """Return the bytes of a file that is not text, or None if not even those can be read."""
    try:
        return path.read_bytes()
    except OSError:
        return None


def describe_wrong_folder(folder: Path, files: int) -> str:
    """Return the error for a folder without any token: it is probably another one than was meant."""
    return f"{folder}: no token in {count(files, 'settings file')}. Name the folder of the settings"


def _make_literal(file: SourceFile, match: re.Match[str]) -> Literal:
    line = line_of(file.text, match.start())
    return Literal((BESIDE,), match[0], match.span(), (match.span(),), line, direct=False, string=False, placed=False)


def scan(paths: Iterable[Path]) -> Iterator[FoundToken]:
    """Yield every token in files and below folders.

    Raises:
        SourceError: A file cannot be read or is not valid.
    """
    for path in discover(paths):
        yield from find_tokens(read(path))


def _read_token(file: SourceFile, literal: Literal) -> FoundToken | None:
    value = literal.value.strip()
    if not value or not is_token(file, literal):
        return None
    try:
        return FoundToken(file, literal, wire.parse(value))
    except SecretError:
        return FoundToken(file, literal, None) if literal.call else None
