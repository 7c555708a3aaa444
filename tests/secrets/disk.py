"""What a power failure would leave of the files that a test writes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


class Disk:
    """Knows what has been synced: a file that is not here with its size may be empty after a power failure."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._synced: dict[tuple[int, int], int] = {}
        self._fsync = os.fsync
        patch.setattr(os, "fsync", self._sync)

    def _sync(self, descriptor: int) -> None:
        self._fsync(descriptor)
        status = os.fstat(descriptor)
        self._synced[status.st_dev, status.st_ino] = status.st_size

    def keeps(self, path: Path) -> bool:
        """Return whether all of a file, or the names in a folder, would still be there."""
        status = path.stat()
        return self._synced.get((status.st_dev, status.st_ino)) == status.st_size
