"""InfluxDB 1.x over its own HTTP interface: ``/write`` and InfluxQL, using only the standard library."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from zemanta_ops.stack.databases.base import Database, Retry, StoredValue
from zemanta_ops.stack.databases.errors import TRANSIENT, DatabaseError, classify_answer
from zemanta_ops.stack.databases.http import Endpoint, encode_basic
from zemanta_ops.stack.databases.influxdb import NOT_INFLUXQL, InfluxDBEndpoint
from zemanta_ops.stack.databases.urls import DEFAULT_PORT, show_url, split_url

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class InfluxDB1Database(Database):
    """A database, or ``database/retention policy``, of InfluxDB 1.x or of a server with its v1 interface."""

    chosen_by = ("url", "database")
    needs = "DATABASE (InfluxDB 1.x)"
    language = "influxql"

    def __init__(self, options: Mapping[str, str], *, timeout: float, retry: Retry) -> None:
        super().__init__(options, timeout=timeout, retry=retry)
        self._database, _, self._policy = options["database"].partition("/")
        authorization = encode_basic(options.get("username", ""), options.get("password", ""))
        url = split_url(options["url"])
        endpoint = Endpoint(url, authorization=authorization, timeout=timeout, port=DEFAULT_PORT)
        self._endpoint = InfluxDBEndpoint(endpoint)

    @staticmethod
    def describe(options: Mapping[str, str]) -> str:
        """Return ``database NAME at URL``."""
        return f"database {options['database']} at {show_url(split_url(options['url']))}"

    def read_version(self) -> str:
        """Return the version."""
        return self.retry.call(self._endpoint.read_version)

    def verify(self) -> None:
        """Send a query that only InfluxDB refuses, then one that needs the database and the right to read it."""
        try:
            self.query(NOT_INFLUXQL)
        except DatabaseError as error:
            if error.kind != "refused":
                raise
        else:
            # VictoriaMetrics, for example, accepts every query and returns nothing.
            raise DatabaseError("foreign", "the server accepts any query, so it is not InfluxDB and cannot be read")
        # Other queries succeed for a database that does not exist, and return nothing. This one fails.
        policies = self.query(f"SHOW RETENTION POLICIES ON {_quote_identifier(self._database)}")
        if not policies:
            # InfluxDB 2.x answers so if neither a bucket nor a mapping has this name.
            raise DatabaseError("missing", f"there is no database {self._database}, or no mapping of it to a bucket")
        if self._policy and self._policy not in {row.get("name") for row in policies}:
            raise DatabaseError("missing", f"the database has no retention policy {self._policy}")

    def read_series_usage(self) -> tuple[int, int] | None:
        """Return the number of series and ``max-series-per-database``; None if the user is not an administrator."""
        try:
            limits = [row.get("max-series-per-database") for row in self.query("SHOW DIAGNOSTICS")]
            limit = next((int(each) for each in limits if each), 0)
            if not limit:
                return None
            # The exact number takes seconds for a million series. Far from the limit, the estimate is good enough.
            count = self._count_series("")
            return (count if count < 0.9 * limit else self._count_series("EXACT")), limit
        except DatabaseError as error:
            if error.kind in TRANSIENT:
                raise
            return None

    def read_retention(self) -> timedelta | None:
        """Return the duration of the retention policy that is written to; None if it keeps points forever."""
        for row in self.query(f"SHOW RETENTION POLICIES ON {_quote_identifier(self._database)}"):
            if row.get("name") == self._policy or (not self._policy and row.get("default")):
                return _parse_duration(str(row.get("duration", "")))
        return None

    def _count_series(self, how: str) -> int:
        rows = self.query(f"SHOW SERIES {how} CARDINALITY ON {_quote_identifier(self._database)}")
        return sum(int(row.get("count", row.get("cardinality estimation", 0))) for row in rows)

    def query(self, text: str) -> list[dict[str, Any]]:
        """Return the rows of an InfluxQL query as dicts of tags and columns; times in nanoseconds."""
        parameters = {"db": self._database, **self._choose_policy(), "q": text, "epoch": "ns"}
        answer = self.retry.call(lambda: self._endpoint.request("GET", "/query", parameters))
        results = answer.read_json("InfluxDB").get("results") or []
        for result in results:
            if "error" in result:
                raise classify_answer(answer.status, result["error"])
        return [row for result in results for series in result.get("series", ()) for row in _build_rows(series)]

    def read_values(
        self,
        measurement: str,
        value: str,
        start: datetime,
        end: datetime,
        *,
        tags: Mapping[str, str] | None = None,
        equal_to: float | None = None,
    ) -> list[StoredValue]:
        """Return the values of one field, oldest first."""
        source = _quote_identifier(measurement)
        if self._policy:
            source = f"{_quote_identifier(self._policy)}.{source}"
        conditions = [f"time >= {_to_nanoseconds(start)}", f"time < {_to_nanoseconds(end)}"]
        conditions += [f"{_quote_identifier(key)} = {_quote_string(wanted)}" for key, wanted in (tags or {}).items()]
        if equal_to is not None:
            conditions.append(f"{_quote_identifier(value)} = {equal_to!r}")
        # Every name and value is quoted for InfluxQL.
        where = " AND ".join(conditions)
        rows = self.query(f"SELECT {_quote_identifier(value)} AS value FROM {source} WHERE {where} GROUP BY *")  # noqa: S608
        found = [
            StoredValue(
                _EPOCH + timedelta(microseconds=row["time"] // 1000),
                row["value"],
                {key: each for key, each in row.items() if key not in ("time", "value") and each},
            )
            for row in rows
        ]
        return sorted(found, key=lambda each: each.time)

    def close(self) -> None:
        """Do nothing: each request uses a connection of its own."""

    def _write_lines(self, body: bytes, timeout: float) -> None:
        parameters = {"db": self._database, **self._choose_policy(), "precision": "ns"}
        self._endpoint.request("POST", "/write", parameters, body, timeout=timeout)

    def _choose_policy(self) -> dict[str, str]:
        return {"rp": self._policy} if self._policy else {}


def _build_rows(series: Mapping[str, Any]) -> list[dict[str, Any]]:
    tags = series.get("tags") or {}
    return [{**tags, **dict(zip(series["columns"], values, strict=True))} for values in series.get("values", ())]


def _quote_identifier(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _quote_string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _parse_duration(text: str) -> timedelta | None:
    """Return a duration as the server shows it, such as ``168h0m0s``; None for 0, which means forever."""
    found = re.fullmatch(r"(\d+)h(\d+)m(\d+)s", text)
    hours, minutes, seconds = map(int, found.groups()) if found else (0, 0, 0)
    return timedelta(hours=hours, minutes=minutes, seconds=seconds) or None


def _to_nanoseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


DATABASE = InfluxDB1Database
