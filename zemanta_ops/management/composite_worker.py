"""Compute composites when they are due, for as long as a process holds the lock."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from zemanta_ops.management.leader import PeriodicWorker
from zemanta_ops.metrics.catalog import COMPOSITE_DURATION
from zemanta_ops.metrics.client import default_client
from zemanta_ops.stack.declarations.model import Composite
from zemanta_ops.stack.evaluation.writing import CompositeWriter, ComputedComposite

logger = logging.getLogger("zemanta_ops.metrics")

Report = Callable[[ComputedComposite], None]

# The clock may be set while the process waits, so it never waits for long.
_PAUSE = 1.0
# After a failure the composite is tried again this much later.
_RETRY = 15.0


class CompositeWorker(PeriodicWorker):
    """Computes one due composite in each step."""

    def __init__(self, writer: CompositeWriter, report: Report) -> None:
        super().__init__()
        self._writer = writer
        self._report = report
        self._failed_at: dict[str, float] = {}
        writer.may_write = lambda: self.may_emit()

    def step(self) -> None:
        """Compute one composite that is due, or wait a moment."""
        due = [each for each in self._writer.find_due(time.time()) if not self._is_resting(each)]
        if not due:
            self.wait(_PAUSE)
            return
        # The one that failed longest ago comes first: one that always fails must not keep the others back.
        composite = min(due, key=lambda each: self._failed_at.get(each.name, 0.0))
        result = compute(self._writer, composite, time.time())
        if result.error:
            self._failed_at[composite.name] = time.monotonic()
            logger.warning("The composite %s failed: %s", composite.name, result.error)
        else:
            self._failed_at.pop(composite.name, None)
        self._report(result)

    def forget(self) -> None:
        """Compute the newest windows of every composite again."""
        self._writer.forget()
        self._failed_at.clear()

    def _is_resting(self, composite: Composite) -> bool:
        failed = self._failed_at.get(composite.name)
        return failed is not None and time.monotonic() < failed + _RETRY


def compute(writer: CompositeWriter, composite: Composite, now: float) -> ComputedComposite:
    """Compute the newest windows of a composite, write them, and emit how long it took."""
    started = time.monotonic()
    result = writer.write_newest(composite, now)
    outcome = "error" if result.error else "ok"
    default_client.timing(
        COMPOSITE_DURATION.name, time.monotonic() - started, composite=composite.name, outcome=outcome
    )
    return result
