"""Celery: published tasks, how long they waited for a worker, how long they ran, and how they ended."""

from __future__ import annotations

import time
from datetime import datetime
from importlib.util import find_spec
from typing import Any

from zemanta_ops.metrics.catalog import CELERY_DURATION, CELERY_PUBLISHED, CELERY_WAIT
from zemanta_ops.metrics.client import default_client
from zemanta_ops.metrics.clock import measure_wait, perf_counter

_PUBLISHED_AT = "zemanta_ops_published_at"


def _add_timestamp(headers: dict[str, Any] | None = None, **_: Any) -> None:
    if headers is not None:
        headers[_PUBLISHED_AT] = time.time()


def _count_published(sender: str | None = None, routing_key: str | None = None, **_: Any) -> None:
    default_client.incr(CELERY_PUBLISHED.name, task=sender, queue=routing_key)


def _get_tags(task: Any) -> dict[str, Any]:
    return {"task": task.name, "queue": (task.request.delivery_info or {}).get("routing_key")}


def _find_due(request: Any) -> float | None:
    """Return the time from which a task counts as waiting, in seconds since the epoch; None if it is unknown."""
    published = request.get(_PUBLISHED_AT)
    if not isinstance(published, (int, float)):
        return None
    try:
        return max(published, datetime.fromisoformat(request.eta).timestamp())
    except (TypeError, ValueError):
        return published


def _record_start(task: Any, **_: Any) -> None:
    task.request.zemanta_ops_started = perf_counter()
    due = _find_due(task.request)
    if due is not None:
        waited = measure_wait(due, time.time())
        if waited is not None:
            default_client.timing(CELERY_WAIT.name, waited, **_get_tags(task))


def _record_duration(task: Any, state: str | None = None, **_: Any) -> None:
    started = getattr(task.request, "zemanta_ops_started", None)
    if started is not None:
        outcome = (state or "unknown").lower()
        default_client.timing(CELERY_DURATION.name, perf_counter() - started, outcome=outcome, **_get_tags(task))


def _list_receivers() -> list[tuple[Any, Any]]:
    if find_spec("celery") is None:
        return []
    from celery import signals

    return [
        (signals.before_task_publish, _add_timestamp),
        (signals.after_task_publish, _count_published),
        (signals.task_prerun, _record_start),
        (signals.task_postrun, _record_duration),
    ]


def install() -> None:
    """Listen to Celery's signals, in the process that publishes and in the worker."""
    for signal, receiver in _list_receivers():
        signal.connect(receiver, weak=False, dispatch_uid=f"{__name__}.{receiver.__name__}")


def uninstall() -> None:
    """Stop listening."""
    for signal, receiver in _list_receivers():
        signal.disconnect(dispatch_uid=f"{__name__}.{receiver.__name__}")
