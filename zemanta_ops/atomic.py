"""Replace a file atomically: readers, and a crash at any point, see the old contents or the new, never a mix."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

# Suffix of temporary files that a killed process leaves behind.
SUFFIX = ".zemanta-ops.tmp"

StepHook = Callable[[str, Path], None]


def _no_hook(step: str, path: Path) -> None:
    """Do nothing."""


# Called as hook("before write", path) and so on, around each write, fsync and rename. Tests kill the process in it.
step_hook: StepHook = _no_hook


def replace(
    target: Path,
    data: bytes,
    *,
    mode: int,
    owner: tuple[int, int] | None = None,
    before_rename: Callable[[], None] = lambda: None,
) -> None:
    """Write ``data`` to a file, existing or new, through a temporary file in the same folder.

    Args:
        target: The file. A symbolic link would itself be replaced, so resolve it first.
        data: The new contents.
        mode: The permissions.
        owner: User and group; ignored if the platform has none or does not permit it.
        before_rename: Called last, while nothing has changed yet; an error in it cancels the replacement.

    Raises:
        OSError: The file could not be written; it is unchanged.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=SUFFIX, dir=target.parent)
    temporary = Path(name)
    try:
        # Closed before it is renamed, because Windows cannot rename an open file.
        try:
            write(descriptor, data, temporary)
            temporary.chmod(mode)
            if owner and hasattr(os, "chown"):
                with contextlib.suppress(PermissionError):
                    os.chown(temporary, *owner)
            sync(descriptor, target)
        finally:
            os.close(descriptor)
        before_rename()
        with _step("rename", target):
            temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(target.parent)


def write(descriptor: int, data: bytes, path: Path) -> None:
    """Write all of ``data``; ``path`` is for the hook."""
    with _step("write", path):
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]


def sync(descriptor: int, path: Path) -> None:
    """Wait until what was written is on the disk; ``path`` is for the hook."""
    with _step("fsync", path):
        os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    # Some systems cannot open a folder, and some file systems cannot sync one. The rename itself is done.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _step(name: str, path: Path) -> Iterator[None]:
    step_hook(f"before {name}", path)
    yield
    step_hook(f"after {name}", path)
