"""Reads the list-tables of a page."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"


def section(page: str, heading: str) -> str:
    """Return the text of a page from a heading to the next of the same kind."""
    text = (DOCS / f"{page}.rst").read_text(encoding="utf-8")
    mark = re.escape(heading) + r"\n(.)\1+\n"
    found = re.search(mark, text)
    assert found, heading
    rest = text[found.end() :]
    following = re.search(rf"\n\n[^\n]+\n{re.escape(found[1])}{{4,}}\n", rest)
    return rest[: following.start()] if following else rest


def tables(text: str) -> list[list[list[str]]]:
    """Return the rows of each list-table below its header, each row as its cells."""
    found = []
    for part in text.split(".. list-table::")[1:]:
        rows: list[list[str]] = []
        for line in part.splitlines():
            if line.startswith("   * - "):
                rows.append([line[7:]])
            elif line.startswith("     -"):
                rows[-1].append(line[7:])
            elif line.startswith("       ") and rows:
                rows[-1][-1] += " " + line.strip()
        found.append(rows[1:])
    return found


def literals(cell: str) -> list[str]:
    """Return what a cell has in double backquotes."""
    return re.findall(r"``(.+?)``", cell)
