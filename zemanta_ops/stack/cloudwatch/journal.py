"""Which parts of a back-fill are done, in a file, so that an interrupted one goes on where it ended."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path


class JournalFile:
    """One key per line; what a killed process has begun to write counts as not done.

    Args:
        folder: Where the file is; created if missing.
        target: The name of the database that is filled.

    """

    def __init__(self, folder: Path, target: str) -> None:
        self.path = folder / f"cloudwatch-{hashlib.sha256(target.encode()).hexdigest()[:12]}.journal"
        self._keys = set(self.path.read_text(encoding="ascii").splitlines()) if self.path.exists() else set()

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, keys: Sequence[str]) -> None:
        """Note that parts are done."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="ascii") as file:
            file.writelines(f"{key}\n" for key in keys)
        self._keys.update(keys)

    def remove(self) -> None:
        """Remove the file: the back-fill is complete."""
        self.path.unlink(missing_ok=True)
        self._keys.clear()
