"""On which line of a file a setting stands. Asked only where something is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zemanta_ops.secrets import config
from zemanta_ops.secrets.exceptions import ConfigError
from zemanta_ops.secrets.files import formats

Names = tuple[str, ...]
Entry = tuple[Names, int]

# A value of TOML with more lines is data: what follows it is not looked for.
_MAX_STATEMENT = 500


def line_of(text: str, kind: str, names: Names) -> int:
    """Return the line, from 1, of a setting or of the nearest one around it; 0 where it is not known."""
    if kind == ".toml":
        entries = list(_toml(text))
    else:
        entries = [(literal.path, literal.line) for literal in formats.scalars(text, kind)]
    while names:
        for found, line in entries:
            if found[: len(names)] == names:
                return line
        names = names[:-1]
    return 0


def _toml(text: str) -> Iterator[Entry]:
    """Find each statement: the standard library's parser tells no lines, but a statement is what parses by itself."""
    table: Names = ()
    counts: dict[Names, int] = {}
    rows = text.splitlines(keepends=True)
    begin = 0
    for end in range(1, len(rows) + 1):
        statement = "".join(rows[begin:end])
        data = _parsed(statement) if end - begin <= _MAX_STATEMENT else None
        if data is None:
            continue
        names = _names(data)
        if names and statement.lstrip().startswith("["):
            table = _indexed(names, counts, new=statement.lstrip().startswith("[["))
            yield table, begin + 1
        elif names:
            yield (*table, *names), begin + 1
        begin = end


def _parsed(statement: str) -> dict[str, Any] | None:
    try:
        return config.parse_toml(Path(), statement)
    except (ConfigError, ValueError, RecursionError):
        return None


def _names(data: Any) -> Names:
    """Return the names that one statement sets: down through tables with one member."""
    names: list[str] = []
    while data and (isinstance(data, dict) or (isinstance(data, list) and isinstance(data[0], dict))):
        data = data[0] if isinstance(data, list) else data
        if len(data) != 1:
            break
        [(name, data)] = data.items()
        names.append(name)
    return tuple(names)


def _indexed(names: Names, counts: dict[Names, int], *, new: bool) -> Names:
    """Put the place in the list behind each name of an array of tables."""
    if new:
        counts[names] = counts.get(names, -1) + 1
    path: list[str] = []
    for length, name in enumerate(names, 1):
        path.append(name)
        if names[:length] in counts:
            path.append(str(counts[names[:length]]))
    return tuple(path)
