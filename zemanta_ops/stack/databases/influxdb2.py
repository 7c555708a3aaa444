"""InfluxDB 2.x through the package influxdb-client: ``/api/v2/write`` and Flux."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from zemanta_ops.stack.databases.base import Database, Reading, Retry
from zemanta_ops.stack.databases.errors import NO_VERSION, DatabaseError, MissingClientError, from_answer
from zemanta_ops.stack.databases.urls import show_url, split_url

T = TypeVar("T")

_NOT_TAGS = {"result", "table", "_start", "_stop", "_time", "_value", "_field", "_measurement"}
# Every answer has two columns with these names; a tag that is called so gets another until it is read.
_TAGS = {"tag:result": "result", "tag:table": "table"}
_APART = ' |> rename(fn: (column) => if column == "result" or column == "table" then "tag:" + column else column)'


class InfluxDB2Database(Database):
    """A bucket of InfluxDB 2.x; also of 1.8, with ``user:password`` as token and ``database/policy`` as bucket."""

    def __init__(
        self, url: str, org: str, bucket: str, token: str, *, timeout: float = 10.0, retry: Retry | None = None
    ) -> None:
        try:
            from influxdb_client.client.influxdb_client import InfluxDBClient
        except ImportError:
            raise MissingClientError(
                'InfluxDB 2.x needs influxdb-client: pip install "zemanta-ops[influxdb]"'
            ) from None
        super().__init__(f"bucket {bucket} at {show_url(split_url(url))}", retry or Retry())
        self._bucket, self._timeout = bucket, timeout
        # The client itself is given no retries: as it ships it never repeats a write, and here one policy serves both.
        self._client = InfluxDBClient(url=url, token=token, org=org, timeout=int(timeout * 1000))

    def version(self) -> str:
        """Return what ``/ping`` says."""
        version = self._call(self._client.version)
        if version == "unknown":
            raise DatabaseError("foreign", NO_VERSION)
        return version

    def verify(self) -> None:
        """Ask for the newest minute of the bucket, which needs the organisation, the bucket and the right to read."""
        try:
            self.query(f"from(bucket: {_string(self._bucket)}) |> range(start: -1m) |> limit(n: 1)")
        except DatabaseError as error:
            # Who may not read a bucket is told that there is none; asked for it by name, the server knows it.
            if error.kind == "missing" and self._exists():
                raise DatabaseError("forbidden", f"the token may not read it: {error}", status=error.status) from None
            raise

    def _exists(self) -> bool:
        buckets = self._client.buckets_api()
        try:
            self._call(lambda: buckets.find_buckets(name=self._bucket, org=self._client.org))  # type: ignore[no-untyped-call]
        except DatabaseError:
            return False
        return True

    def query(self, text: str) -> list[dict[str, Any]]:
        """Return the rows of a Flux query as dicts of columns; times are datetimes."""
        tables = self._call(lambda: _parsed(lambda: self._client.query_api().query(text)))
        return [record.values for table in tables for record in table.records]

    def readings(
        self,
        measurement: str,
        value: str,
        start: datetime,
        end: datetime,
        *,
        tags: Mapping[str, str] | None = None,
        equal_to: float | None = None,
    ) -> list[Reading]:
        """Return the values of one field, oldest first."""
        wanted = {"_measurement": measurement, "_field": value, **(tags or {})}
        tests = " and ".join(f"r[{_string(key)}] == {_string(each)}" for key, each in wanted.items())
        rows = self.query(
            f"from(bucket: {_string(self._bucket)}) |> range(start: {start.isoformat()}, stop: {end.isoformat()})"
            f" |> filter(fn: (r) => {tests})"
            + ("" if equal_to is None else f" |> filter(fn: (r) => r._value == {equal_to!r})")
            + _APART
        )
        found = [
            Reading(
                row["_time"],
                row["_value"],
                {_TAGS.get(key, key): each for key, each in row.items() if key not in _NOT_TAGS and each},
            )
            for row in rows
        ]
        return sorted(found, key=lambda each: each.time)

    def close(self) -> None:
        """Close the client's connections."""
        self._client.close()  # type: ignore[no-untyped-call]

    def _write_lines(self, body: bytes) -> None:
        from influxdb_client.client.write_api import SYNCHRONOUS

        with self._client.write_api(write_options=SYNCHRONOUS) as api:
            _translated(lambda: api.write(bucket=self._bucket, record=body), self._timeout)

    def _call(self, request: Callable[[], T]) -> T:
        return self.retry.call(lambda: _translated(request, self._timeout))


def _translated(request: Callable[[], T], timeout: float) -> T:
    """Return what the request returns; its failure becomes an ``DatabaseError`` without headers, so without a token."""
    from influxdb_client.rest import ApiException
    from urllib3 import exceptions

    try:
        return request()
    except ApiException as error:
        headers: Mapping[str, str] = error.headers or {}
        raise from_answer(error.status or 0, _message(error.body, error.reason), headers.get("Retry-After")) from None
    except exceptions.NewConnectionError as error:  # a kind of time-out to urllib3, so it must come first
        raise DatabaseError("unreachable", str(error).rsplit("] ", 1)[-1]) from None
    except exceptions.ConnectTimeoutError:
        raise DatabaseError("blocked", f"no answer within {timeout:g} s") from None
    except exceptions.TimeoutError:
        raise DatabaseError("timeout", f"no answer within {timeout:g} s") from None
    except exceptions.ProtocolError as error:
        raise DatabaseError("unreachable", f"the connection broke: {type(error).__name__}") from None
    except exceptions.HTTPError as error:
        raise DatabaseError("unreachable", str(error).rsplit(": ", 1)[-1]) from None


def _parsed(query: Callable[[], T]) -> T:
    """Return the tables of an answer, which the client reads while it comes in."""
    from influxdb_client.client.flux_csv_parser import FluxCsvParserException, FluxQueryException

    try:
        return query()
    except FluxQueryException as error:
        # A query may fail when its answer has begun, with status 200.
        raise from_answer(400, str(error.message)) from None
    except (FluxCsvParserException, IndexError, KeyError, ValueError):
        raise DatabaseError("foreign", "the answer is not the CSV that InfluxDB sends") from None


def _message(body: Any, reason: Any) -> str:
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body or "")
    try:
        parsed = json.loads(text)
        return str(parsed.get("message") or parsed.get("error") or reason)
    except (ValueError, AttributeError):
        return str(reason or text[:200])


def _string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${")
    return f'"{escaped}"'
