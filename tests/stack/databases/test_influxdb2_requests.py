"""What is sent to InfluxDB 2.x, and what is read from its answers; test_influxdb_servers.py asks a real one."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.stack.answering import Answer, Request, Server, answering, in_turn
from zemanta_ops.extras import MissingExtraError
from zemanta_ops.stack.databases import ONCE, DatabaseError, Point, StoredValue, connect, influxdb2
from zemanta_ops.stack.databases.http import Endpoint
from zemanta_ops.stack.databases.influxdb2 import InfluxDB2Database

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
HEAD = "#datatype,string,long,dateTime:RFC3339,double,string,string\n#group,false,false,false,false,true,true\n"
MISSING = Answer(404, '{"code":"not found","message":"could not find bucket"}')


def table(columns: str, *rows: str) -> Answer:
    """Return the annotated CSV of one table; the first columns are result, table, _time and _value."""
    lines = [f",result,table,_time,_value,{columns}", *(f",,0,{row}" for row in rows)]
    text = HEAD + "#default,_result,,,,,\n" + "\n".join(lines) + "\n"
    return Answer(200, text, {"Content-Type": "text/csv"})


def buckets(*rules: list[dict[str, Any]]) -> Answer:
    found = [{"id": "1", "orgID": "2", "name": "b", "retentionRules": each} for each in rules]
    return Answer(200, json.dumps({"buckets": found}), {"Content-Type": "application/json"})


@contextmanager
def connected(
    *answers: Answer | Callable[[Request], Answer], **options: Any
) -> Iterator[tuple[InfluxDB2Database, Server]]:
    answer = answers[0] if callable(answers[0]) else in_turn(*answers)  # type: ignore[arg-type]
    given = {"bucket": "telegraf", "org": "shop", "token": "example-token", **options}
    with answering(answer) as server, connect(server.url, retry=ONCE, **given) as database:
        assert isinstance(database, InfluxDB2Database)
        yield database, server


def fail(function: Callable[[], Any]) -> tuple[str, int, str]:
    with pytest.raises(DatabaseError) as caught:
        function()
    return caught.value.kind, caught.value.status, str(caught.value)


def sent(server: Server) -> list[str]:
    """Return the Flux queries."""
    return [json.loads(request.body)["query"] for request in server.requests if request.body]


def test_a_write_names_bucket_organisation_and_nanoseconds() -> None:
    with connected(Answer()) as (database, server):
        database.write([Point("m", {"f": 1.5}, {}, 7)])
    [request] = server.requests
    path = urlsplit(request.path)
    parameters = {"org": ["shop"], "bucket": ["telegraf"], "precision": ["ns"]}
    assert (request.method, path.path, parse_qs(path.query)) == ("POST", "/api/v2/write", parameters)
    assert (request.body, request.headers["Authorization"]) == ("m f=1.5 7", "Token example-token")


def test_the_version_is_in_a_header_and_needs_no_token() -> None:
    with connected(Answer(), token="", org="") as (database, server):
        assert database.read_version() == "1.8.10"
    [request] = server.requests
    assert (request.method, request.path, request.headers.get("Authorization")) == ("GET", "/ping", None)


def test_the_endpoint_has_the_options_and_the_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []

    def make(url: Any, **options: Any) -> Endpoint:
        made.append(options)
        return Endpoint(url, **options)

    monkeypatch.setattr(influxdb2, "Endpoint", make)
    database = connect("http://influx.example", bucket="b", token="example-token", org="shop", timeout=1.5)
    assert isinstance(database, InfluxDB2Database)
    headers = {"Content-Type": "application/json", "Accept": "application/csv"}
    assert made == [{"authorization": "Token example-token", "timeout": 1.5, "headers": headers}]
    assert (database.name, database.bucket) == ("bucket b at http://influx.example", "b")
    database.close()


def test_a_query_returns_rows_with_their_columns() -> None:
    answer = table("host,env", "2026-01-02T03:04:05Z,1.5,a,p", "2026-01-02T03:04:06Z,2,b,")
    with connected(answer) as (database, server):
        first, second = database.query("from(bucket: ...)")
    assert (first["_time"], first["_value"], first["host"]) == (START, 1.5, "a")
    assert (second["_value"], second["host"]) == (2.0, "b")
    [request] = server.requests
    assert request.path.startswith("/api/v2/query?org=shop")
    assert sent(server) == ["from(bucket: ...)"]


def test_values_are_those_of_one_field_oldest_first() -> None:
    answer = table("tag:result,env", "2026-01-02T03:04:06Z,2,b,", "2026-01-02T03:04:05Z,1.5,a,p")
    with connected(answer, bucket='t"${x}\\') as (database, server):
        end = START + timedelta(seconds=9)
        found = database.read_values("m", "f", START, end, tags={"result": 'a"'}, equal_to=1.5)
        database.read_values("m", "f", START, end)
    assert found == [
        StoredValue(START, 1.5, {"result": "a", "env": "p"}),
        StoredValue(START + timedelta(seconds=1), 2.0, {"result": "b"}),
    ]
    source = (
        r'from(bucket: "t\"\${x}\\") |> range(start: 2026-01-02T03:04:05+00:00, stop: 2026-01-02T03:04:14+00:00)'
        r' |> filter(fn: (r) => r["_measurement"] == "m" and r["_field"] == "f"'
    )
    rename = ' |> rename(fn: (column) => if column == "result" or column == "table" then "tag:" + column else column)'
    assert sent(server) == [
        source + r' and r["result"] == "a\"") |> filter(fn: (r) => r._value == 1.5)' + rename,
        source + ")" + rename,
    ]


def test_what_is_read_from_is_queried_for_a_minute() -> None:
    with connected(table("host,env")) as (database, server):
        database.verify()
    assert sent(server) == ['from(bucket: "telegraf") |> range(start: -1m) |> limit(n: 1)']


def test_a_bucket_that_may_not_be_read_is_told_from_one_that_is_missing() -> None:
    def answer(request: Request) -> Answer:
        return buckets() if request.path.startswith("/api/v2/buckets") else MISSING

    with connected(answer) as (database, server):
        expected = ("forbidden", 404, "the token may not read it: could not find bucket")
        assert fail(lambda: database.query("x")) == expected
    asked = parse_qs(urlsplit(server.requests[1].path).query)
    assert (asked["name"], asked["org"]) == (["telegraf"], ["shop"])
    with connected(MISSING) as (database, _):
        assert fail(lambda: database.query("x")) == ("missing", 404, "could not find bucket")
    with connected(Answer(401, '{"message":"unauthorized access"}')) as (database, server):
        assert fail(lambda: database.query("x")) == ("unauthorized", 401, "unauthorized access")
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        (buckets([{"type": "expire", "everySeconds": 86400}], []), timedelta(days=1)),
        (buckets([{"type": "expire", "everySeconds": 0}]), None),
        (buckets([]), None),
        (buckets(), None),
        (Answer(403, '{"message":"insufficient permissions"}'), None),
    ],
)
def test_the_retention_is_that_of_the_bucket(answer: Answer, kept: timedelta | None) -> None:
    with connected(answer) as (database, _):
        assert database.read_retention() == kept


def test_a_server_that_fails_does_not_hide_the_retention() -> None:
    with connected(Answer(503, '{"message":"busy"}', {"Retry-After": "7"})) as (database, _):
        with pytest.raises(DatabaseError) as caught:
            database.read_retention()
        assert (caught.value.kind, caught.value.retry_after, str(caught.value)) == ("overloaded", 7.0, "busy")


def test_a_query_that_fails_after_its_answer_has_begun_is_refused() -> None:
    begun = Answer(200, "#datatype,string,string\n#group,true,true\n#default,,\n,error,reference\n,it failed,897\n")
    with connected(begun) as (database, _):
        assert fail(lambda: database.query("x")) == ("refused", 400, "it failed")
    with connected(Answer(200, "no,csv\n1")) as (database, _):
        assert fail(lambda: database.query("x")) == ("foreign", 0, "the answer is not the CSV that InfluxDB sends")


def test_without_the_client_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "influxdb_client.client.flux_csv_parser", None)
    with pytest.raises(MissingExtraError, match=r'InfluxDB 2\.x.*pip install "zemanta-ops\[influxdb\]"'):
        connect("http://influx.example", bucket="b")
