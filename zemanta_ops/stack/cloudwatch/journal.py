"""Which parts of a back-fill are done, in a file, so that an interrupted one goes on where it ended."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path


class JournalFile:
    """One key per line; what a killed process has begun to write counts as not done.

    A back-fill does not depend on its journal: a repetition without one begins again. ``fault`` is why there is none.

    Args:
        folder: Where the file is; created if missing.
        target: The name of the database that is filled.

    """

    def __init__(self, folder: Path, target: str) -> None:
        self.path = folder / f"cloudwatch-{hashlib.sha256(target.encode()).hexdigest()[:12]}.journal"
        self.fault = ""
        self._keys: set[str] = set()
        try:
            text = self.path.read_text(encoding="ascii", errors="replace")
            self._keys.update(text.splitlines())
            # The end of a line that a killed process has begun must not become the beginning of the next.
            self._write([""] if text and not text.endswith("\n") else [])
        except FileNotFoundError:
            self._write([])
        except OSError as error:
            self._note(error)

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, keys: Sequence[str]) -> None:
        """Note that parts are done."""
        self._write(keys)
        self._keys.update(keys)

    def remove(self) -> None:
        """Remove the file: the back-fill is complete."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            self._note(error)
        self._keys.clear()

    def _write(self, keys: Sequence[str]) -> None:
        if self.fault:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="ascii") as file:
                file.writelines(f"{key}\n" for key in keys)
        except OSError as error:
            self._note(error)

    def _note(self, error: OSError) -> None:
        self.fault = f"{error.filename}: {error.strerror}"
