"""InfluxDB 2.x through the package influxdb-client: ``/api/v2/write`` and Flux."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from zemanta_ops.extras import MissingExtraError
from zemanta_ops.stack.databases.base import Database, Retry, StoredValue
from zemanta_ops.stack.databases.errors import TRANSIENT, DatabaseError, classify_answer
from zemanta_ops.stack.databases.http import INFLUXDB, Answer, Endpoint, check_answer, describe_tls
from zemanta_ops.stack.databases.urls import show_url, split_url

T = TypeVar("T")

_NOT_TAGS = {"result", "table", "_start", "_stop", "_time", "_value", "_field", "_measurement"}
# Every answer has two columns with these names, so tags with these names are renamed in the query.
_TAGS = {"tag:result": "result", "tag:table": "table"}
_RENAME_TAGS = ' |> rename(fn: (column) => if column == "result" or column == "table" then "tag:" + column else column)'


class InfluxDB2Database(Database):
    """A bucket of InfluxDB 2.x; also of 1.8, with ``user:password`` as token and ``database/policy`` as bucket."""

    chosen_by = ("url", "bucket")
    needs = "BUCKET with ORG and TOKEN (InfluxDB 2.x)"
    language = "flux"

    def __init__(self, options: Mapping[str, str], *, timeout: float, retry: Retry) -> None:
        super().__init__(options, timeout=timeout, retry=retry)
        self.bucket = options["bucket"]
        self._org = options.get("org", "")
        token = options.get("token", "")
        url = split_url(options["url"])
        self._endpoint = Endpoint(url, authorization=f"Token {token}" if token else "", timeout=timeout)
        try:
            from influxdb_client.client.influxdb_client import InfluxDBClient
        except ImportError:
            raise MissingExtraError("InfluxDB 2.x", "influxdb") from None
        # The client does not retry by itself: its default never repeats a write, and one policy serves all databases.
        self._client = InfluxDBClient(
            url=options["url"],
            token=token,
            org=self._org,
            timeout=int(timeout * 1000),
        )

    @staticmethod
    def describe(options: Mapping[str, str]) -> str:
        """Return ``bucket NAME at URL``."""
        return f"bucket {options['bucket']} at {show_url(split_url(options['url']))}"

    def read_version(self) -> str:
        """Return the version in the headers of ``/ping``."""
        answer = self.retry.call(lambda: check_answer(self._endpoint.request("GET", "/ping"), INFLUXDB))
        return answer.headers[INFLUXDB.header]

    def verify(self) -> None:
        """Query the newest minute of the bucket, which needs the organisation, the bucket and the right to read it."""
        self.query(f"from(bucket: {_quote_string(self.bucket)}) |> range(start: -1m) |> limit(n: 1)")

    def read_retention(self) -> timedelta | None:
        """Return the retention of the bucket; None if it keeps points forever, or if the token may not ask for it."""
        try:
            found = self._find_buckets()
        except DatabaseError as error:
            if error.kind in TRANSIENT:
                raise
            return None
        rules = [rule for bucket in found for rule in bucket.retention_rules or ()]
        return timedelta(seconds=rules[0].every_seconds) or None if rules else None

    def _exists(self) -> bool:
        try:
            # A token that may not read it gets an empty list; of a bucket that does not exist, an error.
            self._find_buckets()
        except DatabaseError:
            return False
        return True

    def _find_buckets(self) -> list[Any]:
        buckets = self._client.buckets_api()
        found = self._call(lambda: buckets.find_buckets(name=self.bucket, org=self._org))  # type: ignore[no-untyped-call]
        return list(found.buckets or ())

    def query(self, text: str) -> list[dict[str, Any]]:
        """Return the rows of a Flux query as dicts of columns; times are datetimes."""
        try:
            tables = self._call(lambda: _parse_tables(lambda: self._client.query_api().query(text)))
        except DatabaseError as error:
            # To a token that may not read a bucket, a query reports it as missing. A search by name finds it.
            if error.kind == "missing" and self._exists():
                raise DatabaseError("forbidden", f"the token may not read it: {error}", status=error.status) from None
            raise
        return [record.values for table in tables for record in table.records]

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
        wanted = {"_measurement": measurement, "_field": value, **(tags or {})}
        tests = " and ".join(f"r[{_quote_string(key)}] == {_quote_string(each)}" for key, each in wanted.items())
        rows = self.query(
            f"from(bucket: {_quote_string(self.bucket)}) |> range(start: {start.isoformat()}, stop: {end.isoformat()})"
            f" |> filter(fn: (r) => {tests})"
            + ("" if equal_to is None else f" |> filter(fn: (r) => r._value == {equal_to!r})")
            + _RENAME_TAGS
        )
        found = [
            StoredValue(
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

    def _write_lines(self, body: bytes, timeout: float) -> None:
        parameters = {"org": self._org, "bucket": self.bucket, "precision": "ns"}
        check_answer(self._endpoint.request("POST", "/api/v2/write", parameters, body, timeout=timeout), INFLUXDB)

    def _call(self, request: Callable[[], T]) -> T:
        return self.retry.call(lambda: _translate_errors(request, self.timeout))


def _translate_errors(request: Callable[[], T], timeout: float) -> T:
    """Return what the request returns; convert a failure to a ``DatabaseError``, which never has the token in it."""
    from influxdb_client.rest import ApiException
    from urllib3 import exceptions

    try:
        return request()
    except ApiException as error:
        if isinstance(error.__context__, exceptions.SSLError):
            raise DatabaseError("tls", describe_tls(error.__context__.args[0])) from None
        raise _read_refusal(error) from None
    except exceptions.NewConnectionError as error:  # a time-out to urllib3, so it must come first
        raise DatabaseError("unreachable", str(error).rsplit("] ", 1)[-1]) from None
    except exceptions.ConnectTimeoutError:
        raise DatabaseError("blocked", f"no answer within {timeout:g} s") from None
    except exceptions.TimeoutError:
        raise DatabaseError("timeout", f"no answer within {timeout:g} s") from None
    except exceptions.ProtocolError as error:
        raise DatabaseError("unreachable", f"the connection broke: {type(error).__name__}") from None
    except exceptions.HTTPError as error:
        raise DatabaseError("unreachable", str(error).rsplit(": ", 1)[-1]) from None


def _parse_tables(query: Callable[[], T]) -> T:
    """Return the tables of an answer, which the client parses while it arrives."""
    from influxdb_client.client.flux_csv_parser import FluxCsvParserException, FluxQueryException

    try:
        return query()
    except FluxQueryException as error:
        # A query may fail after its answer has begun, with status 200.
        raise classify_answer(400, str(error.message)) from None
    except (FluxCsvParserException, IndexError, KeyError, ValueError):
        raise DatabaseError("foreign", "the answer is not the CSV that InfluxDB sends") from None


def _read_refusal(error: Any) -> DatabaseError:
    """Return the error that an answer means, which the client raises as an ApiException."""
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    body = error.body if isinstance(error.body, bytes) else str(error.body or "").encode()
    try:
        check_answer(Answer(error.status or 0, headers, body), INFLUXDB)
    except DatabaseError as failure:
        return failure
    return DatabaseError("server", str(error.reason))


def _quote_string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${")
    return f'"{escaped}"'


DATABASE = InfluxDB2Database
