"""Database queries, on SQLite; the same on PostgreSQL is in test_database_postgresql."""

from __future__ import annotations

import sqlite3
from threading import Thread

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import DatabaseError, connection

from zemanta_ops.metrics.instrumentation import database
from zemanta_ops.testing import Recorder

NAME = "db.query.duration"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def installed() -> None:
    database.install()


def test_queries_are_timed_by_operation(captured_metrics: Recorder) -> None:
    made = ContentType.objects.create(app_label="shop", model="order")
    ContentType.objects.filter(pk=made.pk).update(model="bill")
    made.delete()
    list(ContentType.objects.all())
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA foreign_keys")
    operations = {record.tags["operation"] for record in captured_metrics.find(NAME, alias="default", outcome="ok")}
    assert operations == {"insert", "update", "delete", "select", "other"}


def test_many_rows_at_once_are_one_query(captured_metrics: Recorder) -> None:
    with connection.cursor() as cursor:
        cursor.executemany("DELETE FROM django_content_type WHERE id = %s", [(-1,), (-2,)])
    assert len(captured_metrics.find(NAME, operation="delete")) == 1


def test_a_failing_query_fails_as_before_and_is_timed(captured_metrics: Recorder) -> None:
    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute("SELECT nothing FROM nowhere")
    captured_metrics.assert_timing(NAME, operation="select", outcome="error")


def test_installed_twice_times_once(captured_metrics: Recorder) -> None:
    database.install()
    list(ContentType.objects.all())
    assert len(captured_metrics.find(NAME)) == 1


def test_removed_twice_times_no_more(captured_metrics: Recorder) -> None:
    database.uninstall()
    database.uninstall()
    list(ContentType.objects.all())
    captured_metrics.assert_not_emitted(NAME)


def test_a_connection_of_another_thread_is_measured_and_let_go(captured_metrics: Recorder) -> None:
    counts: list[int] = []

    def work() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            counts.append(len(connection.execute_wrappers))
            database.uninstall()
            counts.append(len(connection.execute_wrappers))
        raw = connection.connection
        assert isinstance(raw, sqlite3.Connection)
        raw.close()

    thread = Thread(target=work)
    thread.start()
    thread.join()
    assert counts == [1, 0]
    captured_metrics.assert_timing(NAME, operation="select")
