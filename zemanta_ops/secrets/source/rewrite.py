"""Put new tokens in the place of old ones; every other byte of the file stays. Text to text: nothing here writes."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from zemanta_ops.secrets.exceptions import SourceError
from zemanta_ops.secrets.formats import Literal
from zemanta_ops.secrets.formats.base import splice, spread
from zemanta_ops.secrets.source.files import SourceFile, decode
from zemanta_ops.secrets.source.scan import literals, tokens

REDACTED = "<redacted>"

# Needs no quotes and no escapes in any of the formats.
_SAFE = re.compile(r"[A-Za-z0-9+/=_.:&%~-]+")


def replace_tokens(file: SourceFile, new: Mapping[Literal, str]) -> str:
    """Return the text of a file with each literal of ``new`` holding its new token.

    The result is read again and compared: the same settings hold the same strings, but for the new tokens.

    Raises:
        SourceError: A new token does not fit, or the result would not read as it should. Nothing is written.
    """
    if not all(_SAFE.fullmatch(token) for token in new.values()):
        raise SourceError(f"{file.path}: a plaintext cannot be written as a token here; choose another backend")
    text = splice(file.text, [edit for literal, token in new.items() for edit in spread(token, literal.pieces)])
    changed = decode(file.path, file.encoded(text))
    wanted = [(literal.path, literal.call, new.get(literal, literal.value).strip()) for literal in literals(file)]
    if [(literal.path, literal.call, literal.value.strip()) for literal in literals(changed)] != wanted:
        raise SourceError(f"{file.path}: the changed file would not read as intended; nothing was written")
    return text


def redacted(file: SourceFile) -> str:
    """Return a file's text without the bodies of ``plain:`` tokens and, of a ``.env``, without plain values."""
    found = {token.literal: token.token for token in tokens(file)}
    edits = []
    for literal in literals(file) if found or file.kind == ".env" else ():
        token = found.get(literal)
        if token is not None and token.backend == "plain":
            head, *others = literal.pieces
            params = literal.value.split(":", 2)[1]
            edits += [(head, f"plain:{params}:{REDACTED}"), *((other, "") for other in others)]
        elif file.kind == ".env" and token is None:
            edits.append((literal.span, REDACTED))
    return splice(file.text, edits)


def diff(before: SourceFile, after: str) -> str:
    """Show a change as a unified diff without context lines, which could hold anything, and without plaintexts."""
    name = str(before.path)
    new = redacted(decode(before.path, before.encoded(after)))
    lines = difflib.unified_diff(_lines(redacted(before)), _lines(new), name, name, n=0, lineterm="")
    return "".join(f"{line}\n" for line in lines)


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").split("\n")
