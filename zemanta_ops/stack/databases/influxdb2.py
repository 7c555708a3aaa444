"""InfluxDB 2.x: ``/api/v2/write`` and Flux, whose answers the package influxdb-client parses.

The requests are not those of that package: it has no limit on the time of a whole answer.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from zemanta_ops.extras import MissingExtraError
from zemanta_ops.stack.databases.base import Database, Retry, StoredValue
from zemanta_ops.stack.databases.errors import TRANSIENT, DatabaseError, classify_answer
from zemanta_ops.stack.databases.http import Answer, Endpoint
from zemanta_ops.stack.databases.influxdb import InfluxDBEndpoint
from zemanta_ops.stack.databases.urls import show_url, split_url

_HEADERS = {"Content-Type": "application/json", "Accept": "application/csv"}
# The parser needs all annotations.
_DIALECT = {"header": True, "delimiter": ",", "annotations": ["datatype", "group", "default"]}
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
        authorization = f"Token {token}" if token else ""
        url = split_url(options["url"])
        endpoint = Endpoint(url, authorization=authorization, timeout=timeout, headers=_HEADERS)
        self._endpoint = InfluxDBEndpoint(endpoint)
        try:
            import influxdb_client.client.flux_csv_parser  # noqa: F401
        except ImportError:
            raise MissingExtraError("InfluxDB 2.x", "influxdb") from None

    @staticmethod
    def describe(options: Mapping[str, str]) -> str:
        """Return ``bucket NAME at URL``."""
        return f"bucket {options['bucket']} at {show_url(split_url(options['url']))}"

    def read_version(self) -> str:
        """Return the version."""
        return self.retry.call(self._endpoint.read_version)

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
        rules = [rule for bucket in found for rule in bucket.get("retentionRules") or ()]
        return timedelta(seconds=rules[0].get("everySeconds", 0)) or None if rules else None

    def _exists(self) -> bool:
        try:
            # A token that may not read it gets an empty list; of a bucket that does not exist, an error.
            self._find_buckets()
        except DatabaseError:
            return False
        return True

    def _find_buckets(self) -> list[Any]:
        answer = self._request("GET", "/api/v2/buckets", {"org": self._org, "name": self.bucket})
        return list(answer.read_json("InfluxDB").get("buckets") or ())

    def query(self, text: str) -> list[dict[str, Any]]:
        """Return the rows of a Flux query as dicts of columns; times are datetimes."""
        body = json.dumps({"query": text, "type": "flux", "dialect": _DIALECT}).encode()
        try:
            return _parse_rows(self._request("POST", "/api/v2/query", {"org": self._org}, body).body)
        except DatabaseError as error:
            # To a token that may not read a bucket, a query reports it as missing. A search by name finds it.
            if error.kind == "missing" and self._exists():
                raise DatabaseError("forbidden", f"the token may not read it: {error}", status=error.status) from None
            raise

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
        """Do nothing: each request uses a connection of its own."""

    def _write_lines(self, body: bytes, timeout: float) -> None:
        parameters = {"org": self._org, "bucket": self.bucket, "precision": "ns"}
        self._endpoint.request("POST", "/api/v2/write", parameters, body, timeout=timeout)

    def _request(
        self, method: str, path: str, parameters: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        return self.retry.call(lambda: self._endpoint.request(method, path, parameters, body))


def _parse_rows(body: bytes) -> list[dict[str, Any]]:
    from influxdb_client.client.flux_csv_parser import (
        FluxCsvParser,
        FluxCsvParserException,
        FluxQueryException,
        FluxSerializationMode,
    )

    parser = FluxCsvParser(io.BytesIO(body), FluxSerializationMode.stream)
    try:
        return [record.values for record in parser.generator()]  # type: ignore[no-untyped-call]
    except FluxQueryException as error:
        # A query may fail after its answer has begun, with status 200.
        raise classify_answer(400, str(error.message)) from None
    except (FluxCsvParserException, IndexError, KeyError, ValueError):
        raise DatabaseError("foreign", "the answer is not the CSV that InfluxDB sends") from None


def _quote_string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${")
    return f'"{escaped}"'


DATABASE = InfluxDB2Database
