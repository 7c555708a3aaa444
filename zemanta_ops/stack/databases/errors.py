"""What can go wrong between a command and InfluxDB, sorted by what to do about it."""

from __future__ import annotations

from typing import Literal

Kind = Literal[
    "unreachable",  # refused, reset, unknown host: nothing listens there
    "blocked",  # the connection is never answered: a firewall, or a host that is gone
    "timeout",  # it takes the connection and does not answer the request
    "unauthorized",  # the token, or user and password, are wrong
    "forbidden",  # they are right and may not do this
    "missing",  # no such database, bucket or organisation
    "limit",  # a series or tag limit of the database, or its disk
    "overloaded",  # it asks to come back later
    "server",  # it failed
    "refused",  # it does not accept this request
    "foreign",  # something answers that is not InfluxDB
]

# A second attempt may succeed; for the others it cannot.
TRANSIENT: frozenset[Kind] = frozenset({"unreachable", "blocked", "timeout", "overloaded", "server"})
# Those that take the whole time-out to fail.
SILENT: frozenset[Kind] = frozenset({"blocked", "timeout"})

_BY_STATUS: dict[int, Kind] = {
    401: "unauthorized",
    403: "forbidden",
    404: "missing",
    429: "overloaded",
    503: "overloaded",
}
# InfluxDB says in words what its status does not: an unknown database in a 200 or a 500, a limit in a 400.
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

# Every answer of InfluxDB carries this header.
NO_VERSION = "something answers there, but not as InfluxDB does: no X-Influxdb-Version"


class DatabaseError(Exception):
    """A request to InfluxDB failed.

    ``kind`` says how, ``status`` is the HTTP status or 0, ``retry_after`` the seconds the server asked to
    wait. The text is what the server said; user, password and token are never in it.
    """

    def __init__(self, kind: Kind, text: str, *, status: int = 0, retry_after: float = 0.0) -> None:
        super().__init__(text)
        self.kind = kind
        self.status = status
        self.retry_after = retry_after


class MissingClientError(ImportError):
    """The package influxdb-client, which speaks to InfluxDB 2.x, is not installed."""


def from_answer(status: int, text: str, retry_after: str | None = None) -> DatabaseError:
    """Return the error that an answer of InfluxDB stands for."""
    kind: Kind = _BY_STATUS.get(status, "server" if status >= 500 else "refused")
    for words, named in _BY_WORDS:
        if words in text:
            kind = named
            break
    wait = float(retry_after) if retry_after and retry_after.isdecimal() else 0.0
    return DatabaseError(kind, text.strip() or f"HTTP status {status}", status=status, retry_after=wait)
