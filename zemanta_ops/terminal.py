"""Text for a terminal: escape control characters, align columns, keep the line breaks of a command's help."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any


def escape(text: object) -> str:
    """Return the text with every character that could control the terminal written as an escape."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in str(text))


def count(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 file``, ``2 files``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def align_columns(rows: Sequence[Sequence[str]], *, text_columns: int | None = None) -> list[str]:
    """Return one line per row, with columns of equal width and no trailing blanks.

    Args:
        rows: The cells; every row has the same number of them.
        text_columns: How many columns, from the left, hold text. The others hold figures and are aligned to the right.
            None: all columns hold text.

    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    count = len(widths) if text_columns is None else text_columns
    return [
        "  ".join(
            cell.ljust(width) if index < count else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def render_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return the rows under their column names; control characters are escaped, and an empty cell shows ``-``."""
    # An author's name comes from a repository: it must not control the terminal.
    cells = [[escape(value) or "-" for value in row] for row in rows]
    lines = align_columns([[name.upper() for name in columns], *cells])
    return "".join(f"{line}\n" for line in lines)


def keep_line_breaks(epilog: str) -> dict[str, Any]:
    """Return the arguments that make an ``argparse`` parser show this epilog with its own line breaks."""
    return {"epilog": epilog, "formatter_class": argparse.RawDescriptionHelpFormatter}
