"""A statement may be any object that the driver takes: it is read if that is possible, and never disturbs the query."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NoReturn
from unittest import mock

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

from zemanta_ops.metrics.instrumentation import database
from zemanta_ops.testing import Recorder

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


def fail(*_: Any, **__: Any) -> NoReturn:
    raise ValueError("a method of the statement was called")


class Unhashable(str):
    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]


class Raising(str):
    """Raises from whatever reads it as text in Python; the driver reads the text itself."""

    __slots__ = ()
    lstrip = lower = __getitem__ = __hash__ = __str__ = __repr__ = fail


class Composed:
    """Has the method of psycopg's composed SQL."""

    def __init__(self, text: str, refuse: bool = False) -> None:
        self._text = text
        self._refuse = refuse

    def as_string(self, context: Any) -> str:
        if self._refuse:
            raise TypeError("the connection is closed")
        return self._text

    __repr__ = fail


class Opaque:
    __repr__ = __str__ = __hash__ = fail


def pass_plain(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
    """Act as a driver that reads the text of a statement and nothing else of it."""
    return execute(str.__str__(sql), *rest)


def run_twice(statement: str) -> HttpResponse:
    with connection.execute_wrapper(pass_plain), connection.cursor() as cursor:
        for _ in range(2):
            cursor.execute(statement)
    return HttpResponse("ok")


def unhashable(request: HttpRequest) -> HttpResponse:
    return run_twice(Unhashable("SELECT 4"))


def raising(request: HttpRequest) -> HttpResponse:
    return run_twice(Raising("SELECT 4"))


urlpatterns = [path("unhashable/", unhashable, name="unhashable"), path("raising/", raising, name="raising")]


@pytest.fixture(autouse=True)
def installed() -> Iterator[None]:
    middleware = ["zemanta_ops.metrics.middleware.RequestMetricsMiddleware"]
    with override_settings(MIDDLEWARE=middleware, ZEMANTA_OPS={"METRICS": {"INSTRUMENT": ["database"]}}):
        database.install()
        yield


@pytest.mark.parametrize("view", ["unhashable", "raising"])
def test_a_subclass_of_str_is_a_statement_like_any_other(view: str, captured_metrics: Recorder) -> None:
    assert Client().get(f"/{view}/").status_code == 200
    assert len(captured_metrics.find("db.query.duration", operation="select", outcome="ok")) == 2
    captured_metrics.assert_histogram("http.request.repeated_queries", 2, view=view)


@pytest.mark.parametrize(
    ("make", "operation"),
    [
        (lambda: b"select 1", "select"),
        (lambda: b"-- caf\xe9\nDELETE FROM a", "delete"),
        (lambda: Composed("/* page 1 */ UPDATE a SET b = 1"), "update"),
        (lambda: Composed("INSERT INTO a VALUES (1)", refuse=True), "other"),
        (lambda: Opaque(), "other"),
        (lambda: None, "other"),
    ],
)
@pytest.mark.parametrize("outcome", ["ok", "error"])
def test_what_is_no_str_is_read_if_possible(
    make: Callable[[], Any], operation: str, outcome: str, captured_metrics: Recorder
) -> None:
    execute = mock.Mock(side_effect=None if outcome == "ok" else LookupError("of the database"), return_value="rows")
    statement = make()
    context = {"connection": connection}
    if outcome == "ok":
        assert database._execute(execute, statement, None, False, context) == "rows"
    else:
        with pytest.raises(LookupError):
            database._execute(execute, statement, None, False, context)
    assert execute.call_args.args[0] is statement
    captured_metrics.assert_timing("db.query.duration", operation=operation, outcome=outcome)


@pytest.mark.parametrize(
    ("statement", "operation"),
    [
        ("(WITH a AS (SELECT 1) SELECT * FROM a)", "select"),
        ("(WITH a AS (SELECT 1) SELECT 1) UNION (SELECT 2)", "select"),
        ("( /* nightly */ WITH a AS (INSERT INTO b VALUES (1) RETURNING c) DELETE FROM d)", "delete"),
        ("(WITH a AS (SELECT 1) MERGE INTO b USING a ON c WHEN MATCHED THEN DELETE)", "other"),
    ],
)
def test_a_statement_in_parentheses_is_what_it_contains(statement: str, operation: str) -> None:
    assert database._find_operation(statement) == operation
