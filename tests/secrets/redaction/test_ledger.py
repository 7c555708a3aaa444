"""What was revealed stays revealed, whatever other threads and forks do."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import TracebackType

import pytest

from zemanta_ops.secrets import ledger

Forked = Callable[[Callable[[], bool]], bool]


class Switching(AbstractContextManager[None]):
    """A lock that lets another thread run as soon as it is taken, so that one without it would lose its value."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.taken = 0

    def __enter__(self) -> None:
        self._lock.acquire()
        self.taken += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()


def test_each_reveal_holds_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adding to a set that is replaced reads, then writes: without the lock, two threads would keep one value."""
    lock = Switching()
    monkeypatch.setattr(ledger, "_lock", lock)
    ledger.reveal("example-secret-one")
    ledger.reveal(b"example-secret-two")
    assert lock.taken == 2
    assert {"example-secret-one", "example-secret-two"} <= ledger.plaintexts()


@pytest.fixture
def held() -> Iterator[None]:
    """Hold the ledger's lock in another thread, as a thread that reveals does at the moment of a fork."""
    taken, done = threading.Event(), threading.Event()

    def hold() -> None:
        with ledger._lock:
            taken.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait(30)
    yield
    done.set()
    thread.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")
def test_a_child_does_not_wait_for_a_thread_of_its_parent(held: None, forked: Forked) -> None:
    assert forked(lambda: ledger._lock.acquire(timeout=5))
