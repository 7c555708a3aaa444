"""What a write reports when a part of it fails, against real InfluxDB 1.8 and 2.7."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from tests.servers.influxdb1 import InfluxDB1
from tests.servers.stores import Store
from tests.stack.answering import Answer, Request, answering
from zemanta_ops.stack.databases import Database, DatabaseError, Point, Retry, connect

DAY = 86_400 * 10**9


def keep(store: Store, days: int) -> None:
    """Let the store keep points for so many days."""
    if isinstance(store.server, InfluxDB1):
        store.server.query(f'ALTER RETENTION POLICY "autogen" ON "{store.name}" DURATION {days}d DEFAULT')
        return
    bucket = store.server.call(f"buckets?name={store.name}")["buckets"][0]["id"]
    rules = {"retentionRules": [{"type": "expire", "everySeconds": days * 86_400}]}
    store.server.call(f"buckets/{bucket}", rules, method="PATCH")


def count_requests(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by the size of each request."""
    sizes: list[int] = []
    send = database._write_lines

    def counted(body: bytes) -> None:
        sizes.append(len(body.splitlines()))
        send(body)

    monkeypatch.setattr(database, "_write_lines", counted)
    return sizes


def test_points_older_than_the_retention_are_refused_and_all_others_written_in_one_request(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(store, 7)
    now = time.time_ns()
    points = [Point("mix", {"v": 1.0}, {"i": str(i)}, now - (20 * DAY if i % 2 else 0) - i) for i in range(2_000)]
    with store.connect() as database:
        sizes = count_requests(database, monkeypatch)
        report = database.write(points)

    assert (report.written, len(report.refused), sizes) == (1_000, 1_000, [2_000]), report.refused[0]
    assert {int(line.split("i=")[1].split(" ")[0]) % 2 for line, _ in report.refused} == {1}
    assert len(store.last_points("^mix$")) == 1_000


@pytest.mark.parametrize("days", [7, 0])
def test_the_retention_is_read(store: Store, days: int) -> None:
    if days:
        keep(store, days)
    with store.connect() as database:
        assert database.read_retention() == (timedelta(days=days) or None)


@pytest.mark.parametrize(("status", "written", "failed"), [(403, 7_000, 5_000), (401, 5_000, 7_000)])
def test_an_error_in_the_second_of_three_batches_loses_neither_the_report_nor_the_third(
    status: int, written: int, failed: int
) -> None:
    points = [Point("m", {"v": 1.0}, {"i": str(i)}) for i in range(12_000)]
    body = {403: "forbidden", 401: "unauthorized access"}[status]
    numbers = iter(range(10))

    def answer(_: Request) -> Answer:
        return Answer(status, f'{{"error":"{body}"}}') if next(numbers) == 1 else Answer()

    with (
        answering(answer) as server,
        connect(server.url, database="metrics") as database,
        pytest.raises(DatabaseError) as raised,
    ):
        database.write(points)

    report = raised.value.report
    assert report is not None
    assert (report.written, report.failed) == (written, failed)


def test_a_hung_database_costs_no_more_than_the_write_may_take(own_store: Store) -> None:
    with own_store.connect(timeout=5.0, retry=Retry(attempts=5)) as database:
        own_store.server.pause()
        began = time.monotonic()
        try:
            with pytest.raises(DatabaseError) as raised:
                database.write([Point("m", {"v": 1.0})] * 12_000, seconds=0.5)
        finally:
            own_store.server.resume()

    assert raised.value.kind == "timeout"
    assert time.monotonic() - began < 2
    assert raised.value.report is not None
    assert raised.value.report.failed == 12_000
