"""The ways in which a request to a database fails, by what to do about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from zemanta_ops.stack.databases.line_protocol import Point

Kind = Literal[
    "unreachable",  # refused, reset, unknown host: nothing listens there
    "blocked",  # the connection is never answered: a firewall, or the host is gone
    "timeout",  # the server accepts the connection and does not answer the request
    "unauthorized",  # the token, or user and password, are wrong
    "forbidden",  # the credentials are right but may not do this
    "missing",  # the database, bucket or organisation does not exist
    "limit",  # a limit on series or tags is reached
    "disk_full",  # the disk of the database is full, or so nearly full that it accepts no writes
    "overloaded",  # the server asks to be tried again later
    "server",  # the server failed
    "refused",  # the server does not accept this request
    "too_large",  # the body of the request is larger than the server, or a proxy, accepts
    "foreign",  # what answers is not the database
    "gateway",  # something in front of the database does not reach it
    "proxy",  # something in front of the database answers in its place
    "tls",  # the certificate is not accepted, or one side does not speak TLS
    "read_only",  # this database is only read, and written by Telegraf alone
    "wrong_path",  # the database does not know the path of the URL
]

# A second attempt may succeed. For the other kinds it cannot.
TRANSIENT: frozenset[Kind] = frozenset({"unreachable", "blocked", "timeout", "overloaded", "server", "gateway"})
# These take the whole time-out to fail.
SILENT: frozenset[Kind] = frozenset({"blocked", "timeout"})

_BY_STATUS: dict[int, Kind] = {
    401: "unauthorized",
    403: "forbidden",
    404: "missing",
    413: "too_large",
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
    ("retention policy not found", "missing"),
    ("could not find bucket", "missing"),
    ("max-series-per-database", "limit"),
    ("max-values-per-tag", "limit"),
    ("no space left", "disk_full"),
    ("read-only mode", "disk_full"),
    ("unsupported path", "wrong_path"),
    ("missing route", "wrong_path"),
    ("dbrp mapping", "missing"),
    ("Entity Too Large", "too_large"),
    ("status 413", "too_large"),
)


@dataclass
class WriteReport:
    """What happened to the points of a write.

    ``refused`` has each refused line with the reason, ``refused_points`` their points. ``expired`` is the number of
    points older than the retention policy keeps. ``unwritten`` has the points that were not written because of a
    failure, which the error reports.
    """

    written: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    refused_points: list[Point] = field(default_factory=list)
    expired: int = 0
    unwritten: list[Point] = field(default_factory=list)


class DatabaseError(Exception):
    """A request to a database failed.

    ``kind`` is the kind of failure, ``status`` the HTTP status or 0, ``retry_after`` the number of seconds that the
    server asked to wait. ``report`` is set by ``Database.write``: what was written before, and what was not. The text
    is the server's own; user, password and token are never in it.
    """

    report: WriteReport | None = None

    def __init__(self, kind: Kind, text: str, *, status: int = 0, retry_after: float = 0.0) -> None:
        super().__init__(text)
        self.kind = kind
        self.status = status
        self.retry_after = retry_after


def classify_answer(status: int, text: str, retry_after: str | None = None) -> DatabaseError:
    """Return the error that an answer of a database means."""
    kind: Kind = _BY_STATUS.get(status, "server" if status >= 500 else "refused")
    for words, named in _BY_WORDS:
        if words in text:
            kind = named
            break
    wait = float(retry_after) if retry_after and retry_after.isdecimal() else 0.0
    return DatabaseError(kind, text.strip() or f"HTTP status {status}", status=status, retry_after=wait)
