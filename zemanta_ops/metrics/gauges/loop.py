"""Does work for as long as a process runs and holds the lease."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Protocol

from django.db import close_old_connections

from zemanta_ops.metrics.gauges.lease import LeaseError, WorkLease

logger = logging.getLogger("zemanta_ops.metrics")

WORKING = "working"
WAITING = "waiting: another process holds the lock"


class Worker(Protocol):
    """What one process of a deployment does. All methods but ``wake`` are called from one thread.

    Attributes:
        may_emit: Called right before results are sent; False if another process may be sending by now.

    """

    may_emit: Callable[[], bool]

    def step(self) -> None:
        """Wait for the next thing that is due, and do it."""

    def wait(self, seconds: float) -> None:
        """Wait until ``wake()`` is called, for at most this many seconds."""

    def forget(self) -> None:
        """Drop what is known: another process may have done the work since."""

    def wake(self) -> None:
        """Make a waiting method return; safe in a signal handler."""


def read_clock() -> float:
    """Return seconds that go on while the process is frozen and, on Linux, while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def acquire(lease: WorkLease) -> bool:
    """Take or renew the lease; return False if another process holds it.

    Raises:
        LeaseError: The database or the cache cannot be reached.
    """
    try:
        return lease.acquire()
    except Exception as error:
        raise LeaseError(f"the lock cannot be taken {lease.explain(error)}") from error


class LeaseRenewal:
    """Renews a lease three times in its length, and knows whether this process holds it.

    Args:
        lease: the lock.
        seconds: how long the lease lasts.
    """

    def __init__(self, lease: WorkLease, seconds: float) -> None:
        self._lease = lease
        self._seconds = seconds
        self._expires_at = self._renew_at = 0.0

    @property
    def pause(self) -> float:
        """Seconds between two renewals."""
        return self._seconds / 3

    def is_held(self) -> bool:
        """Renew the lease if that is due, and return whether it is held.

        While the lock cannot be reached, a lease that was held lasts until it expires.
        """
        now = read_clock()
        if now >= self._renew_at:
            self._renew_at = now + self.pause
            try:
                close_old_connections()
                # Counted from before the renewal, so that this process never believes in the lease for too long.
                self._expires_at = now + self._seconds if acquire(self._lease) else 0.0
            except LeaseError as error:
                logger.warning("%s", error)
        return now < self._expires_at

    def is_current(self) -> bool:
        """Return whether the lease that was taken last is still valid, without renewing it."""
        return read_clock() < self._expires_at


def run(
    worker: Worker,
    lease: WorkLease,
    seconds: float,
    is_stopping: Callable[[], bool],
    report: Callable[[str], None],
) -> None:
    """Work while the lease is held and wait while it is not, until ``is_stopping()``; then give the lease back.

    Args:
        worker: what to do; call its ``wake()`` to end a wait when ``is_stopping()`` has changed.
        lease: the lock.
        seconds: how long the lease lasts.
        is_stopping: called between two steps.
        report: gets WORKING or WAITING at every change.

    Raises:
        LeaseError: The lock cannot be reached at the start.
    """
    acquire(lease)
    try:
        _take_turns(worker, LeaseRenewal(lease, seconds), is_stopping, report)
    finally:
        _release(lease)


def _take_turns(
    worker: Worker, renewal: LeaseRenewal, is_stopping: Callable[[], bool], report: Callable[[str], None]
) -> None:
    reported = ""
    worker.may_emit = renewal.is_current
    while not is_stopping():
        state = WORKING if renewal.is_held() else WAITING
        if state != reported:
            reported = state
            worker.forget()
            report(state)
        if state == WORKING:
            worker.step()
        else:
            worker.wait(renewal.pause)


def _release(lease: WorkLease) -> None:
    try:
        lease.release()
    except Exception as error:  # noqa: BLE001  (the lease expires by itself)
        logger.warning("The lock could not be given back: %s", type(error).__name__)
