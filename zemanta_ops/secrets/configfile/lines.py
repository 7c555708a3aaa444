"""The line of a setting in a file; only needed for error messages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zemanta_ops.secrets import config
from zemanta_ops.secrets.exceptions import ConfigError
from zemanta_ops.secrets.files import formats
from zemanta_ops.secrets.files.formats.base import SettingPath

SettingLine = tuple[SettingPath, int]

# A TOML value with more lines is data; the search ends there.
_MAX_STATEMENT = 500


def line_of(text: str, kind: str, names: SettingPath) -> int:
    """Return the line, from 1, of a setting or of the nearest one around it; 0 if it is not known."""
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


def _toml(text: str) -> Iterator[SettingLine]:
    """Yield each statement. The standard library's parser gives no lines, but a statement is text that parses alone."""
    table: SettingPath = ()
    counts: dict[SettingPath, int] = {}
    rows = text.splitlines(keepends=True)
    begin = 0
    for end in range(1, len(rows) + 1):
        statement = "".join(rows[begin:end])
        data = _parse(statement) if end - begin <= _MAX_STATEMENT else None
        if data is None:
            continue
        names = _names(data)
        if names and statement.lstrip().startswith("["):
            table = _add_indexes(names, counts, new=statement.lstrip().startswith("[["))
            yield table, begin + 1
        elif names:
            yield (*table, *names), begin + 1
        begin = end


def _parse(statement: str) -> dict[str, Any] | None:
    try:
        return config.parse_toml(Path(), statement)
    except (ConfigError, ValueError, RecursionError):
        return None


def _names(data: Any) -> SettingPath:
    """Return the path that one statement sets: down through tables with one member."""
    names: list[str] = []
    while data and (isinstance(data, dict) or (isinstance(data, list) and isinstance(data[0], dict))):
        data = data[0] if isinstance(data, list) else data
        if len(data) != 1:
            break
        [(name, data)] = data.items()
        names.append(name)
    return tuple(names)


def _add_indexes(names: SettingPath, counts: dict[SettingPath, int], *, new: bool) -> SettingPath:
    """Insert the index after each name of an array of tables."""
    if new:
        counts[names] = counts.get(names, -1) + 1
    path: list[str] = []
    for length, name in enumerate(names, 1):
        path.append(name)
        if names[:length] in counts:
            path.append(str(counts[names[:length]]))
    return tuple(path)
