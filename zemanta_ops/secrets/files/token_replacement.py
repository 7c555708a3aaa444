"""New tokens in place of old ones, and every other byte of the file kept. Nothing here writes to disk."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from types import MappingProxyType

from zemanta_ops.secrets.exceptions import SourceError
from zemanta_ops.secrets.files.formats.base import Literal, SettingPath, Span, splice, spread
from zemanta_ops.secrets.files.scan import find_tokens, is_token
from zemanta_ops.secrets.files.source_file import SourceFile, decode
from zemanta_ops.secrets.wire import REDACTED

# A token of these characters needs no quotes and no escapes in any format.
_NONE: Mapping[Literal, Span] = MappingProxyType({})
_SAFE = re.compile(r"[A-Za-z0-9+/=_.:&%~-]+")


def replace_tokens(file: SourceFile, new: Mapping[Literal, str], spans: Mapping[Literal, Span] = _NONE) -> str:
    """Return the text of a file in which each literal of ``new``, a token or a plaintext, is the new token.

    ``spans`` has what is replaced if that is not just the literal.

    A plaintext in a Python file becomes ``Secret("token")``. The result is parsed and compared: apart from the new
    tokens, the same settings must have the same values.

    Raises:
        SourceError: A new token does not fit, or the comparison failed.
    """
    check_safe(file, *new.values())
    edits = [
        edit
        for literal, token in new.items()
        for edit in ([(spans[literal], token)] if literal in spans else _edits(file, literal, token))
    ]
    text = splice(file.text, edits)
    wanted = [
        _read_as(literal, _call(file, literal), new[literal]) if literal in new else _read_as(literal)
        for literal in file.scalars
    ]
    if [_read_as(literal) for literal in _parse(file, text)] != wanted:
        raise SourceError(f"{file.path}: the changed file would not read as intended, so it was not written")
    return text


def check_added(file: SourceFile, text: str, path: SettingPath, token: str, without: Span = (0, 0)) -> None:
    """Refuse a text that is not the file, without what is in the span ``without``, plus one setting.

    Raises:
        SourceError: It is not.
    """
    call = "Secret" if file.kind == ".py" else ""
    start, end = without
    before = [_read_as(each) for each in file.scalars if not (start <= each.span[0] and each.span[1] <= end)]
    after = [_read_as(literal) for literal in _parse(file, text)]
    if sorted(after) != sorted([*before, (path, call, True, token)]):
        raise SourceError(f"{file.path}: the changed file would not read as intended, so it was not written")


def check_safe(file: SourceFile, *new: str) -> None:
    """Refuse tokens that would need escapes; those of ``plain`` may hold anything.

    Raises:
        SourceError: There is one.
    """
    if not all(_SAFE.fullmatch(token) for token in new):
        raise SourceError(
            f"{file.path}: this plaintext cannot be written as a plain token here: choose another backend"
        )


def _parse(file: SourceFile, text: str) -> list[Literal]:
    return decode(file.path, file.encode(text)).scalars


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
        # Quotes stay as they are: other programs read the file too.
        quote = int(file.text[start:end][:1] in ("'", '"'))
        return [((start + quote, end - quote), token)]
    # The span of a YAML block includes the line break after it, and an empty value comes after that.
    end = len(file.text[:end].rstrip())
    start = min(start, end)
    blank = " " if start == end and file.text[start - 1 : start] == ":" else ""
    return [((start, end), f'Secret("{token}")' if file.kind == ".py" else f'{blank}"{token}"')]


def redact_plaintexts(file: SourceFile) -> str:
    """Return a file's text without the bodies of ``plain:`` tokens and, for a ``.env``, without unencrypted values.

    In other files the values on the same lines as tokens are redacted too: a diff shows whole lines.
    """
    found = {token.literal: token.token for token in find_tokens(file)}
    shown = {line for literal in found for line in _line_numbers(file, literal)}
    edits = []
    for literal in file.scalars if found or file.kind == ".env" else ():
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
    """Return a change as a unified diff, without plaintexts and without context lines, which could hold anything."""
    name = str(before.path)
    new = redact_plaintexts(decode(before.path, before.encode(after)))
    lines = difflib.unified_diff(_lines(redact_plaintexts(before)), _lines(new), name, name, n=0, lineterm="")
    return "".join(f"{line}\n" for line in lines)


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").split("\n")
