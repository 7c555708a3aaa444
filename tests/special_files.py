"""What a path may lead to besides regular files. Devices are made below a temporary folder; none of the system's."""

from __future__ import annotations

import os
import signal
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

KINDS = {"fifo": "a pipe", "device": "a device", "socket": "a socket", "folder": "a folder"}
_SECONDS = 60


def make_special(kind: str, path: Path) -> Path:
    """Create a file of a kind, and return its path."""
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind(str(path))
    else:
        try:
            # The numbers of /dev/zero: it never ends.
            os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
        except (PermissionError, AttributeError):
            pytest.skip("only a superuser can make a device")
    return path


@contextmanager
def kept(path: Path) -> Iterator[None]:
    """Require that a path leads to the same inode afterwards, that its folder has nothing new, and that it ends."""
    before, beside = path.lstat(), sorted(path.parent.iterdir())

    def give_up(_number: int, _frame: object) -> None:
        raise TimeoutError("it waits for a file that never ends")

    handler = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)
    after = path.lstat()
    assert (after.st_ino, after.st_mode, after.st_rdev) == (before.st_ino, before.st_mode, before.st_rdev)
    assert sorted(path.parent.iterdir()) == beside
