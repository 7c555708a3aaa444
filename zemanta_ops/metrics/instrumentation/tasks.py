"""django.tasks, of Django 6.0 and later: enqueued tasks, how long they waited and ran, and how they ended."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from importlib.util import find_spec
from typing import Any

from zemanta_ops.metrics.catalog import TASK_DURATION, TASK_ENQUEUED, TASK_WAIT
from zemanta_ops.metrics.client import default_client
from zemanta_ops.metrics.clock import measure_wait, perf_counter

logger = logging.getLogger("zemanta_ops.metrics")

# When tasks of this process were started, by their id. Only what never finishes stays in it.
_started: dict[Any, float] = {}
MAX_STARTED = 10_000


def _without_raising(receiver: Callable[..., None]) -> Callable[..., None]:
    """Return a receiver that logs its errors: Django raises them into the code that enqueues or runs the task."""

    @wraps(receiver)
    def receive(*args: Any, **kwargs: Any) -> None:
        try:
            receiver(*args, **kwargs)
        except Exception:
            logger.exception("The metrics of a task could not be recorded")

    return receive


def _get_tags(result: Any) -> dict[str, str]:
    return {"task": result.task.module_path, "queue": result.task.queue_name, "backend": result.backend}


def _measure_seconds(start: datetime | None, end: datetime | None) -> float | None:
    return measure_wait(start.timestamp(), end.timestamp()) if start and end else None


@_without_raising
def _count_enqueued(task_result: Any, **_: Any) -> None:
    default_client.incr(TASK_ENQUEUED.name, **_get_tags(task_result))


@_without_raising
def _record_start(task_result: Any, **_: Any) -> None:
    if len(_started) >= MAX_STARTED:
        _started.clear()
    _started[task_result.id] = perf_counter()
    _record_wait(task_result)


def _record_wait(task_result: Any) -> None:
    due = max((moment for moment in (task_result.enqueued_at, task_result.task.run_after) if moment), default=None)
    waited = _measure_seconds(due, task_result.last_attempted_at)
    # The wait of a retry would include the earlier attempts.
    if waited is not None and task_result.started_at == task_result.last_attempted_at:
        default_client.timing(TASK_WAIT.name, waited, **_get_tags(task_result))


@_without_raising
def _record_duration(task_result: Any, **_: Any) -> None:
    started = _started.pop(task_result.id, None)
    if started is not None:
        took: float | None = perf_counter() - started
    else:  # another process has started it, and the times of the result are those of the wall clock
        took = _measure_seconds(task_result.last_attempted_at, task_result.finished_at)
    if took is not None:
        default_client.timing(
            TASK_DURATION.name, took, outcome=str(task_result.status).lower(), **_get_tags(task_result)
        )


def _list_receivers() -> list[tuple[Any, Any]]:
    if find_spec("django.tasks") is None:
        return []
    from django.tasks import signals  # type: ignore[import-not-found, unused-ignore]

    return [
        (signals.task_enqueued, _count_enqueued),
        (signals.task_started, _record_start),
        (signals.task_finished, _record_duration),
    ]


def install() -> None:
    """Listen to the signals of django.tasks."""
    for signal, receiver in _list_receivers():
        signal.connect(receiver, dispatch_uid=__name__)


def uninstall() -> None:
    """Stop listening."""
    for signal, _receiver in _list_receivers():
        signal.disconnect(dispatch_uid=__name__)
