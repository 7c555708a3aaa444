from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import pytest

from tests.servers.influxdb1 import InfluxDB1
from tests.servers.process import free_port, wait_until
from tests.servers.victoriametrics import VictoriaMetrics
from zemanta_ops.stack.agent import writer as writer_module
from zemanta_ops.stack.agent.aggregator import Aggregator
from zemanta_ops.stack.agent.report import Report, SeriesSummary
from zemanta_ops.stack.agent.writer import Writer, build_points
from zemanta_ops.stack.databases import ONCE, Database, DatabaseError, Point, WriteReport, connect
from zemanta_ops.stack.statsd import parse


def interval(lines: str) -> Report:
    aggregator = Aggregator()
    aggregator.add(len(lines), parse(lines))
    return aggregator.next_interval()


def points(report: Report) -> list[Point]:
    return list(build_points(report, {"host": "here"}))


@pytest.fixture
def dead() -> Iterator[Database]:
    with connect(f"http://127.0.0.1:{free_port()}", database="none", retry=ONCE) as database:
        yield database


def test_a_point_has_telegrafs_name_tags_and_field_types() -> None:
    counter, timing = points(interval("a.b,k=v,host=there:2|c\na.c:1.5|ms"))

    assert (counter.measurement, counter.tags) == ("a_b", {"k": "v", "host": "there", "metric_type": "counter"})
    assert counter.encode().split()[1] == "value=2.0"
    assert timing.tags == {"host": "here", "metric_type": "timing"}
    assert "count=1i" in timing.encode()
    assert "sum=1.5" in timing.encode()


def test_the_time_is_the_end_of_the_interval() -> None:
    report = interval("hits:1|c")

    assert points(report)[0].time_ns == int((report.started + report.seconds) * 1e9)


def test_two_names_that_become_one_measurement_do_not_overwrite_each_other() -> None:
    assert len({(each.measurement, each.time_ns) for each in points(interval("a.b:1|c\na_b:1|c"))}) == 2


def test_what_is_not_a_number_is_left_out_as_telegraf_does() -> None:
    series = SeriesSummary("load", {}, "timing", 2, 1.0, {"count": 2, "mean": math.nan, "upper": math.inf, "lower": 1})

    assert points(Report(0.0, 1.0, series=(series,)))[0].fields == {"count": 2, "lower": 1.0}


def test_the_oldest_points_are_lost_when_too_many_wait(dead: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "WAITING_LIMIT", 7)
    told: list[str] = []
    writer = Writer(dead, "here", "127.0.0.1:8125", told.append)
    for _ in range(5):  # three points each: one series, and two of the agent's own
        writer.put(interval("hits:1|c"))
        assert wait_until(lambda: bool(writer.read_state().reason), 10)
    state = writer.read_state()
    writer.close()

    assert (state.points, state.waiting, state.lost) == (0, 7, 8)
    assert (writer.read_state().waiting, writer.read_state().lost) == (0, 15)
    assert len(told) == 1


def test_a_listener_that_is_gone_stops_nothing(dead: Database) -> None:
    def tell(text: str) -> None:
        raise BrokenPipeError

    writer = Writer(dead, "here", "127.0.0.1:8125", tell)
    writer.put(interval("hits:1|c"))
    assert wait_until(lambda: bool(writer.read_state().reason), 10)
    writer.close()

    assert writer.read_state().lost == 3


def test_whatever_a_client_package_raises_is_a_reason(dead: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(points: object, deadline: float) -> None:
        raise ValueError("the text may hold anything")

    monkeypatch.setattr(dead, "write", write)
    writer = Writer(dead, "here", "127.0.0.1:8125", lambda _: None)
    writer.put(interval("hits:1|c"))
    writer.close()

    assert (writer.read_state().reason, writer.read_state().lost) == ("ValueError", 3)


def test_only_what_was_not_written_is_kept(dead: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[list[Point]] = []

    def write(points: list[Point], deadline: float) -> None:
        batches.append(points)
        error = DatabaseError("server", "it failed")
        error.report = WriteReport(written=1, refused=[("line", "why")], unwritten=points[2:])
        raise error

    monkeypatch.setattr(dead, "write", write)
    writer = Writer(dead, "here", "127.0.0.1:8125", lambda _: None)
    writer.put(interval("hits:1|c\nmore:1|c"))
    assert wait_until(lambda: writer.read_state().points == 1, 10)
    state = writer.read_state()
    writer.close()

    assert (len(batches[0]), state.refused, state.waiting, state.lost) == (4, 1, 2, 0)


def test_points_that_are_too_old_are_counted_with_their_reason(influxdb1: InfluxDB1, database: str) -> None:
    influxdb1.query(f'CREATE RETENTION POLICY short ON "{database}" DURATION 1h REPLICATION 1')
    with connect(influxdb1.url, database=f"{database}/short", retry=ONCE) as influxdb:
        old = Point("old", {"value": 1.0}, {}, 10**18)
        report = influxdb.write([old, Point("new", {"value": 1.0}), old])

    assert (report.written, report.expired, report.refused) == (1, 2, [])


def test_it_writes_through_the_interface_of_2x_too(influxdb1: InfluxDB1, database: str) -> None:
    # InfluxDB 1.8 has /api/v2/write; influxdb-client speaks to it.
    with connect(influxdb1.url, org="-", bucket=f"{database}/autogen", token="-", retry=ONCE) as bucket:
        writer = Writer(bucket, "here", "127.0.0.1:8125", lambda _: None)
        writer.put(interval("hits,k=é 汉:3|c"))
        writer.close()

    assert writer.read_state().points == 3
    assert influxdb1.query("SELECT value, k FROM hits", database)[0]["k"] == "é 汉"


def test_it_writes_to_victoriametrics_too(victoriametrics: VictoriaMetrics) -> None:
    with connect(write_url=victoriametrics.url, database="writer", retry=ONCE) as database:
        writer = Writer(database, "here", "127.0.0.1:8125", lambda _: None)
        writer.put(interval("hits,k=é 汉:3|c\ntook:1.5|ms"))
        writer.close()

    assert (writer.read_state().points, writer.read_state().refused) == (4, 0)
    assert wait_until(lambda: bool(victoriametrics.last_points("^hits$", "writer")), 15, 0.2)
    (hits,) = victoriametrics.last_points("^hits$", "writer")
    assert (hits.fields, hits.tags) == ({"value": 3}, {"k": "é 汉", "host": "here", "metric_type": "counter"})
    (took,) = victoriametrics.last_points("^took$", "writer")
    assert took.fields["95_percentile"] == 1.5


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_it_says_of_itself_what_telegraf_says(protocol: str, influxdb1: InfluxDB1, database: str) -> None:
    with connect(influxdb1.url, database=database, retry=ONCE) as influxdb:
        writer = Writer(influxdb, "here", "127.0.0.1:8125", lambda _: None, protocol)
        writer.put(interval("hits:1|c"))
        writer.close()

    (received,) = influxdb1.last_points("^internal_statsd$", database)
    assert received.tags == {"host": "here", "address": "127.0.0.1:8125"}
    assert received.fields == {f"{protocol}_packets_received": 1}
    (written,) = influxdb1.last_points("^internal_write$", database)
    assert written.tags == {"host": "here", "output": "watch_metrics"}
    assert written.fields == {"metrics_written": 0, "metrics_rejected": 0, "metrics_dropped": 0}


class Switched:
    """A database that fails while it is off."""

    name = "a database"

    def __init__(self) -> None:
        self.is_on = False
        self.tried = 0
        self.written: list[Point] = []

    def write(self, points: list[Point], deadline: float) -> WriteReport:
        self.tried += 1
        if not self.is_on:
            raise DatabaseError("unreachable", "refused")
        self.written += points
        return WriteReport(written=len(points))


def put_numbered(writer: Writer, database: Switched, numbers: range) -> None:
    """Put one interval for each number, and wait until each was tried."""
    for number in numbers:
        wanted = database.tried + 1
        writer.put(Report(float(number), 1.0, series=(SeriesSummary("n", {}, "gauge", 1, 1.0, {"value": number}),)))
        assert wait_until(partial(_is_tried, writer, database, wanted), 10)


def _is_tried(writer: Writer, database: Switched, wanted: int) -> bool:
    return database.tried >= wanted and not writer._in_flight


def _has(told: list[str], wanted: int) -> bool:
    return len(told) >= wanted


def numbers(points: Iterable[Point]) -> list[float]:
    return [float(point.fields["value"]) for point in points if point.measurement == "n"]


def test_after_an_outage_the_newest_points_are_written_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "WAITING_LIMIT", 12)
    database: Any = Switched()
    writer = Writer(database, "here", "127.0.0.1:8125", lambda _: None)
    put_numbered(writer, database, range(8))  # three points each
    database.is_on = True
    put_numbered(writer, database, range(8, 9))
    writer.close()

    times = [point.time_ns for point in database.written]
    assert times == sorted(times)
    assert numbers(database.written) == [5, 6, 7, 8]
    assert writer.read_state().lost == 15


def test_each_outage_is_reported_once() -> None:
    database: Any = Switched()
    told: list[str] = []
    writer = Writer(database, "here", "127.0.0.1:8125", told.append)
    for outage in (1, 2):
        database.is_on = False
        put_numbered(writer, database, range(10 * outage, 10 * outage + 2))
        assert wait_until(partial(_has, told, outage), 10)
        database.is_on = True
        put_numbered(writer, database, range(10 * outage + 2, 10 * outage + 4))
    writer.close()
    assert len(told) == 2
