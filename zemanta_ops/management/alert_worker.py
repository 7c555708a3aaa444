"""Judge alerts and send events for as long as a process holds the lock."""

from __future__ import annotations

import time
from collections.abc import Callable

import django.db

from zemanta_ops.management.leader import PeriodicWorker
from zemanta_ops.stack.alerting.checker import Checker, Report
from zemanta_ops.stack.alerting.store import describe_database_error
from zemanta_ops.tables import TABLE_ERRORS

# Seconds between two looks at what is due.
TICK = 5.0


class AlertWorker(PeriodicWorker):
    """Runs a checker every few seconds.

    Args:
        checker: What runs. Its sender stops when this process may not send any more.
        report: Gets what each round did.
        report_failure: Gets a sentence if the state cannot be read or written.

    """

    def __init__(
        self, checker: Checker, report: Callable[[Report], None], report_failure: Callable[[str], None]
    ) -> None:
        super().__init__()
        self._checker = checker
        self._report = report
        self._report_failure = report_failure
        # A plain flag, because a signal handler sets it.
        self._is_ending = False
        checker.is_stopping = lambda: self._is_ending
        if checker.sender is not None:
            checker.sender.may_send = lambda: self.may_emit() and not self._is_ending

    def step(self) -> None:
        """Judge and send what is due, then wait."""
        try:
            self._report(self._checker.check(time.time()))
        except TABLE_ERRORS as error:
            # What was not stored is judged again in the next round. What was sent and not noted is claimed.
            django.db.connections.close_all()
            self._report_failure(describe_database_error(error))
        self.wait(TICK)

    def forget(self) -> None:
        """Read everything again: another process may have judged since."""
        self._checker.forget()

    def wake(self) -> None:
        """End a round between two sends, and a wait at once; safe in a signal handler."""
        self._is_ending = True
        super().wake()
