"""Replace a file atomically: readers, and a crash at any point, see the old contents or the new, never a mix."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
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


class NotRegularFileError(OSError):
    """What a path leads to is not a regular file, so it cannot be replaced or changed."""

    def __init__(self, path: Path, kind: str) -> None:
        super().__init__(errno.EINVAL, f"it is {kind}, not a regular file", str(path))


_KINDS = {
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a folder",
}


def find_target(path: Path) -> Path:
    """Return the regular file that a path leads to through links, or that can be created there.

    Everything that replaces, changes or removes a file that a user names asks this function first.

    Raises:
        NotRegularFileError: A device, a pipe, a socket or a folder is there, or this process prints to the file.
        OSError: Links form a loop, or a folder cannot be searched.
    """
    try:
        # Of a path such as /dev/stdout, only the system knows where it leads.
        status = path.stat()
    except FileNotFoundError:
        return path.resolve()
    if not stat.S_ISREG(status.st_mode):
        raise NotRegularFileError(path, _KINDS.get(stat.S_IFMT(status.st_mode), "something else"))
    if _is_output(status):
        raise NotRegularFileError(path, "the output of this command")
    return path.resolve()


def _is_output(status: os.stat_result) -> bool:
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(descriptor), status):
                return True
    return False


def replace(path: Path, data: bytes, *, mode: int = 0o644, before_rename: Callable[[], None] = lambda: None) -> None:
    """Write ``data`` to a file, existing or new, through a temporary file in the same folder.

    A symbolic link stays, and its target is replaced. An existing file keeps its mode and, if allowed, its owner.

    Args:
        path: The file.
        data: The new contents.
        mode: The permissions of a new file.
        before_rename: Called last, while nothing has changed yet; an error in it cancels the replacement.

    Raises:
        NotRegularFileError: Something else than a regular file is there. Nothing was written.
        OSError: The file could not be written; it is unchanged.
    """
    target = find_target(path)
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=SUFFIX, dir=target.parent)
    temporary = Path(name)
    try:
        # Closed before it is renamed, because Windows cannot rename an open file.
        try:
            write(descriptor, data, temporary)
            _copy_rights(target, temporary, mode)
            sync(descriptor, target)
        finally:
            os.close(descriptor)
        before_rename()
        with _step("rename", target):
            temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(target.parent)


def _copy_rights(target: Path, temporary: Path, mode: int) -> None:
    """Give a new file the mode and the owner of the file that it replaces, or the mode of a new one."""
    status = target.stat() if target.exists() else None
    temporary.chmod(stat.S_IMODE(status.st_mode) if status else mode)
    # Some platforms have no owner, and often only a superuser may change it.
    if status and hasattr(os, "chown"):
        with contextlib.suppress(PermissionError):
            os.chown(temporary, status.st_uid, status.st_gid)


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
