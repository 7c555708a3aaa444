"""TOML through tomlkit, which keeps every byte but gives no positions: a rendering with marks finds them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tomlkit
from tomlkit.exceptions import ParseError, TOMLKitError
from tomlkit.items import AoT, Array, InlineTable, Item, String, Table

from zemanta_ops.secrets.files.formats.base import FormatError, Literal, SettingPath, line_of, other, pieces

# TOML forbids control characters, so no text contains the mark.
_MARK = "\x00"


def scalars(text: str) -> list[Literal]:
    """Return every scalar value of a TOML text.

    Raises:
        FormatError: The text is not TOML.
    """
    try:
        document = tomlkit.parse(text)
    except ParseError as error:
        raise FormatError(error.line, "not valid TOML") from None
    except (TOMLKitError, RecursionError, ValueError):
        raise FormatError(0, "not valid TOML") from None
    items = list(_walk(document, ()))
    sources = [item.as_string() for _, item in items]
    for number, (_, item) in enumerate(items):
        # In the next rendering, each scalar is its number between two marks.
        vars(item)["as_string"] = f"{_MARK}{number}{_MARK}".__str__
    rendered = document.as_string().split(_MARK)
    return _locate(text, items, sources, rendered)


def _walk(node: Any, path: SettingPath) -> Iterator[tuple[SettingPath, Item]]:
    if isinstance(node, (Table, InlineTable)):
        yield from _walk(node.value, path)
    elif isinstance(node, (AoT, Array)):
        for index, value in enumerate(node.body if isinstance(node, AoT) else node):
            yield from _walk(value, (*path, str(index)))
    elif hasattr(node, "body"):
        for key, value in node.body:
            if key is not None:
                yield from _walk(value, (*path, key.key))
    else:
        yield path, node


def _locate(text: str, items: list[tuple[SettingPath, Item]], sources: list[str], rendered: list[str]) -> list[Literal]:
    found = []
    at = 0
    for between, number in zip(rendered[::2], rendered[1::2], strict=False):
        path, item = items[int(number)]
        source = sources[int(number)]
        start = _skip(text, at, between)
        at = start + len(source)
        if text[start:at] != source:
            raise FormatError(line_of(text, start), "tomlkit does not read this line as it is written")
        if not isinstance(item, String):
            found.append(other(text, path, (start, at)))
            continue
        quote = 3 if source.startswith(('"""', "'''")) else 1
        value = str(item)
        runs = pieces(text, (start + quote, at - quote), value)
        found.append(Literal(path, value, (start, at), runs, line_of(text, start)))
    return found


def _skip(text: str, at: int, between: str) -> int:
    """Skip the text between two scalars, in which tomlkit may have lost blanks (after a date, for example)."""
    for character in "".join(between.split()):
        at = _skip_blanks(text, at)
        if not text.startswith(character, at):
            raise FormatError(line_of(text, at), "tomlkit does not read this line as it is written")
        at += 1
    return _skip_blanks(text, at)


def _skip_blanks(text: str, at: int) -> int:
    while text[at : at + 1].isspace():
        at += 1
    return at
