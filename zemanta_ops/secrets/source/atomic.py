"""Replace a file's bytes so that whoever looks, and whatever is killed when, sees the old file or the new one whole."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from zemanta_ops.secrets.exceptions import SourceError

_SUFFIX = ".zemanta-ops.tmp"

StepHook = Callable[[str, Path], None]


def _no_hook(step: str, path: Path) -> None:
    """Do nothing: nobody watches."""


# Called as hook("before write", path) and so on, around each write, fsync and rename; tests end the process in it.
step_hook: StepHook = _no_hook


def replace(path: Path, data: bytes, expected: bytes) -> None:
    """Write ``data`` in place of a file, through a temporary file in the same folder.

    A symbolic link stays and its target is replaced; mode and, where allowed, owner stay.

    Args:
        expected: What the caller read from the file and based ``data`` on.

    Raises:
        SourceError: The file is read-only, was changed meanwhile, or could not be written (a full disk, say). The
            file is then as it was.
    """
    try:
        target = path.resolve(strict=True)
        status = target.stat()
        # A superuser may write a read-only file; that is still not what its owner meant.
        if not status.st_mode & 0o222:
            raise SourceError(f"{path} is read-only; make it writable (chmod u+w) and run again")
        with _temporary(target) as (descriptor, temporary):
            _write(descriptor, temporary, data)
            os.fchmod(descriptor, status.st_mode & 0o7777)
            with contextlib.suppress(PermissionError):
                os.fchown(descriptor, status.st_uid, status.st_gid)
            with _step("fsync", target):
                os.fsync(descriptor)
            if target.read_bytes() != expected:
                raise SourceError(f"{path} was changed meanwhile; nothing was written to it, run again")
            with _step("rename", target):
                temporary.replace(target)
            _sync_folder(target.parent)
    except OSError as error:
        raise SourceError(f"{path} could not be written: {error.strerror}; it is as it was") from None


def remove_leftovers(path: Path) -> None:
    """Delete the temporary files that a killed run left beside ``path``."""
    target = path.resolve()
    for leftover in target.parent.glob(f".{_escaped(target.name)}.*{_SUFFIX}"):
        leftover.unlink(missing_ok=True)


def append(path: Path, data: bytes) -> None:
    """Append to a file of mode 0600 and wait until it is on the disk.

    Raises:
        SourceError: It could not be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            _write(descriptor, path, data)
            with _step("fsync", path):
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise SourceError(f"{path} could not be written: {error.strerror}") from None


@contextlib.contextmanager
def _temporary(target: Path) -> Iterator[tuple[int, Path]]:
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=_SUFFIX, dir=target.parent)
    temporary = Path(name)
    try:
        yield descriptor, temporary
    finally:
        os.close(descriptor)
        temporary.unlink(missing_ok=True)


def _write(descriptor: int, path: Path, data: bytes) -> None:
    with _step("write", path):
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        # Some file systems refuse to sync a folder; the rename itself has happened.
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _step(name: str, path: Path) -> Iterator[None]:
    step_hook(f"before {name}", path)
    yield
    step_hook(f"after {name}", path)


def _escaped(name: str) -> str:
    return "".join(f"[{character}]" if character in "*?[" else character for character in name)
