"""What is sent to VictoriaMetrics and Prometheus, and what is read from their answers."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.stack.answering import Answer, answering, in_turn
from tests.stack.databases.promql_servers import (
    HEADER,
    Open,
    connected,
    fail,
    failing,
    prometheus,
    sent,
    success,
    victoria,
)
from zemanta_ops.stack.databases import ONCE, Point, StoredValue, connect, promql
from zemanta_ops.stack.databases.http import Endpoint

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 500000, timezone.utc)
SECONDS = 1767323045.5

both = pytest.mark.parametrize("opened", [victoria, prometheus])


@both
def test_an_instant_query_is_not_answered_from_a_cache(opened: Open) -> None:
    result = [
        {"metric": {"a": "b"}, "value": [7, "1.5"]},
        {"metric": {}, "values": [[1, "2"], [5, "9"], [2, "3"]]},
    ]
    expected = [{"a": "b", "time": 7, "value": 1.5}, {"time": 2, "value": 3.0}]
    with connected(opened, success({"result": result})) as (database, server):
        assert database.query_at("up", 1.23456) == expected
        assert database.query_span("up", 60) == expected
        before = datetime.now(timezone.utc).timestamp()
        assert database.query("up") == expected
    (at, span, now) = sent(server)
    assert at == ("/api/v1/query", {"query": "up", "time": "1.235", "nocache": "1"})
    assert span == ("/api/v1/query", {"query": "up", "time": "60.000", "nocache": "1"})
    assert 0 <= float(now[1]["time"]) - before + 0.001 < 60


@both
def test_a_range_query_asks_for_the_newest_points(opened: Open) -> None:
    result = [{"metric": {"a": "b"}, "values": [[1, "2"], [2, "3"]]}, {"metric": {}, "values": [[1, "4"]]}]
    with connected(opened, success({"result": result})) as (database, server):
        assert database.query_range("up", 1, 2.5, 0.5) == [
            {"a": "b", "time": 1, "value": 2.0},
            {"a": "b", "time": 2, "value": 3.0},
            {"time": 1, "value": 4.0},
        ]
    span = {"start": "1.000", "end": "2.500", "step": "0.500s"}
    assert sent(server) == [("/api/v1/query_range", {"query": "up", **span, "nocache": "1", "latency_offset": "1ms"})]


@both
def test_values_of_a_label_are_those_of_the_matching_series(opened: Open) -> None:
    with connected(opened, success(["x"])) as (database, server):
        assert database.list_label_values("a b", "{c='d'}") == ["x"]
    assert sent(server) == [("/api/v1/label/a%20b/values", {"match[]": "{c='d'}"})]


@pytest.mark.parametrize(
    ("opened", "selector"),
    [
        (victoria, '__name__="m.x_f",db="telegraf",Host="x","host.name"="q\\"ä"'),
        (prometheus, '__name__="m_x_f",Host="x",host_name="q\\"ä"'),
    ],
)
def test_values_are_those_of_one_field_oldest_first(opened: Open, selector: str) -> None:
    metric = {"__name__": "m_f", "host": "a", "db": "telegraf"}
    row = {"metric": metric, "values": [[SECONDS + 1, "2.5"], [SECONDS, "2"], [SECONDS + 2, "1.4"]]}
    with connected(opened, success({"result": [row]})) as (database, server):
        tags = {"Host": "x", "host.name": 'q"ä'}
        found = database.read_values("m.x", "f", MOMENT, MOMENT + timedelta(seconds=1.1), tags=tags)
        near = database.read_values("m.x", "f", MOMENT, MOMENT + timedelta(seconds=1.1), equal_to=1.9)
    expected = {"host": "a"} if opened is victoria else {"host": "a", "db": "telegraf"}
    times = [MOMENT + timedelta(seconds=each) for each in (0, 1, 2)]
    assert found == [StoredValue(time, value, expected) for time, value in zip(times, (2.0, 2.5, 1.4), strict=True)]
    assert [each.value for each in near] == [2.0]
    assert sent(server)[0] == (
        "/api/v1/query",
        {"query": f"{{{selector}}}[2s] offset 1ms", "time": f"{SECONDS + 1.1:.3f}"},
    )


@both
def test_what_is_read_from_answers_a_query(opened: Open) -> None:
    with connected(opened, success({"result": [{"metric": {}, "value": [1, "1"]}]})) as (database, server):
        database.verify()
    assert sent(server)[0][1]["query"] == "vector(1)"
    empty = ("foreign", 0, "the answer to a query is empty: this is not a PromQL endpoint")
    with connected(opened, success({"result": []})) as (database, _):
        assert fail(database.verify) == empty
    for text, reason in (
        ('{"status":"error"}', "the answer is not that of a PromQL endpoint"),
        ("no", "the answer is not the JSON that a PromQL endpoint sends"),
    ):
        with connected(opened, Answer(200, text, product=HEADER)) as (database, _):
            assert fail(database.verify) == ("foreign", 200, reason)


@both
def test_the_version_is_that_of_the_build(opened: Open) -> None:
    with connected(opened, success({"version": 2.5})) as (database, server):
        assert database.read_version() == "2.5"
    assert sent(server)[0] == ("/api/v1/status/buildinfo", {})
    reason = "the answer has no version: this is not the address that PromQL is sent to"
    wrong: tuple[Any, ...] = ({}, "version", None)
    for data in wrong:
        with connected(opened, success(data)) as (database, _):
            assert fail(database.read_version) == ("foreign", 0, reason)


@both
def test_credentials_are_sent_in_a_header(opened: Open) -> None:
    for options, header in (
        ({"username": "u", "password": "p"}, "Basic dTpw"),
        ({"username": "u"}, "Basic dTo="),
        ({}, None),
    ):
        with connected(opened, success([]), **options) as (database, server):
            database.list_label_values("a", "b")
        assert server.requests[0].headers.get("Authorization") == header


@pytest.mark.parametrize(
    ("opened", "url", "port"),
    [
        (victoria, "http://vm.example", 8428),
        (victoria, "https://vm.example", None),
        (prometheus, "http://prometheus.example", 9090),
        (prometheus, "https://prometheus.example", None),
    ],
)
def test_each_has_a_port_of_its_own(opened: Open, url: str, port: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []

    def make(parts: Any, **options: Any) -> Endpoint:
        made.append({"host": parts.hostname, **options})
        return Endpoint(parts, **options)

    monkeypatch.setattr(promql, "Endpoint", make)
    opened(url, timeout=7)
    assert all(
        each == {"host": urlsplit(url).hostname, "authorization": "", "timeout": 7, "port": port} for each in made
    )


def test_the_version_of_victoriametrics_is_its_own_if_it_can_be_read() -> None:
    build = success({"version": "2.24.0"})
    metrics = 'x 1\nvm_app_version{version="long", short_version="v1.99.0"} 1\n'
    for answer, version in (
        (Answer(200, metrics, product=HEADER), "1.99.0"),
        (Answer(404, metrics, product=HEADER), "2.24.0"),
        (Answer(200, "no", product=HEADER), "2.24.0"),
    ):
        with connected(victoria, build, answer) as (database, server):
            assert database.read_version() == version
        assert server.requests[1].path == "/metrics"


METRICS = """
vm_rows_ignored_total{reason="small_timestamp"} 3
vm_rows_ignored_total{type="x", reason="nan_value", more="y"} 1e+01
vm_rows_ignored_total{reason="nan_value"} 2
vm_rows_ignored_total{reason="never"} 0
vm_hourly_series_limit_rows_dropped_total 5
vm_daily_series_limit_rows_dropped_total{a="b"} 6
vm_other_total 7
vmagent_remotewrite_errors_total{url="1:secret-url"} 4
vmagent_remotewrite_requests_total{url="2:secret-url", status_code="403"} 1e1
vmagent_remotewrite_requests_total{url="2:secret-url", status_code="204"} 99
vmagent_remotewrite_errors_total{url="3:secret-url"} 0
"""


def test_what_victoriametrics_drops_or_an_agent_fails_to_deliver_is_counted() -> None:
    with connected(victoria, Answer(200, METRICS, product=HEADER)) as (database, server):
        expected = {"small_timestamp": 3, "nan_value": 12, "hourly_series_limit": 5, "daily_series_limit": 6}
        assert database.read_dropped() == expected
        first, second = (
            f"-remoteWrite.url 1 (no connection) of {server.url}",
            f"-remoteWrite.url 2 (status 403) of {server.url}",
        )
        assert database.count_failed_deliveries() == {first: 4, second: 10}
        assert database.describe_undelivered({first: 3, second: 12}) == (
            f"vmagent at {server.url}: 1 requests to {first} failed during this check; "
            f"10 requests to {second} failed during this check"
        )
        assert database.describe_undelivered({first: 4, second: 10}) == ""
    with connected(victoria, Answer(404, METRICS, product=HEADER)) as (database, _):
        assert (database.read_dropped(), database.describe_undelivered({})) == ({}, "")
    closed = victoria(server.url)
    assert (closed.read_dropped(), closed.describe_undelivered({})) == ({}, "")  # type: ignore[attr-defined]


def test_a_write_goes_to_the_first_url_that_can_be_reached() -> None:
    with answering(in_turn(Answer(product=HEADER))) as dead:
        pass
    points = [Point("m", {"f": 1.5}, {}, 7)]
    with answering(in_turn(Answer(product=HEADER))) as server:
        connect(write_url=f"{dead.url},{server.url}", database="shop", retry=ONCE).write(points)
    assert sent(server) == [("/write", {"db": "shop", "precision": "ns"})]
    assert (server.requests[0].method, server.requests[0].body) == ("POST", "m f=1.5 7")
    both_dead = connect(write_url=f"{dead.url},{server.url}", retry=ONCE)
    kind, _, text = fail(lambda: both_dead.write(points))
    assert (kind, text.startswith(f"{server.url}: ")) == ("unreachable", True)
    with answering(in_turn(failing(400, "refused"))) as first:
        asked = connect(write_url=f"{first.url},{dead.url}", retry=ONCE)
        assert len(asked.write(points).refused) == 1


def test_their_names_are_for_people() -> None:
    assert victoria("http://vm.example/x,http://b.example").name == "VictoriaMetrics at http://vm.example/x"
    separate = connect(write_url="http://vm.example", read_url="http://read.example", database="shop")
    assert (separate.name, dict(separate.labels)) == ("VictoriaMetrics at http://read.example", {"db": "shop"})
    assert prometheus("http://p.example/").name == "Prometheus at http://p.example"
