"""Files that hold tokens: replaced whole or not at all, and only where nobody else has changed them meanwhile."""

from __future__ import annotations

import os
from pathlib import Path

from zemanta_ops import atomic
from zemanta_ops.secrets.exceptions import SourceError


def replace_file(path: Path, data: bytes, expected: bytes) -> None:
    """Write ``data`` in place of a file, through a temporary file in the same folder.

    A symbolic link stays and its target is replaced; mode and, where allowed, owner stay.

    Args:
        expected: What the caller read from the file and based ``data`` on.

    Raises:
        SourceError: The file is read-only, was changed meanwhile, or could not be written (a full disk, say). The
            file is then as it was.
    """

    def check_unchanged() -> None:
        if target.read_bytes() != expected:
            raise SourceError(f"{path} was changed meanwhile; nothing was written to it, run again")

    try:
        target = path.resolve(strict=True)
        status = target.stat()
        # A superuser may write a read-only file; that is still not what its owner meant.
        if not status.st_mode & 0o222:
            raise SourceError(f"{path} is read-only; make it writable (chmod u+w) and run again")
        owner = (status.st_uid, status.st_gid)
        atomic.replace(target, data, mode=status.st_mode & 0o7777, owner=owner, before_rename=check_unchanged)
    except OSError as error:
        raise SourceError(f"{path} could not be written: {error.strerror}; it is as it was") from None


def remove_leftovers(path: Path) -> None:
    """Delete the temporary files that a killed run left beside ``path``."""
    target = path.resolve()
    for leftover in target.parent.glob(f".{_escaped(target.name)}.*{atomic.SUFFIX}"):
        leftover.unlink(missing_ok=True)


def append_to_file(path: Path, data: bytes) -> None:
    """Append to a file of mode 0600 and wait until it is on the disk.

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


def _escaped(name: str) -> str:
    return "".join(f"[{character}]" if character in "*?[" else character for character in name)
