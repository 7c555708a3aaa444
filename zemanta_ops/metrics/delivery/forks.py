"""Detects a fork by one memory read on every emit and by Python's own hook, and gives each process its own lock.

``os.register_at_fork`` is not enough: uWSGI and other embedders fork without Python's hooks. Calling ``os.getpid()`` on
every emit costs a system call. Reading a page that the kernel clears in the child (``MADV_WIPEONFORK``, Linux 4.14)
costs 30 ns. On a system without fork, such as Windows, a plain list does.
"""

from __future__ import annotations

import mmap
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

_WIPE_ON_FORK = 18


class Mark(Protocol):
    """``mark[0]`` is the last value stored in this process, and 0 in a child that has not stored one."""

    def __getitem__(self, index: int, /) -> int: ...
    def __setitem__(self, index: int, value: int, /) -> None: ...


class PidMark:
    """Compares process ids, for kernels that cannot clear a page."""

    def __init__(self) -> None:
        self._value = 0
        self._pid = os.getpid()

    def __getitem__(self, index: int, /) -> int:
        return self._value if self._pid == os.getpid() else 0

    def __setitem__(self, index: int, value: int, /) -> None:
        self._pid, self._value = os.getpid(), value


def create_mark() -> Mark:
    """Return a mark that reads 0 until it is set, and again in every forked child."""
    if not hasattr(os, "fork"):
        return [0]
    try:
        page = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        page.madvise(_WIPE_ON_FORK)
    except (AttributeError, OSError, ValueError):
        return PidMark()
    return page


def call_in_children(function: Callable[[], None]) -> None:
    """Call a function in every child that is forked with Python's hooks; do nothing on a system without fork."""
    # A module attribute of POSIX systems only.
    register = getattr(os, "register_at_fork", None)
    if register is not None:
        register(after_in_child=function)


@contextmanager
def hold_process_lock(locks: dict[int, threading.Lock]) -> Iterator[bool]:
    """Hold this process's own lock, and yield whether it is held.

    It does not wait, because a signal handler may have interrupted the code that holds the lock. Each process id has
    its own lock: one inherited through a fork may be held by a thread that does not exist in this process.
    """
    lock = locks.setdefault(os.getpid(), threading.Lock())
    held = lock.acquire(blocking=False)
    try:
        yield held
    finally:
        if held:
            lock.release()
