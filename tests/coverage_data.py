"""Data files of coverage: one that a killed process has left half written is removed before they are combined."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path


def remove_torn(data_file: Path) -> list[Path]:
    """Remove and return the files beside ``data_file``, one for each process, that are not whole.

    A process writes its file when it ends. A test that kills it at that moment leaves a database that cannot be read.
    """
    torn = [path for path in sorted(data_file.parent.glob(f"{data_file.name}.*")) if not _is_whole(path)]
    for path in torn:
        path.unlink(missing_ok=True)
    return torn


def _is_whole(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path)) as database:
            return bool(database.execute("PRAGMA integrity_check").fetchone() == ("ok",))
    except sqlite3.DatabaseError:
        return False
