"""The database surface against a real InfluxDB 1.8 with users and a real InfluxDB 2.7."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

from tests.servers.fixtures import StartInfluxDB1
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.stores import Store, store_of_1
from zemanta_ops.stack.databases import ONCE, Database, DatabaseError, Point, connect

HOUR = timedelta(hours=1)


def point() -> list[Point]:
    """Return a point of now."""
    return [Point("m", {"value": 1.0}, {"t": "x"})]


def read(database: Database) -> list[float]:
    """Return the values of ``m``."""
    now = datetime.now(timezone.utc)
    return [float(each.value) for each in database.read_values("m", "value", now - HOUR, now + HOUR)]


def write(database: Database) -> int:
    """Write one point."""
    return database.write(point()).written


def verify(database: Database) -> None:
    """Ask whether it can be read."""
    database.verify()


def failure(store: Store, request: Callable[[Database], object]) -> DatabaseError:
    """Return the error that a request ends with; no secret is in it."""
    with store.connect(retry=ONCE) as database, pytest.raises(DatabaseError) as raised:
        request(database)
    shown = f"{raised.value!r} {raised.value} {raised.value.__context__!r} {database.name}"
    secrets = [store.settings[key] for key in ("TOKEN", "PASSWORD") if key in store.settings]
    assert secrets
    assert not any(secret in shown for secret in secrets)
    return raised.value


def test_what_is_written_is_read_with_its_tags(guarded_store: Store) -> None:
    with guarded_store.connect() as database:
        database.verify()
        assert database.read_version()
        assert database.write(point()).written == 1
        now = datetime.now(timezone.utc)
        (reading,) = database.read_values("m", "value", now - HOUR, now + HOUR, tags={"t": "x"}, equal_to=1.0)

    assert (reading.value, dict(reading.tags)) == (1.0, {"t": "x"})
    assert abs(reading.time.timestamp() - time.time()) < 600


def test_a_tag_may_be_called_as_a_column_of_the_answer_is(guarded_store: Store) -> None:
    tags = {"result": "hit", "table": "users", "error": "none", "_private": "yes"}
    with guarded_store.connect() as database:
        database.write([Point("m", {"value": 1.0}, tags)])
        now = datetime.now(timezone.utc)
        (reading,) = database.read_values("m", "value", now - HOUR, now + HOUR, tags={"result": "hit"})

    assert dict(reading.tags) == tags


@pytest.mark.parametrize("request_", [verify, read, write])
def test_a_wrong_token_or_password_is_told(guarded_store: Store, request_: Callable[[Database], object]) -> None:
    assert failure(guarded_store.mistaken(), request_).kind == "unauthorized"


@pytest.mark.parametrize("request_", [verify, write])
def test_an_unknown_database_or_bucket_is_told(guarded_store: Store, request_: Callable[[Database], object]) -> None:
    assert failure(guarded_store.elsewhere(name="nowhere"), request_).kind == "missing"


def test_who_may_only_read_reads_and_may_not_write(guarded_store: Store) -> None:
    with guarded_store.connect() as database:
        database.write(point())
    reader = guarded_store.limited("read")

    with reader.connect() as database:
        database.verify()
        assert read(database) == [1.0]
    assert failure(reader, write).kind == "forbidden"


@pytest.mark.parametrize("request_", [verify, read])
def test_who_may_only_write_writes_and_may_not_read(
    guarded_store: Store, request_: Callable[[Database], object]
) -> None:
    writer = guarded_store.limited("write")

    with writer.connect() as database:
        assert database.write(point()).written == 1
    assert failure(writer, request_).kind == "forbidden"


def test_whether_it_can_be_written_is_known_without_writing(guarded_store: Store) -> None:
    def ask(database: Database) -> None:
        database.verify_writing()

    for store in (guarded_store, guarded_store.limited("write")):
        with store.connect() as database:
            database.verify_writing()
    with guarded_store.connect() as database:
        assert read(database) == []
    for store, kind in (
        (guarded_store.limited("read"), "forbidden"),
        (guarded_store.mistaken(), "unauthorized"),
        (guarded_store.elsewhere(name="nowhere"), "missing"),
    ):
        assert failure(store, ask).kind == kind


def test_a_conflict_of_types_is_reported_line_by_line_and_the_rest_is_written(guarded_store: Store) -> None:
    texts = {3, 11}
    points = [Point("m", {"value": "text" if number in texts else 1.0}, {"t": str(number)}) for number in range(20)]
    with guarded_store.connect() as database:
        database.write([Point("m", {"value": 0.5})])
        report = database.write(points)

        assert report.written == 18
        assert {line for line, _ in report.refused} == {points[number].encode() for number in texts}
        assert all("field type conflict" in reason for _, reason in report.refused)
        assert sorted(read(database)) == [0.5, *[1.0] * 18]


def test_a_query_reads_from_the_retention_policy_that_is_written_to(influxdb1: InfluxDB1, database: str) -> None:
    influxdb1.query(f'CREATE RETENTION POLICY "yearly" ON "{database}" DURATION 365d REPLICATION 1')
    with (
        connect(influxdb1.url, database=f"{database}/yearly") as yearly,
        connect(influxdb1.url, database=database) as one,
    ):
        write(yearly)
        assert len(yearly.query('SELECT "value" FROM "m"')) == 1
        assert one.query('SELECT "value" FROM "m"') == []


def test_an_unknown_retention_policy_is_told(influxdb1: InfluxDB1, database: str) -> None:
    store = store_of_1(influxdb1, database)
    with store.elsewhere(name=f"{database}/autogen").connect() as known:
        known.verify()
        assert (known.write(point()).written, read(known)) == (1, [1.0])
    missing = store.elsewhere(name=f"{database}/yearly")
    with missing.connect() as unknown, pytest.raises(DatabaseError, match="no retention policy yearly") as raised:
        unknown.verify()
    assert raised.value.kind == "missing"


@pytest.mark.parametrize(("series", "values"), [(2, 0), (0, 2)], ids=["series", "values"])
def test_the_lines_beyond_a_limit_are_reported(start_influxdb1: StartInfluxDB1, series: int, values: int) -> None:
    server = start_influxdb1(max_series=series, max_values=values)
    store = store_of_1(server, server.create("metrics"))
    with store.connect() as database:
        # A limit holds against what is there, not within one request.
        assert database.write([Point("m", {"value": 1.0}, {"t": str(number)}) for number in range(2)]).written == 2
        report = database.write([Point("m", {"value": 2.0}, {"t": str(number)}) for number in range(4)])

        assert report.written == 2
        assert len(report.refused) == 2
        assert all("limit exceeded" in reason for _, reason in report.refused)
        assert read(database) == [1.0, 1.0, 2.0, 2.0]


def test_the_room_for_series_is_told_to_an_administrator_only(start_influxdb1: StartInfluxDB1) -> None:
    server = start_influxdb1(auth=True, max_series=40)
    store = store_of_1(server, server.create("metrics"))
    with store.connect() as database:
        for filled in (10, 40):
            database.write([Point("m", {"value": 1.0}, {"t": str(number)}) for number in range(filled)])
            assert database.read_series_usage() == (filled, 40)
    with store.limited("all").connect() as database:
        assert database.read_series_usage() is None


@pytest.mark.parametrize("text", ["${1 + 1}", "${t}", 'a"b', "a\\\\b", "$1"])
def test_a_tag_is_read_as_it_is_written_whatever_flux_would_read(text: str, guarded_store: Store) -> None:
    with guarded_store.connect(retry=ONCE) as database:
        database.write([Point("m", {"value": 1.0}, {"t": text}), Point("m", {"value": 2.0}, {"t": "y"})])
        now = datetime.now(timezone.utc)
        found = database.read_values("m", "value", now - HOUR, now + HOUR, tags={"t": text})
    assert [(each.value, each.tags["t"]) for each in found] == [(1.0, text)]
