"""Collects gauges for as long as a process runs and the lease is its own; else stands by."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.db import close_old_connections

from zemanta_ops.metrics.gauges.collector import Collector
from zemanta_ops.metrics.gauges.lease import Lease, LeaseError

logger = logging.getLogger("zemanta_ops.metrics")

Tell = Callable[[str], None]
COLLECTING = "collecting"
STANDING_BY = "standing by: another process holds the lock"


def acquire(lease: Lease) -> bool:
    """Take or renew the lease.

    Raises:
        LeaseError: the database or the cache cannot be asked.
    """
    try:
        return lease.acquire()
    except Exception as error:
        raise LeaseError(
            f"the lock of the gauges cannot be taken ({type(error).__name__}: {error}); run manage.py migrate, "
            "or set GAUGE_LOCK to a shared cache"
        ) from error


class Duty:
    """Whether this process collects at present; asks the lease three times in its length."""

    def __init__(self, lease: Lease, seconds: float) -> None:
        self._lease = lease
        self._seconds = seconds
        self._ends = self._ask_at = 0.0

    @property
    def pause(self) -> float:
        """Seconds between two questions."""
        return self._seconds / 3

    def holds(self) -> bool:
        """Renew the lease where that is due; while nobody can be asked, what was held lasts to its end."""
        now = time.monotonic()
        if now >= self._ask_at:
            self._ask_at = now + self.pause
            # Asked first and counted from then, so that this process never believes longer than the others.
            try:
                close_old_connections()
                self._ends = now + self._seconds if acquire(self._lease) else 0.0
            except LeaseError as error:
                logger.warning("%s", error)
        return now < self._ends


def run(collector: Collector, lease: Lease, seconds: float, stopping: Callable[[], bool], tell: Tell) -> None:
    """Collect while the lease is held and stand by while not, until ``stopping()``; then give the lease back.

    Args:
        collector: what to collect; its ``wake()`` ends a wait, so call it when ``stopping()`` has changed.
        lease: the lock.
        seconds: how long the lease lasts.
        stopping: asked between two steps.
        tell: gets COLLECTING or STANDING_BY at every change.

    Raises:
        LeaseError: the lock cannot be asked at the start.
    """
    acquire(lease)
    duty = Duty(lease, seconds)
    said = ""
    try:
        while not stopping():
            now = COLLECTING if duty.holds() else STANDING_BY
            if now != said:
                said = now
                collector.forget()
                tell(said)
            if now == COLLECTING:
                collector.step()
            else:
                collector.wait(duty.pause)
    finally:
        _release(lease)


def _release(lease: Lease) -> None:
    try:
        lease.release()
    except Exception as error:  # noqa: BLE001  (the lease ends by itself)
        logger.warning("The lock of the gauges could not be given back: %s", type(error).__name__)
