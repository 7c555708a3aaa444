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

from zemanta_ops.metrics.catalog import QUERY_DURATION
from zemanta_ops.metrics.client import default_client

OPERATIONS = frozenset({"select", "insert", "update", "delete"})

_wrapped: WeakSet[BaseDatabaseWrapper] = WeakSet()


def _execute(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    alias = context["connection"].alias
    outcome = "error"
    started = perf_counter()
    try:
        result = execute(sql, params, many, context)
        outcome = "ok"
    finally:
        seconds = perf_counter() - started
        default_client.timing(QUERY_DURATION.name, seconds, alias=alias, operation=_operation(sql), outcome=outcome)
    return result


def _operation(sql: Any) -> str:
    """Return the first word of a statement where it is one of OPERATIONS; psycopg's composed SQL is ``other``."""
    word = sql.lstrip(" (\n\t")[:6].lower() if isinstance(sql, str) else ""
    return word if word in OPERATIONS else "other"


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
