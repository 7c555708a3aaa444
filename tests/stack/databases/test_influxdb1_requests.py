"""What is sent to InfluxDB 1.x, and what is read from its answers."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.stack.answering import Answer, Server, answering, in_turn
from zemanta_ops.stack.databases import ONCE, Database, DatabaseError, Point, StoredValue, connect, influxdb1
from zemanta_ops.stack.databases.http import Endpoint

REFUSED = Answer(400, '{"error":"error parsing query"}')
POLICIES = 'SHOW RETENTION POLICIES ON "telegraf"'
MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, timezone.utc)
NANOSECONDS = 1767323045678901000


def rows(columns: list[str], *values: list[Any], **tags: str) -> Answer:
    series = {"columns": columns, "values": list(values), **({"tags": tags} if tags else {})}
    return Answer(200, json.dumps({"results": [{"series": [series]}]}))


@contextmanager
def connected(*answers: Answer, database: str = "telegraf", **options: Any) -> Iterator[tuple[Database, Server]]:
    with answering(in_turn(*answers)) as server, connect(server.url, database=database, retry=ONCE, **options) as found:
        yield found, server


def sent(server: Server) -> list[tuple[str, dict[str, str]]]:
    """Return the paths and parameters of the requests."""
    split = [urlsplit(request.path) for request in server.requests]
    return [(each.path, {name: texts[0] for name, texts in parse_qs(each.query).items()}) for each in split]


def queries(server: Server) -> list[str]:
    return [parameters["q"] for _, parameters in sent(server)]


def test_the_credentials_are_in_the_header_and_optional() -> None:
    for options, pair in (({"username": "u", "password": "p"}, b"u:p"), ({"username": "u"}, b"u:"), ({}, None)):
        with connected(Answer(), **options) as (database, server):
            assert database.read_version() == "1.8.10"
        [request] = server.requests
        assert (request.method, request.path) == ("GET", "/ping")
        expected = f"Basic {base64.b64encode(pair).decode()}" if pair is not None else None
        assert request.headers.get("Authorization") == expected


def test_the_port_is_8086_unless_the_url_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []

    def make(url: Any, **options: Any) -> Endpoint:
        made.append(options)
        return Endpoint(url, **options)

    monkeypatch.setattr(influxdb1, "Endpoint", make)
    connect("http://influx.example", database="telegraf", timeout=7)
    assert made == [{"authorization": "", "timeout": 7, "port": 8086}]


def test_a_query_names_the_database_the_policy_and_nanoseconds() -> None:
    for database, policy in (("telegraf", {}), ("telegraf/weekly", {"rp": "weekly"}), ("telegraf/a/b", {"rp": "a/b"})):
        with connected(Answer(200, "{}"), database=database) as (found, server):
            assert found.query("SHOW DATABASES") == []
        assert sent(server) == [("/query", {"db": "telegraf", **policy, "q": "SHOW DATABASES", "epoch": "ns"})]


def test_a_write_names_the_database_the_policy_and_nanoseconds() -> None:
    for database, policy in (("telegraf", {}), ("telegraf/weekly", {"rp": "weekly"})):
        with connected(Answer(), database=database) as (found, server):
            found.write([Point("m", {"f": 1.5}, {}, 7)])
        assert sent(server) == [("/write", {"db": "telegraf", **policy, "precision": "ns"})]
        assert (server.requests[0].method, server.requests[0].body) == ("POST", "m f=1.5 7")


def test_rows_are_dicts_of_tags_and_columns() -> None:
    series = [
        {"tags": {"host": "a"}, "columns": ["time", "value"], "values": [[1, 2], [3, 4]]},
        {"columns": ["time", "value"], "values": [[5, 6]]},
        {"columns": ["time"]},
    ]
    text = json.dumps({"results": [{"series": series}, {}, {"series": series[1:2]}]})
    with connected(Answer(200, text)) as (database, _):
        found = database.query("q")
    last = {"time": 5, "value": 6}
    assert found == [{"host": "a", "time": 1, "value": 2}, {"host": "a", "time": 3, "value": 4}, last, last]


def test_a_result_that_is_an_error_is_raised_by_its_words() -> None:
    text = '{"results":[{"series":[]},{"error":"database not found: telegraf"}]}'
    with connected(Answer(200, text)) as (database, _), pytest.raises(DatabaseError) as caught:
        database.query("q")
    raised = caught.value
    assert (raised.kind, raised.status, str(raised)) == ("missing", 200, "database not found: telegraf")


def test_an_answer_that_is_not_json_is_foreign() -> None:
    with (
        connected(Answer(200, "no")) as (database, _),
        pytest.raises(DatabaseError, match="the JSON that InfluxDB sends"),
    ):
        database.query("q")


def test_a_database_to_read_from_refuses_nonsense_and_has_its_policies() -> None:
    for name in ("telegraf", "telegraf/weekly"):
        with connected(REFUSED, rows(["name"], ["autogen"], ["weekly"]), database=name) as (database, server):
            database.verify()
        assert queries(server) == ["ZEMANTA_OPS IS NOT INFLUXQL", POLICIES]


@pytest.mark.parametrize(
    ("name", "answers", "kind", "text"),
    [
        (
            "telegraf",
            [Answer(200, "{}")],
            "foreign",
            "the server accepts any query, so it is not InfluxDB and cannot be read",
        ),
        ("telegraf", [Answer(401, '{"error":"authorization failed"}')], "unauthorized", "authorization failed"),
        (
            "telegraf",
            [REFUSED, Answer(200, "{}")],
            "missing",
            "there is no database telegraf, or no mapping of it to a bucket",
        ),
        (
            "telegraf/daily",
            [REFUSED, rows(["name"], ["weekly"])],
            "missing",
            "the database has no retention policy daily",
        ),
    ],
)
def test_what_cannot_be_read_from_is_reported(name: str, answers: list[Answer], kind: str, text: str) -> None:
    with connected(*answers, database=name) as (database, _), pytest.raises(DatabaseError) as caught:
        database.verify()
    assert (caught.value.kind, str(caught.value)) == (kind, text)


def test_the_series_are_counted_exactly_only_near_the_limit() -> None:
    limit = rows(["max-series-per-database"], [None], [1000])
    for estimate, exact, asked in ((899, None, [""]), (900, 950, ["", "EXACT"])):
        answers = [limit, rows(["cardinality estimation"], [estimate]), rows(["count"], [exact], [1])]
        with connected(*answers) as (database, server):
            assert database.read_series_usage() == ((estimate, 1000) if exact is None else (951, 1000))
        counts = [f'SHOW SERIES {how} CARDINALITY ON "telegraf"' for how in asked]
        assert queries(server) == ["SHOW DIAGNOSTICS", *counts]


def test_without_a_limit_or_the_right_to_see_it_the_usage_is_unknown() -> None:
    for answer in (
        rows(["version"], ["1.8.10"]),
        rows(["max-series-per-database"], [0]),
        Answer(403, '{"error":"error authorizing query: not authorized"}'),
    ):
        with connected(answer) as (database, server):
            assert database.read_series_usage() is None
        assert queries(server) == ["SHOW DIAGNOSTICS"]
    with connected(Answer(503, '{"error":"busy"}')) as (database, _), pytest.raises(DatabaseError, match="busy"):
        database.read_series_usage()
    with connected(rows(["max-series-per-database"], [9]), rows(["other"], [3])) as (database, _):
        assert database.read_series_usage() == (0, 9)


def test_the_retention_is_that_of_the_policy_that_is_written_to() -> None:
    columns = ["name", "duration", "default"]
    listed = rows(columns, ["autogen", "0s", False], ["weekly", "168h1m2s", True], ["daily", "24h0m0s", False])
    for database, kept in (
        ("telegraf", timedelta(hours=168, minutes=1, seconds=2)),
        ("telegraf/daily", timedelta(days=1)),
        ("telegraf/autogen", None),
        ("telegraf/other", None),
    ):
        with connected(listed, database=database) as (found, server):
            assert found.read_retention() == kept
        assert queries(server) == [POLICIES]
    with connected(rows(["name", "default"], ["weekly", True])) as (found, _):
        assert found.read_retention() is None


def test_values_are_read_with_their_tags_oldest_first() -> None:
    start, end = MOMENT, MOMENT + timedelta(seconds=1)
    columns = ["time", "value", "host", "empty"]
    answer = rows(columns, [NANOSECONDS + 1000, 2.0, "b", ""], [NANOSECONDS + 999, 1.0, "a", None])
    with connected(answer, database="telegraf/weekly") as (database, server):
        found = database.read_values("m", "f", start, end, tags={"host": "a", "env": "b"}, equal_to=1.5)
    assert found == [
        StoredValue(MOMENT, 1.0, {"host": "a"}),
        StoredValue(MOMENT + timedelta(microseconds=1), 2.0, {"host": "b"}),
    ]
    assert queries(server) == [
        f'SELECT "f" AS value FROM "weekly"."m" WHERE time >= {NANOSECONDS} AND time < {NANOSECONDS + 10**9} '
        """AND "host" = 'a' AND "env" = 'b' AND "f" = 1.5 GROUP BY *"""
    ]
    with connected(Answer(200, "{}")) as (database, server):
        assert database.read_values('m"\\', "f", start, end, tags={'"': "'\\"}) == []
    assert queries(server) == [
        rf'SELECT "f" AS value FROM "m\"\\" WHERE time >= {NANOSECONDS} AND time < {NANOSECONDS + 10**9} '
        r"""AND "\"" = '\'\\' GROUP BY *"""
    ]


def test_its_name_is_for_people() -> None:
    assert connect("http://influx.example/", database="telegraf").name == "database telegraf at http://influx.example"
