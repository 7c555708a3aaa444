"""Files that ``--exclude`` or ``exclude`` in ``zemanta_ops.toml`` leaves out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from zemanta_ops.secrets import config

_ANY_FOLDERS = re.compile(r"(?:^|(?<=/))\*\*/")


class Exclusion:
    """Patterns of paths, as in ``.gitignore``: ``charts/``, ``*.example.yaml``, ``deploy/*/values.yaml``.

    A pattern with a slash before its end is relative to the working directory or, in ``zemanta_ops.toml``, to the
    folder of that file; any other fits a file or folder of that name at any depth.
    """

    def __init__(self, patterns: Sequence[str] = ()) -> None:
        """Store the patterns of the command line."""
        self._given = (Path.cwd(), tuple(patterns))
        self._by_folder: dict[Path, tuple[Path, Sequence[str]]] = {}

    def has(self, path: Path) -> bool:
        """Whether a file is left out.

        Raises:
            ConfigError: ``zemanta_ops.toml`` cannot be read.
        """
        full = path.absolute()
        return any(_fits(full, *each) for each in (self._given, self._configured(full.parent)))

    def _configured(self, folder: Path) -> tuple[Path, Sequence[str]]:
        if folder not in self._by_folder:
            found = config.load(folder / config.FILE_NAME)
            self._by_folder[folder] = (found.path.parent.absolute() if found.path else folder, found.exclude)
        return self._by_folder[folder]


def _fits(path: Path, base: Path, patterns: Sequence[str]) -> bool:
    if not patterns:
        return False
    inside = path.relative_to(base) if path.is_relative_to(base) else path.relative_to(path.anchor)
    # The file, then each folder that it is in.
    parts = [inside.as_posix(), *(folder.as_posix() for folder in inside.parents if folder.name)]
    for pattern in patterns:
        wanted = pattern.strip().removeprefix("./").rstrip("/")
        names = parts if "/" in wanted else [name.rpartition("/")[2] for name in parts]
        wanted = wanted.removeprefix("/").removesuffix("/**")
        # ** may match no folder at all.
        if any(fnmatchcase(name, each) for name in names for each in (wanted, _ANY_FOLDERS.sub("", wanted))):
            return True
    return False
