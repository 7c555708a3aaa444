"""Replace a file's bytes so that whoever looks, and whatever is killed when, sees the old file or the new one whole."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

# What a killed process leaves behind ends so.
SUFFIX = ".zemanta-ops.tmp"

StepHook = Callable[[str, Path], None]


def _no_hook(step: str, path: Path) -> None:
    """Do nothing: nobody watches."""


# Called as hook("before write", path) and so on, around each write, fsync and rename; tests end the process in it.
step_hook: StepHook = _no_hook


def replace(
    target: Path,
    data: bytes,
    *,
    mode: int,
    owner: tuple[int, int] | None = None,
    before_rename: Callable[[], None] = lambda: None,
) -> None:
    """Write ``data`` in place of a file, or of none, through a temporary file in the same folder.

    Args:
        target: Where to; a symbolic link is replaced itself, so resolve it before.
        data: All that the file is to hold.
        mode: Its permissions.
        owner: User and group, given where the platform has them and allows it.
        before_rename: Called last, when nothing has changed yet; what it raises ends the attempt.

    Raises:
        OSError: It could not be written; the file is as it was.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=SUFFIX, dir=target.parent)
    temporary = Path(name)
    try:
        # Closed before it is renamed: Windows moves no open file.
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
    # Some systems open no folder, and some file systems refuse to sync one; the rename itself has happened.
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
