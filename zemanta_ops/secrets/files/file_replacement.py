"""Replacement of files that hold tokens: atomic, and refused if another program changed the file meanwhile."""

from __future__ import annotations

import os
from pathlib import Path

from zemanta_ops import atomic
from zemanta_ops.secrets.exceptions import SourceError


def refuse_special(path: Path) -> None:
    """Refuse what is not a regular file before it is read: reading a pipe or a device may never end.

    Raises:
        SourceError: The path leads to something else than a regular file, or to a loop.
    """
    try:
        atomic.find_target(path)
    except OSError as error:
        raise SourceError(f"{path} is not a settings file: {error.strerror}") from None


def replace_file(path: Path, data: bytes, expected: bytes) -> None:
    """Replace a file atomically, through a temporary file in the same folder.

    The target of a symbolic link is replaced and the link kept. Mode and, if allowed, owner are kept.

    Args:
        path: The file.
        data: The new contents.
        expected: The contents that ``data`` is based on.

    Raises:
        SourceError: The file is read-only, was changed meanwhile, or could not be written. It is unchanged.
    """

    def check_unchanged() -> None:
        if path.read_bytes() != expected:
            raise SourceError(
                f"{path} was changed by another program meanwhile, so it was not written: run the command again"
            )

    try:
        # A superuser can write a read-only file, but its owner did not mean that.
        if not path.stat().st_mode & 0o222:
            raise SourceError(f"{path} is read-only: make it writable (chmod u+w) and run the command again")
        atomic.replace(path, data, before_rename=check_unchanged)
    except OSError as error:
        raise SourceError(f"{path} could not be written and is unchanged: {error.strerror}") from None


def remove_leftovers(path: Path) -> None:
    """Delete temporary files of a killed run beside ``path``."""
    target = path.resolve()
    for leftover in target.parent.glob(f".{_escape(target.name)}.*{atomic.SUFFIX}"):
        if leftover.is_file() and not leftover.is_symlink():
            leftover.unlink(missing_ok=True)


def append_to_file(path: Path, data: bytes) -> None:
    """Append to a file of mode 0600 and wait until the data is on disk.

    Raises:
        SourceError: It could not be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            atomic.write(descriptor, data, path)
            atomic.sync(descriptor, path)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise SourceError(f"{path} could not be written: {error.strerror}") from None


def _escape(name: str) -> str:
    return "".join(f"[{character}]" if character in "*?[" else character for character in name)
