"""What each failure of Django's database calls for, on real files of SQLite and, in the second tier, PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, ProgrammingError, connections
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from tests.commands.alerting import NOBODY
from tests.metrics.postgresql import ALIAS, connected
from tests.servers.debian import PostgreSQL
from tests.servers.process import wait_until
from zemanta_ops.metrics.gauges.lease import LeaseError, create_lease
from zemanta_ops.metrics.gauges.loop import acquire
from zemanta_ops.tables import describe_table_error

SQLITE = "django.db.backends.sqlite3"
POSTGRESQL = "django.db.backends.postgresql"
LOCKED = "Another program holds a lock"


@pytest.fixture
def file(tmp_path: Path, django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Path]:
    """Return a file of SQLite in which the tables are, and which every model uses."""
    path = tmp_path / "db.sqlite3"
    with django_db_blocker.unblock(), connected({"ENGINE": SQLITE, "NAME": path, "OPTIONS": {"timeout": 0.1}}):
        yield path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Lock a file as another program does that writes for long."""
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.rollback()


@contextmanager
def moved(settings: dict[str, Any]) -> Iterator[None]:
    """Let the connection lead somewhere else; the one that is open stays open."""
    kept, before = connections.settings[ALIAS], connections[ALIAS]
    connections.settings[ALIAS] = connections.configure_settings({"default": {}, ALIAS: settings})[ALIAS]
    connections[ALIAS] = connections.create_connection(ALIAS)
    try:
        yield
    finally:
        connections[ALIAS].close()
        connections[ALIAS], connections.settings[ALIAS] = before, kept


def refuse(lock: str = "database") -> str:
    """Return why the lock of ``emit_gauges`` cannot be taken."""
    with pytest.raises(LeaseError) as failure:
        acquire(create_lease(lock, "emit_gauges", "a", 60))
    return str(failure.value)


def refuse_at(settings: dict[str, Any]) -> str:
    """Return why the lock cannot be taken in another place; empty if it can."""
    with moved(settings):
        try:
            acquire(create_lease("database", "emit_gauges", "a", 60))
        except LeaseError as error:
            return str(error)
    return ""


@pytest.mark.parametrize("command", [["emit_gauges", "--once"], ["check_alerts"], ["list_alerts"], ["silence_alert"]])
def test_every_command_names_a_lock_in_the_database_and_not_its_tables(file: Path, command: list[str]) -> None:
    arguments = ["--list"] if command == ["silence_alert"] else []
    settings = override_settings(ZEMANTA_OPS=NOBODY)
    with locked(file), settings, pytest.raises(CommandError, match=LOCKED) as failure:
        call_command(*command, *arguments, stdout=StringIO(), stderr=StringIO())
    assert "migrate" not in str(failure.value)
    assert failure.value.returncode == 3


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("file:{folder}/db.sqlite3?mode=ro", "This database accepts no writes"),
        ("{folder}/missing/db.sqlite3", "Correct NAME of DATABASES['postgresql']: it must be a file"),
        ("{folder}/text", "Correct NAME of DATABASES['postgresql']: it must be a file"),
        ("{folder}/empty", "Run: manage.py migrate zemanta_ops --database=postgresql"),
    ],
)
def test_a_file_of_sqlite_that_cannot_be_used(file: Path, name: str, words: str) -> None:
    (file.parent / "text").write_text("not a database " * 100)
    with moved({"ENGINE": SQLITE, "NAME": name.format(folder=file.parent), "OPTIONS": {"uri": True}}):
        assert words in refuse()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"HOST": "127.0.0.1", "PORT": 9}, "cannot be reached: start it"),
        ({"HOST": "nowhere.invalid"}, "cannot be reached: start it"),
        ({"HOST": "/nowhere"}, "cannot be reached: start it"),
        ({"ENGINE": "django.db.backends.dummy"}, "Correct DATABASES['postgresql'], or install the package"),
    ],
)
def test_a_server_that_is_not_there(file: Path, settings: dict[str, Any], words: str) -> None:
    with moved({"ENGINE": POSTGRESQL, "NAME": "shop", "USER": "shop", **settings}):
        text = refuse()
    assert words in text
    assert "migrate" not in text


def test_the_database_that_django_has_when_none_is_configured_is_no_traceback(file: Path) -> None:
    with moved({"ENGINE": "django.db.backends.dummy"}), pytest.raises(CommandError, match="Correct DATABASES"):
        call_command("list_alerts")


def test_a_cache_without_its_table_and_a_cache_without_its_server(file: Path) -> None:
    caches = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
        "table": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "missing"},
        "redis": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:9"},
    }
    with override_settings(CACHES=caches):
        assert "Run: manage.py createcachetable --database=postgresql" in refuse("cache:table")
        text = refuse("cache:redis")
    assert "Start the server of the cache 'redis', or correct LOCATION of CACHES['redis']" in text
    assert "migrate" not in text


class DriverError(Exception):
    """Replaces the errors of drivers whose servers do not run here."""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((1146, "Table 'shop.zemanta_ops_lease' doesn't exist"), "Run: manage.py migrate zemanta_ops"),
        ((1205, "Lock wait timeout exceeded"), LOCKED),
        ((1045, "Access denied for user"), "Correct USER and PASSWORD"),
        ((2003, "Can't connect to MySQL server"), "cannot be reached"),
        (("ORA-00942: table or view does not exist",), "Run: manage.py migrate zemanta_ops"),
        (("verbindung: etwas anderes",), "Check DATABASES['default'], and the log of the database"),
    ],
)
def test_codes_of_other_drivers(arguments: tuple[object, ...], words: str) -> None:
    error = ProgrammingError(*arguments)
    error.__cause__ = DriverError(*arguments)
    assert words in describe_table_error(error, "default")


def test_a_code_counts_more_than_words_in_another_language() -> None:
    error = OperationalError("die Datenbank ist gesperrt")
    error.__cause__ = DriverError("die Datenbank ist gesperrt")
    error.__cause__.sqlstate = "55P03"  # type: ignore[attr-defined]
    assert LOCKED in describe_table_error(error, "default")


RIGHTS = """
    CREATE ROLE stranger LOGIN; CREATE ROLE guarded LOGIN PASSWORD 'example';
    CREATE ROLE full LOGIN CONNECTION LIMIT 0; CREATE ROLE hasty LOGIN; ALTER ROLE hasty SET lock_timeout = '100ms';
    GRANT ALL ON ALL TABLES IN SCHEMA public TO hasty;
    CREATE DATABASE closed; REVOKE CONNECT ON DATABASE closed FROM public
"""
RULES = """
host all guarded 127.0.0.1/32 scram-sha-256
host all postgres,stranger,full,hasty,ghost 127.0.0.1/32 trust
"""


@pytest.mark.second_tier
def test_postgresql(postgresql: PostgreSQL, django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    own = postgresql.settings()
    rules = postgresql.folder / "data" / "pg_hba.conf"
    before = rules.read_text()
    with django_db_blocker.unblock(), connected(own) as connection:
        with connection.cursor() as cursor:
            for statement in RIGHTS.split(";"):
                cursor.execute(statement)
            rules.write_text(RULES)
            cursor.execute("SELECT pg_reload_conf()")
        try:
            cases = {
                "no pg_hba.conf entry": {"USER": "unknown"},
                'FATAL: role "ghost" does not exist': {"USER": "ghost"},
                "password authentication failed": {"USER": "guarded", "PASSWORD": "wrong-example"},
                "no password supplied": {"USER": "guarded"},
            }
            for text, more in cases.items():
                assert wait_until(lambda: text in refuse_at({**own, **more}), 10)  # noqa: B023
                assert "Correct USER and PASSWORD" in refuse_at({**own, **more})
            assert "The server has no such database" in refuse_at({**own, "NAME": "missing"})
            assert "grant it CONNECT" in refuse_at({**own, "NAME": "closed", "USER": "stranger"})
            assert "grant it CONNECT" in refuse_at({**own, "USER": "stranger"})
            assert "accepts no more connections" in refuse_at({**own, "USER": "full"})
            replica = {"options": "-c default_transaction_read_only=on"}
            assert "This database accepts no writes" in refuse_at({**own, "OPTIONS": replica})
            assert "Run: manage.py migrate" in refuse_at({**own, "NAME": "template1"})
            with connection.cursor() as cursor:
                cursor.execute("BEGIN; LOCK TABLE zemanta_ops_lease IN ACCESS EXCLUSIVE MODE")
                assert LOCKED in refuse_at({**own, "USER": "hasty"})
                cursor.execute("ROLLBACK")
        finally:
            rules.write_text(before)
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_reload_conf()")
                cursor.execute("DROP OWNED BY hasty; DROP ROLE stranger, guarded, full, hasty")
                cursor.execute("DROP DATABASE closed")
