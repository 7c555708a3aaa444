"""The page on series lists what becomes of every character in names, keys and values."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.docs.tables import literals, section, tables
from zemanta_ops.metrics.series.tags import MAX_LENGTH, RESERVED_KEYS, UNPRINTABLE, clean_key, clean_name, clean_value

((*ROWS,),) = tables(section("series", "Names and tags: what is replaced"))
CLEAN: dict[str, Callable[[Any], str]] = {"name": clean_name, "key": clean_key, "value": clean_value}
CHUNK = MAX_LENGTH // 2 - 1


def row(where: str, what: str) -> list[str]:
    (found,) = [cells for cells in ROWS if cells[0] == where and what in cells[1]]
    return found


def ranges(texts: list[str]) -> set[int]:
    """Return the code points of ``A-Z _ .`` and U+0000-U+001F."""
    found: set[int] = set()
    for text in texts:
        first, dash, last = text.partition("-") if len(text) > 1 else (text, "", "")
        found.update(range(point(first), point(last if dash else first) + 1))
    return found


def point(text: str) -> int:
    """Return the code point of one character or of U+0000."""
    return ord(text) if len(text) == 1 else int(text.removeprefix("U+"), 16)


def replaced(clean: Callable[[Any], str]) -> set[int]:
    """Return every code point that does not come out as it is, none at an end of the text."""
    found = set()
    for start in range(0, 0x110000, CHUNK):
        points = range(start, min(start + CHUNK, 0x110000))
        result = clean("x" + "x".join(map(chr, points)) + "x")
        found |= {point for point, out in zip(points, result[1::2], strict=True) if out != chr(point)}
        assert {out for point, out in zip(points, result[1::2], strict=True) if point in found} <= {"_"}
    return found


@pytest.mark.parametrize("where", ["name", "key"])
def test_what_stays_in_names_and_keys(where: str) -> None:
    kept = ranges(literals(row(where, "all but")[1])[0].split())
    assert set(range(0x110000)) - replaced(CLEAN[where]) == kept


def test_what_is_replaced_in_values() -> None:
    cell = row("value", "U+0000")[1]
    documented = ranges([*literals(cell)[0].split(), *re.findall(r"U\+[0-9A-F]+(?:-U\+[0-9A-F]+)?", cell)])
    assert replaced(clean_value) == documented


@pytest.mark.parametrize("cells", [cells for cells in ROWS if cells[3]], ids=lambda cells: cells[3])
def test_the_examples(cells: list[str]) -> None:
    given, becomes = literals(cells[3])
    assert CLEAN[cells[0]](True if given == "True" else given) == becomes


def test_reserved_keys() -> None:
    assert set(literals(row("key", "metric_type")[1])) - {"_"} == RESERVED_KEYS


def test_the_rest() -> None:
    assert literals(row("value", "raises")[2]) == [UNPRINTABLE]
    assert f"after {MAX_LENGTH} characters" in row("all", "characters")[1]
    assert row("value", "white space")[2] == "nothing"
    assert clean_value(" \u00a0two words\u3000 ") == "two words"
