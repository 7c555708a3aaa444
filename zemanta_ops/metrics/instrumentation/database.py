"""Database queries: the time of each, and per request their number, their time and the most repeated statement.

It uses Django's ``execute_wrappers``, which do not see BEGIN, COMMIT and ROLLBACK.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
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
from zemanta_ops.metrics.clock import perf_counter
from zemanta_ops.metrics.instrumentation.emitting import Emitter
from zemanta_ops.metrics.request.state import get_request_state

# Of a longer statement only the start is searched.
MAX_SQL = 20_000
_VERBS = frozenset(DATABASE_OPERATIONS) - {"other"}
# Statements that contain the verbs of others: WHEN MATCHED THEN UPDATE, REPLACE INTO … SELECT.
_MIXED = frozenset({"merge", "replace"})
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
        statement = sql if type(sql) is str else _to_text(sql, context)
        _durations.put(seconds * 1000.0, alias, _find_operation(statement), outcome)
        _add_to_request(alias, statement, seconds)
    return result


def _to_text(sql: Any, context: dict[str, Any]) -> str:
    """Return a statement as a plain ``str``: methods of a subclass could raise, or not be hashable. Never raises."""
    try:
        if isinstance(sql, str):
            return str.__str__(sql)
        if isinstance(sql, bytes):
            return sql.decode(errors="replace")
        # psycopg's composed SQL.
        return str.__str__(sql.as_string(context["connection"].connection))
    except Exception:  # noqa: BLE001  (any object may be given as a statement, and the query itself has succeeded)
        return object.__repr__(sql)


def _add_to_request(alias: str, statement: str, seconds: float) -> None:
    request = get_request_state()
    if request is None:
        return
    tags = (("alias", alias),)
    request.add(REQUEST_QUERIES, 1, tags)
    request.add(REQUEST_QUERY_TIME, seconds * 1000.0, tags)
    # The hash instead of the statement, so that a request with thousands of queries does not keep their texts alive.
    request.note(REQUEST_REPEATS, hash(statement), tags)


def _find_operation(sql: str) -> str:
    """Return what a statement does if the catalogue lists it, else ``other``.

    Comments before it do not count, and of a statement that begins with ``WITH`` the one that follows its tables does.
    """
    word = sql.lstrip(" (\n\t")[:6].lower()
    return word if word in DATABASE_OPERATIONS else _find_late_operation(sql)


# Comments, quoted texts and names, words and parentheses of SQL. "#>" and "#-" are operators of PostgreSQL.
_TOKEN = re.compile(
    r"--[^\n]*|#(?![>-])[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|(?P<open>\()|(?P<close>\))|(?P<word>[A-Za-z_]\w*)",
    re.DOTALL,
)


@functools.lru_cache(maxsize=1024)
def _find_late_operation(sql: str) -> str:
    depth, base, first = 0, 0, True
    for token in _TOKEN.finditer(sql[:MAX_SQL]):
        depth += bool(token["open"]) - bool(token["close"])
        word = (token["word"] or "").lower()
        if word in _VERBS and (depth <= base or first):
            return word
        if word in _MIXED and depth <= base:
            return "other"
        if word and first:
            if word != "with":
                return "other"
            # The whole statement may be in parentheses.
            base, first = depth, False
    return "other"


def _wrap(connection: BaseDatabaseWrapper, **_: Any) -> None:
    # The signal is also sent after a reconnect, when the connection still has its wrappers.
    if _execute not in connection.execute_wrappers:
        connection.execute_wrappers.append(_execute)
        _wrapped.add(connection)


def install() -> None:
    """Measure every connection that this process opens, and those that this thread has open."""
    connection_created.connect(_wrap, dispatch_uid=__name__)
    for connection in connections.all(initialized_only=True):
        _wrap(connection)


def uninstall() -> None:
    """Stop measuring, also the connections of other threads."""
    connection_created.disconnect(dispatch_uid=__name__)
    for connection in list(_wrapped):
        _wrapped.discard(connection)
        if _execute in connection.execute_wrappers:
            connection.execute_wrappers.remove(_execute)
