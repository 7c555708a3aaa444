"""What InfluxDB 1.x and 2.x answer, or what is in front of them, and what is read from them."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.servers.influxdb1 import InfluxDB1
from tests.stack.answering import Answer, answering, in_turn, never_taken
from tests.stack.databases.influxdbs import PAGE, POINTS, SECRET, Connect, both, connect_v1, connect_v2
from zemanta_ops.extras import MissingExtraError
from zemanta_ops.stack.databases import ONCE, Database, DatabaseError, Point, connect


@both
@pytest.mark.parametrize(
    "url",
    [f"http://writer:{SECRET}/x@influx.example", f"http://writer:{SECRET}\u2100@influx.example", f"http://[{SECRET}"],
)
def test_an_error_about_the_url_does_not_repeat_it(connect_to: Connect, url: str) -> None:
    with pytest.raises(ValueError, match="the URL of the database is not a URL") as caught:
        connect_to(url)
    assert SECRET not in str(caught.value)


@both
@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, "unauthorized"), (403, "forbidden"), (404, "missing"), (422, "refused"), (500, "server")],
)
def test_each_failure_has_its_kind_and_no_secret_in_its_text(connect_to: Connect, status: int, kind: str) -> None:
    with (
        answering(in_turn(Answer(status, '{"error":"an example reason","message":"an example reason"}'))) as server,
        connect_to(server.url, retry=ONCE) as database,
        pytest.raises(DatabaseError, match="an example reason") as raised,
    ):
        database.query("SHOW DATABASES")
    assert raised.value.kind == kind
    assert SECRET not in f"{raised.value!r} {raised.value.__context__!r} {database.name}"


@both
def test_nothing_that_listens_is_unreachable(connect_to: Connect) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    with connect_to(f"http://127.0.0.1:{port}", retry=ONCE) as database, pytest.raises(DatabaseError) as raised:
        database.query("x")
    assert raised.value.kind == "unreachable"
    assert "refused" in str(raised.value)


@both
def test_an_unknown_host_is_unreachable(connect_to: Connect) -> None:
    with connect_to("http://no-such-host.invalid", retry=ONCE) as database, pytest.raises(DatabaseError) as raised:
        database.read_version()
    assert raised.value.kind == "unreachable"


@both
def test_a_port_that_never_answers_is_a_timeout(connect_to: Connect) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with connect_to(url, retry=ONCE, timeout=0.2) as database, pytest.raises(DatabaseError) as raised:
            database.query("x")
    assert raised.value.kind == "timeout"


@both
def test_a_connection_that_is_never_taken_is_blocked(connect_to: Connect) -> None:
    with (
        never_taken() as port,
        connect_to(f"http://127.0.0.1:{port}", retry=ONCE, timeout=0.3) as database,
        pytest.raises(DatabaseError) as raised,
    ):
        database.query("x")
    assert raised.value.kind == "blocked"


@both
def test_a_port_that_speaks_something_else_is_not_influxdb(connect_to: Connect) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with connect_to(url, retry=ONCE, timeout=2) as database:
            import threading

            def greet() -> None:
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(b"220 mail.example ESMTP\r\n\r\n")

            thread = threading.Thread(target=greet)
            thread.start()
            with pytest.raises(DatabaseError) as raised:
                database.query("x")
            thread.join()
    assert raised.value.kind in ("foreign", "unreachable")


@both
def test_what_answers_without_influxdbs_header_is_foreign(connect_to: Connect) -> None:
    with (
        answering(in_turn(Answer(200, "hello", product=""))) as server,
        connect_to(server.url) as database,
        pytest.raises(DatabaseError, match="is not InfluxDB") as raised,
    ):
        database.read_version()
    assert raised.value.kind == "foreign"


@both
@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (Answer(502, PAGE), "gateway", "status 502: it does not reach InfluxDB"),
        (Answer(503, "no backend"), "gateway", "status 503: it does not reach InfluxDB, or limits requests"),
        (Answer(401, PAGE, {"WWW-Authenticate": 'Basic realm="x"'}), "proxy", "asks for a user name and a password"),
        (Answer(504, PAGE), "gateway", "status 504"),
        (
            Answer(302, headers={"Location": "https://login.example/?x=y"}),
            "proxy",
            "redirects .* https://login.example$",
        ),
        (Answer(429, "slow down"), "overloaded", "something in front of InfluxDB answers with status 429"),
        (Answer(429, PAGE), "overloaded", "too many requests"),
        (Answer(404, PAGE), "proxy", "a web page"),
        (Answer(404, "404 page not found"), "proxy", "status 404"),
        (Answer(403, PAGE), "proxy", "a web page"),
        (Answer(401, PAGE), "proxy", "a web page"),
        (Answer(200, PAGE), "proxy", "a web page"),
    ],
)
def test_what_is_in_front_of_influxdb_is_not_taken_for_it(
    connect_to: Connect, answer: Answer, kind: str, words: str
) -> None:
    answer = replace(answer, product="")
    requests: list[Callable[[Database], object]] = [
        lambda database: database.read_version(),
        lambda database: database.write(POINTS),
    ]
    if answer.status >= 400:
        requests.append(lambda database: database.query("x"))
    for request in requests:
        with (
            answering(in_turn(answer)) as server,
            connect_to(server.url, retry=ONCE) as database,
            pytest.raises(DatabaseError, match=words) as raised,
        ):
            request(database)
        assert raised.value.kind == kind
        assert SECRET not in str(raised.value)


def test_what_accepts_any_query_is_refused_as_a_database_to_read_from() -> None:
    # So does VictoriaMetrics.
    stub = Answer(200, '{"results":[{"series":[{"columns":["x"],"values":[]}]}]}', {"X-Influxdb-Version": "1.8.0"})
    with answering(in_turn(stub)) as server, connect_v1(server.url) as database:
        assert database.read_version() == "1.8.0"
        with pytest.raises(DatabaseError, match="any query") as raised:
            database.verify()
    assert raised.value.kind == "foreign"


@both
@pytest.mark.parametrize("body", ["<html>", "<html>\n,a\n,b,c", ",result,table\nx,y"])
def test_an_answer_that_is_neither_json_nor_csv_is_foreign(connect_to: Connect, body: str) -> None:
    with (
        answering(in_turn(Answer(200, body))) as server,
        connect_to(server.url) as database,
        pytest.raises(DatabaseError) as raised,
    ):
        database.query("x")
    assert raised.value.kind == "foreign"


def test_a_query_that_fails_when_its_answer_has_begun_is_told() -> None:
    body = "#datatype,string,string\n#group,true,true\n#default,,\n,error,reference\n,it failed midway,897\n"
    with (
        answering(in_turn(Answer(200, body))) as server,
        connect_v2(server.url) as database,
        pytest.raises(DatabaseError, match="it failed midway") as raised,
    ):
        database.query("x")
    assert raised.value.kind == "refused"


def test_names_and_values_are_quoted_in_influxql() -> None:
    with answering(in_turn(Answer(200, '{"results":[{}]}'))) as server, connect_v1(server.url) as database:
        start = datetime(2026, 1, 1, tzinfo=timezone.utc)
        database.read_values('m"; DROP', "f", start, start, tags={"t": "it's"}, equal_to=2.5)

    from urllib.parse import parse_qs, urlsplit

    (query,) = parse_qs(urlsplit(server.requests[0].path).query)["q"]
    assert '"m\\"; DROP"' in query
    assert "\"t\" = 'it\\'s'" in query
    assert '"f" = 2.5' in query
    assert "time >= 1767225600000000000" in query


QUOTED = ["it's", "a\\", "a\\'", 'a"b', "x\\' OR t = 'y", "é 汉", "$1 ; -- /* x */"]


@pytest.mark.parametrize("value", QUOTED)
def test_a_real_server_reads_a_quoted_value_as_it_is(value: str, influxdb1: InfluxDB1, database: str) -> None:
    now = datetime.now(timezone.utc)
    hour = timedelta(hours=1)
    with connect(influxdb1.url, database=database, retry=ONCE) as influxdb:
        influxdb.write([Point("m", {"f": 1.0}, {"t": value}), Point("m", {"f": 2.0}, {"t": "y"})])
        found = influxdb.read_values("m", "f", now - hour, now + hour, tags={"t": value})
        other = influxdb.read_values("m", "f", now - hour, now + hour, tags={"t": f"{value} "})

    # A point cannot end in a backslash, which would escape what comes after it.
    assert [(each.value, each.tags["t"]) for each in found] in ([(1.0, value)], [])
    assert bool(found) or value.endswith("\\")
    assert other == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"url": "influx:8086", "database": "d"}, "http://"),
        ({"url": f"http://u:{SECRET}@influx:8086", "database": "d"}, "must not have credentials"),
        ({"url": f"http://influx:8086?token={SECRET}", "database": "d"}, "credentials or a query"),
        ({"url": "http://influx"}, "DATABASE"),
        ({"url": "http://influx", "database": "d", "bucket": "b"}, "either"),
    ],
)
def test_contradicting_settings_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words) as raised:
        connect(**options)
    assert SECRET not in str(raised.value)


def test_the_missing_client_of_2x_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "influxdb_client.client.flux_csv_parser", None)
    with pytest.raises(MissingExtraError, match=r"zemanta-ops\[influxdb\]"):
        connect_v2("http://influx")


def test_a_name_shows_the_url_and_no_credentials() -> None:
    with connect_v1("http://influx.example:8086/path/") as database:
        assert database.name == "database telegraf at http://influx.example:8086/path"
