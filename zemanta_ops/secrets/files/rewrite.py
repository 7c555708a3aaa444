"""Put new tokens in the place of old ones; every other byte of the file stays. Text to text: nothing here writes."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from zemanta_ops.secrets.exceptions import SourceError
from zemanta_ops.secrets.files.formats import Literal
from zemanta_ops.secrets.files.formats.base import Span, splice, spread
from zemanta_ops.secrets.files.scan import is_token, scalars, tokens
from zemanta_ops.secrets.files.source_file import SourceFile, decode

REDACTED = "<redacted>"

# Needs no quotes and no escapes in any of the formats.
_SAFE = re.compile(r"[A-Za-z0-9+/=_.:&%~-]+")


def replace_tokens(file: SourceFile, new: Mapping[Literal, str]) -> str:
    """Return the text of a file with each literal of ``new``, a token or a plaintext, holding its new token.

    A plaintext of a Python file becomes ``Secret("token")``. The result is read again and compared: the same settings
    hold the same values, but for the new tokens.

    Raises:
        SourceError: A new token does not fit, or the result would not read as it should. Nothing is written.
    """
    check_safe(file, *new.values())
    text = splice(file.text, [edit for literal, token in new.items() for edit in _edits(file, literal, token)])
    wanted = [
        _read_as(literal, _call(file, literal), new[literal]) if literal in new else _read_as(literal)
        for literal in scalars(file)
    ]
    if [_read_as(literal) for literal in scalars(decode(file.path, file.encoded(text)))] != wanted:
        raise SourceError(f"{file.path}: the changed file would not read as intended; nothing was written")
    return text


def check_appended(file: SourceFile, text: str, setting: str, token: str) -> None:
    """Refuse a text that does not hold what the file holds and one more setting."""
    call = "Secret" if file.kind == ".py" else ""
    before = [_read_as(literal) for literal in scalars(file)]
    after = [_read_as(literal) for literal in scalars(decode(file.path, file.encoded(text)))]
    new = ((setting,), call, True, token)
    if sorted(after) != sorted([*before, new]):
        raise SourceError(f"{file.path}: the changed file would not read as intended; nothing was written")


def check_safe(file: SourceFile, *new: str) -> None:
    """Refuse tokens that would have to be escaped; those of ``plain`` may hold anything."""
    if not all(_SAFE.fullmatch(token) for token in new):
        raise SourceError(f"{file.path}: a plaintext cannot be written as a token here; choose another backend")


def _read_as(literal: Literal, call: str | None = None, value: str | None = None) -> tuple[object, ...]:
    if value is None:
        return literal.path, literal.call, literal.string, literal.value.strip()
    return literal.path, call, True, value


def _call(file: SourceFile, literal: Literal) -> str:
    return literal.call or ("Secret" if file.kind == ".py" and not is_token(file, literal) else "")


def _edits(file: SourceFile, literal: Literal, token: str) -> list[tuple[Span, str]]:
    start, end = literal.span
    if is_token(file, literal):
        return spread(token, literal.pieces)
    if file.kind == ".env":
        # Whether values are quoted is a matter of who else reads the file, so it stays.
        quote = int(file.text[start:end][:1] in ("'", '"'))
        return [((start + quote, end - quote), token)]
    # The block of a YAML scalar takes in the line break after it, and an empty value stands behind it.
    end = len(file.text[:end].rstrip())
    start = min(start, end)
    blank = " " if start == end and file.text[start - 1 : start] == ":" else ""
    return [((start, end), f'Secret("{token}")' if file.kind == ".py" else f'{blank}"{token}"')]


def redacted(file: SourceFile) -> str:
    """Return a file's text without the bodies of ``plain:`` tokens and, of a ``.env``, without plain values.

    Of other files the values on the lines of tokens go too: a diff shows whole lines.
    """
    found = {token.literal: token.token for token in tokens(file)}
    shown = {line for literal in found for line in _line_numbers(file, literal)}
    edits = []
    for literal in scalars(file) if found or file.kind == ".env" else ():
        token = found.get(literal)
        if token is not None and token.backend == "plain":
            head, *others = literal.pieces
            params = literal.value.split(":", 2)[1]
            edits += [(head, f"plain:{params}:{REDACTED}"), *((other, "") for other in others)]
        elif token is None and (file.kind == ".env" or not shown.isdisjoint(_line_numbers(file, literal))):
            edits.append((literal.span, REDACTED))
    return splice(file.text, edits)


def _line_numbers(file: SourceFile, literal: Literal) -> range:
    return range(literal.line, literal.line + file.text.count("\n", *literal.span) + 1)


def diff(before: SourceFile, after: str) -> str:
    """Show a change as a unified diff without context lines, which could hold anything, and without plaintexts."""
    name = str(before.path)
    new = redacted(decode(before.path, before.encoded(after)))
    lines = difflib.unified_diff(_lines(redacted(before)), _lines(new), name, name, n=0, lineterm="")
    return "".join(f"{line}\n" for line in lines)


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").split("\n")
