"""Rows in aligned columns, for people; scripts have ``--json``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return the rows under their column names; a control character in a cell shows escaped; empty cells show ``-``."""
    cells = [[name.upper() for name in columns], *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _cell(value: object) -> str:
    # An author's name comes from a repository: it must not steer the terminal.
    text = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in str(value))
    return text or "-"
