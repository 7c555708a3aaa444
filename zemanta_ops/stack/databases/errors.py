"""The ways in which a request to a database fails, by what to do about it."""

from __future__ import annotations

from typing import Literal

Kind = Literal[
    "unreachable",  # refused, reset, unknown host: nothing listens there
    "blocked",  # the connection is never answered: a firewall, or the host is gone
    "timeout",  # the server accepts the connection and does not answer the request
    "unauthorized",  # the token, or user and password, are wrong
    "forbidden",  # the credentials are right but may not do this
    "missing",  # the database, bucket or organisation does not exist
    "limit",  # a limit on series or tags is reached, or the disk is full
    "overloaded",  # the server asks to be tried again later
    "server",  # the server failed
    "refused",  # the server does not accept this request
    "foreign",  # what answers is not the database
]

# A second attempt may succeed. For the other kinds it cannot.
TRANSIENT: frozenset[Kind] = frozenset({"unreachable", "blocked", "timeout", "overloaded", "server"})
# These take the whole time-out to fail.
SILENT: frozenset[Kind] = frozenset({"blocked", "timeout"})

_BY_STATUS: dict[int, Kind] = {
    401: "unauthorized",
    403: "forbidden",
    404: "missing",
    429: "overloaded",
    503: "overloaded",
}
# InfluxDB reports some failures only in words: an unknown database in a 200 or a 500, a limit in a 400.
_BY_WORDS: tuple[tuple[str, Kind], ...] = (
    ("not authorized", "forbidden"),
    ("insufficient permissions", "forbidden"),
    ("unauthorized access", "unauthorized"),
    ("authorization failed", "unauthorized"),
    ("database not found", "missing"),
    ("could not find bucket", "missing"),
    ("max-series-per-database", "limit"),
    ("max-values-per-tag", "limit"),
    ("no space left", "limit"),
)

# Every answer of InfluxDB has this header.
NO_VERSION = "the server that answers is not InfluxDB: it sends no X-Influxdb-Version"


class DatabaseError(Exception):
    """A request to a database failed.

    ``kind`` is the kind of failure, ``status`` is the HTTP status or 0, ``retry_after`` the number of seconds that the server asked
    to wait. The text is the server's own; user, password and token are never in it.
    """

    def __init__(self, kind: Kind, text: str, *, status: int = 0, retry_after: float = 0.0) -> None:
        super().__init__(text)
        self.kind = kind
        self.status = status
        self.retry_after = retry_after


def classify_answer(status: int, text: str, retry_after: str | None = None) -> DatabaseError:
    """Return the error that an answer of InfluxDB means."""
    kind: Kind = _BY_STATUS.get(status, "server" if status >= 500 else "refused")
    for words, named in _BY_WORDS:
        if words in text:
            kind = named
            break
    wait = float(retry_after) if retry_after and retry_after.isdecimal() else 0.0
    return DatabaseError(kind, text.strip() or f"HTTP status {status}", status=status, retry_after=wait)
