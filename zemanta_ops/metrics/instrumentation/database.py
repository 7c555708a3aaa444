"""Database queries: the time of each, and per request their number, their time and the most repeated statement.

It stands on Django's ``execute_wrappers``. BEGIN, COMMIT and ROLLBACK do not pass through them and are not counted.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any
from weakref import WeakSet

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from zemanta_ops.metrics.catalog import (
    DATABASE_OPERATIONS,
    QUERY_DURATION,
    REQUEST_QUERIES,
    REQUEST_QUERY_TIME,
    REQUEST_REPEATS,
)
from zemanta_ops.metrics.instrumentation.emitting import Emitter
from zemanta_ops.metrics.request.state import current
from zemanta_ops.metrics.series.series import HISTOGRAM, TIMING

_durations = Emitter(QUERY_DURATION)
_wrapped: WeakSet[BaseDatabaseWrapper] = WeakSet()


def _execute(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    alias = str(context["connection"].alias)
    outcome = "error"
    started = perf_counter()
    try:
        result = execute(sql, params, many, context)
        outcome = "ok"
    finally:
        seconds = perf_counter() - started
        _durations.put(seconds * 1000.0, alias, _operation(sql), outcome)
        _add_to_request(alias, sql, seconds)
    return result


def _add_to_request(alias: str, sql: Any, seconds: float) -> None:
    request = current()
    if request is None:
        return
    tags = (("alias", alias),)
    request.add(HISTOGRAM, REQUEST_QUERIES.name, 1, tags)
    request.add(TIMING, REQUEST_QUERY_TIME.name, seconds * 1000.0, tags)
    # The hash stands for the statement: a request of thousands of queries should not keep their texts alive.
    request.note(HISTOGRAM, REQUEST_REPEATS.name, hash(sql if isinstance(sql, str) else repr(sql)), tags)


def _operation(sql: Any) -> str:
    """Return the first word of a statement where it is one that counts; psycopg's composed SQL is ``other``."""
    word = sql.lstrip(" (\n\t")[:6].lower() if isinstance(sql, str) else ""
    return word if word in DATABASE_OPERATIONS else "other"


def _wrap(connection: BaseDatabaseWrapper, **_: Any) -> None:
    # A connection is created anew after each reconnect, and keeps its wrappers.
    if _execute not in connection.execute_wrappers:
        connection.execute_wrappers.append(_execute)
        _wrapped.add(connection)


def install() -> None:
    """Measure every connection that this process opens, and those that this thread has open."""
    connection_created.connect(_wrap, dispatch_uid=__name__)
    for connection in connections.all(initialized_only=True):
        _wrap(connection)


def uninstall() -> None:
    """Measure no connection any more, those of other threads included."""
    connection_created.disconnect(dispatch_uid=__name__)
    for connection in list(_wrapped):
        _wrapped.discard(connection)
        if _execute in connection.execute_wrappers:
            connection.execute_wrappers.remove(_execute)
