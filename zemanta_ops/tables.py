"""Why the tables of this app, or those of a cache, cannot be used, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

import django.db
from django.core.exceptions import ImproperlyConfigured

APP = "zemanta_ops"
MIGRATE = f"Run: manage.py migrate {APP}"
# What a query of a model may raise; the second if DATABASES has no usable ENGINE.
TABLE_ERRORS = (django.db.Error, ImproperlyConfigured)


@dataclass(frozen=True)
class _Trouble:
    """A kind of failure.

    Attributes:
        advice: What to do; ``{settings}`` is the place of the connection's settings.
        codes: What drivers report: SQLSTATE of PostgreSQL, numbers of MySQL, names of SQLite.
        words: Parts of messages in lower case, for what has no code: failed connections, and SQLite of Python 3.10.

    """

    advice: str
    codes: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


# The first that fits counts. Codes come before words, because a server may answer in another language.
_TROUBLES = (
    _Trouble(
        "{migrate}",
        ("42P01", "42703", "1146", "1054"),
        ("no such table", "no such column", "has no column named", "ora-00942"),
    ),
    _Trouble(
        "Another program holds a lock in this database for too long: find it, or wait and run this again. "
        "SQLite waits for the timeout in OPTIONS of {settings}",
        ("55P03", "40P01", "40001", "57014", "1205", "1213", "SQLITE_BUSY", "SQLITE_LOCKED"),
        ("is locked",),
    ),
    _Trouble(
        "Correct USER and PASSWORD of {settings}, or the rules of the server for who may connect (pg_hba.conf)",
        ("28000", "28P01", "1045", "1698"),
        ("authentication failed", "ora-01017", "no password supplied", "no pg_hba.conf entry", 'fatal:  role "'),
    ),
    _Trouble(
        "This user may not use the tables: grant it CONNECT to the database, SELECT, INSERT, UPDATE and DELETE on the "
        "tables that begin with zemanta_ops_, and USAGE on their sequences",
        ("42501", "1044", "1142", "1143"),
        ("permission denied for",),
    ),
    _Trouble(
        "The server has no such database: create it, or correct NAME of {settings}",
        ("3D000", "1049"),
        ('fatal:  database "',),
    ),
    _Trouble(
        "The server accepts no more connections: close some, or raise its limit",
        ("53300", "1040", "1203"),
        ("too many clients", "too many connections", "connection slots"),
    ),
    _Trouble(
        "This database accepts no writes: let {settings}, or DATABASE_ROUTERS, name one that does, not a replica; "
        "for SQLite, correct the owner and mode of the file and its folder",
        ("25006", "1290", "1836", "SQLITE_READONLY"),
        ("readonly database",),
    ),
    _Trouble("The disk of the database is full: free space", ("53100", "1021", "SQLITE_FULL"), ("disk is full",)),
    _Trouble(
        "Correct NAME of {settings}: it must be a file of SQLite in a folder that exists and may be written to",
        ("SQLITE_CANTOPEN", "SQLITE_NOTADB", "SQLITE_CORRUPT"),
        ("unable to open database file", "file is not a database", "malformed"),
    ),
    _Trouble(
        "The database cannot be reached: start it, wait until it has started, or correct HOST and PORT of {settings}",
        ("57P01", "57P02", "57P03", "08000", "08001", "08003", "08006", "2002", "2003", "2005", "2006", "2013"),
        (
            "connection refused",
            "could not translate host name",
            "could not connect",
            "no route to host",
            "network is unreachable",
            "failed to resolve",
            "timeout expired",
            "starting up",
            "shutting down",
            "server closed the connection",
            "connection is closed",
            "connection already closed",
            "consuming input failed",
            "no such file or directory",
        ),
    ),
)


def describe_table_error(error: Exception, alias: str, migrate: str = MIGRATE) -> str:
    """Return an error of Django's database in parentheses, and what to do about it.

    Args:
        error: What a query raised.
        alias: The connection in DATABASES.
        migrate: What to run if a table is missing.

    """
    text = " ".join(str(error).split())
    option = "" if alias == django.db.DEFAULT_DB_ALIAS else f" --database={alias}"
    advice = _find_advice(error).format(settings=f"DATABASES[{alias!r}]", migrate=migrate + option)
    return f"({type(error).__name__}: {text.rstrip('.')}). {advice}"


def _find_advice(error: Exception) -> str:
    if isinstance(error, ImproperlyConfigured):
        return "Correct {settings}, or install the package that the message names"
    codes, text = _read_codes(error), str(error).lower()
    for trouble in _TROUBLES:
        if any(code.startswith(trouble.codes) for code in codes):
            return trouble.advice
    for trouble in _TROUBLES:
        if any(words in text for words in trouble.words):
            return trouble.advice
    return "Check {settings}, and the log of the database"


def _read_codes(error: Exception) -> list[str]:
    """Return the codes of the driver's own error, which Django's error has as its cause."""
    own = error.__cause__ or error
    named = [getattr(own, name, None) for name in ("sqlstate", "pgcode", "sqlite_errorname")]
    # The drivers of MySQL begin their arguments with a number.
    numbers = [code for code in own.args[:1] if isinstance(code, int)]
    return [str(code) for code in (*named, *numbers) if code]
