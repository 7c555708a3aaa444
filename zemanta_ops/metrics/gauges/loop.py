"""Collects gauges for as long as a process runs and holds the lease."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.db import close_old_connections

from zemanta_ops.metrics.gauges.collector import Collector
from zemanta_ops.metrics.gauges.lease import CollectorLease, LeaseError

logger = logging.getLogger("zemanta_ops.metrics")

COLLECTING = "collecting"
WAITING = "waiting: another process holds the lock"


def read_clock() -> float:
    """Return seconds that go on while the process is frozen and, on Linux, while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def acquire(lease: CollectorLease) -> bool:
    """Take or renew the lease; return False if another process holds it.

    Raises:
        LeaseError: The database or the cache cannot be reached.
    """
    try:
        return lease.acquire()
    except Exception as error:
        raise LeaseError(
            f"the lock of the gauges cannot be taken ({type(error).__name__}: {error}). Run: manage.py migrate, "
            "or set GAUGE_LOCK to a shared cache"
        ) from error


class LeaseRenewal:
    """Renews a lease three times in its length, and knows whether this process holds it.

    Args:
        lease: the lock.
        seconds: how long the lease lasts.
    """

    def __init__(self, lease: CollectorLease, seconds: float) -> None:
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
    collector: Collector,
    lease: CollectorLease,
    seconds: float,
    is_stopping: Callable[[], bool],
    report: Callable[[str], None],
) -> None:
    """Collect while the lease is held and wait while it is not, until ``is_stopping()``; then give the lease back.

    Args:
        collector: what to collect; call its ``wake()`` to end a wait when ``is_stopping()`` has changed.
        lease: the lock.
        seconds: how long the lease lasts.
        is_stopping: called between two steps.
        report: gets COLLECTING or WAITING at every change.

    Raises:
        LeaseError: The lock cannot be reached at the start.
    """
    acquire(lease)
    try:
        _take_turns(collector, LeaseRenewal(lease, seconds), is_stopping, report)
    finally:
        _release(lease)


def _take_turns(
    collector: Collector, renewal: LeaseRenewal, is_stopping: Callable[[], bool], report: Callable[[str], None]
) -> None:
    reported = ""
    collector.may_emit = renewal.is_current
    while not is_stopping():
        state = COLLECTING if renewal.is_held() else WAITING
        if state != reported:
            reported = state
            collector.forget()
            report(state)
        if state == COLLECTING:
            collector.step()
        else:
            collector.wait(renewal.pause)


def _release(lease: CollectorLease) -> None:
    try:
        lease.release()
    except Exception as error:  # noqa: BLE001  (the lease expires by itself)
        logger.warning("The lock of the gauges could not be given back: %s", type(error).__name__)
