"""The database instrumentation on a real PostgreSQL, with psycopg's own forms of SQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.utils.timezone import now
from psycopg import sql
from pytest_django import DjangoDbBlocker

from tests.metrics.postgresql import ALIAS, connected
from tests.servers.debian import PostgreSQL
from zemanta_ops.metrics.instrumentation import database
from zemanta_ops.models import Lease
from zemanta_ops.testing import Recorder

NAME = "db.query.duration"

pytestmark = pytest.mark.second_tier


@pytest.fixture
def connection(postgresql: PostgreSQL, django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Any]:
    with django_db_blocker.unblock(), connected(postgresql.settings()) as connection:
        database.install()
        yield connection
        database.uninstall()


def operations(captured_metrics: Recorder) -> list[str]:
    return [record.tags["operation"] for record in captured_metrics.find(NAME, alias=ALIAS, outcome="ok")]


def test_queries_of_the_orm(connection: Any, captured_metrics: Recorder) -> None:
    with transaction.atomic(using=ALIAS):
        made = Lease.objects.create(name="a", owner="b", expires_at=now())
        Lease.objects.filter(pk=made.pk).update(owner="c")
        made.delete()
    assert operations(captured_metrics) == ["insert", "update", "delete"]


def test_rows_that_come_through_a_cursor_of_the_server(connection: Any, captured_metrics: Recorder) -> None:
    Lease.objects.bulk_create(Lease(name=str(number), owner="b", expires_at=now()) for number in range(50))
    captured_metrics.clear()
    assert len(list(Lease.objects.iterator(chunk_size=10))) == 50
    assert operations(captured_metrics) == ["select"]


def test_sql_in_the_forms_of_psycopg(connection: Any, captured_metrics: Recorder) -> None:
    table = sql.Identifier("zemanta_ops_lease")
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT {}").format(sql.Literal(1)))
        cursor.execute(sql.SQL("WITH a AS (SELECT 1) DELETE FROM {}").format(table))
        cursor.execute(b"UPDATE zemanta_ops_lease SET owner = 'd'")
        cursor.execute(sql.SQL("SELECT 1"))
    assert operations(captured_metrics) == ["select", "delete", "update", "select"]


def test_a_query_that_postgresql_refuses(connection: Any, captured_metrics: Recorder) -> None:
    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute("SELECT nothing FROM nowhere")
    captured_metrics.assert_timing(NAME, alias=ALIAS, operation="select", outcome="error")


def test_after_a_reconnection_queries_are_measured_once(connection: Any, captured_metrics: Recorder) -> None:
    connection.close()
    Lease.objects.count()
    assert operations(captured_metrics) == ["select"]
