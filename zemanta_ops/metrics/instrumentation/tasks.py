"""django.tasks (Django 6.0 and later; silently absent before): enqueued, waited, ran, and how it ended."""

from __future__ import annotations

from datetime import datetime
from importlib.util import find_spec
from typing import Any

from zemanta_ops.metrics.catalog import TASK_DURATION, TASK_ENQUEUED, TASK_WAIT
from zemanta_ops.metrics.client import default_client


def _tags(result: Any) -> dict[str, str]:
    return {"task": result.task.module_path, "queue": result.task.queue_name, "backend": result.backend}


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    # Two machines' clocks may disagree; a negative time would be refused by the agent.
    return max((end - start).total_seconds(), 0.0) if start and end else None


def _enqueued(task_result: Any, **_: Any) -> None:
    default_client.incr(TASK_ENQUEUED.name, **_tags(task_result))


def _started(task_result: Any, **_: Any) -> None:
    due = max((moment for moment in (task_result.enqueued_at, task_result.task.run_after) if moment), default=None)
    waited = _seconds(due, task_result.last_attempted_at)
    # A retry would count the attempts before it as waiting.
    if waited is not None and task_result.started_at == task_result.last_attempted_at:
        default_client.timing(TASK_WAIT.name, waited, **_tags(task_result))


def _finished(task_result: Any, **_: Any) -> None:
    took = _seconds(task_result.last_attempted_at, task_result.finished_at)
    if took is not None:
        default_client.timing(TASK_DURATION.name, took, outcome=str(task_result.status).lower(), **_tags(task_result))


def _receivers() -> list[tuple[Any, Any]]:
    if find_spec("django.tasks") is None:
        return []
    from django.tasks import signals  # type: ignore[import-not-found, unused-ignore]

    return [
        (signals.task_enqueued, _enqueued),
        (signals.task_started, _started),
        (signals.task_finished, _finished),
    ]


def install() -> None:
    """Listen to the signals of django.tasks."""
    for signal, receiver in _receivers():
        signal.connect(receiver, dispatch_uid=__name__)


def uninstall() -> None:
    """Stop listening."""
    for signal, _receiver in _receivers():
        signal.disconnect(dispatch_uid=__name__)
