"""How points are written to InfluxDB 1.x and 2.x: batches, retries, refused lines, deadlines."""

from __future__ import annotations

import socket
import time
from contextlib import closing

import pytest

from tests.stack.answering import Answer, Request, answering, in_turn
from tests.stack.databases.influxdbs import PAGE, POINTS, QUICK, SECRET, Connect, both, connect_v1
from zemanta_ops.stack.databases import ONCE, DatabaseError, Point, Retry
from zemanta_ops.stack.databases.errors import classify_answer


@both
def test_writes_batches_with_the_credentials_in_a_header_only(connect_to: Connect) -> None:
    with answering(in_turn(Answer())) as server, connect_to(server.url, retry=ONCE) as database:
        report = database.write(POINTS)

    assert (report.written, report.refused) == (8, [])
    (request,) = server.requests
    assert request.body.splitlines() == [point.encode() for point in POINTS]
    assert "precision=ns" in request.path
    assert SECRET not in request.path


@both
@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_write_is_tried_again_after_a_transient_failure(connect_to: Connect, status: int) -> None:
    with (
        answering(in_turn(Answer(status), Answer(status, headers={"Retry-After": "0"}), Answer())) as server,
        connect_to(server.url, retry=QUICK) as database,
    ):
        assert database.write(POINTS).written == 8
    assert len({request.body for request in server.requests}) == 1
    assert len(server.requests) == 3


@both
def test_the_last_failure_is_raised_when_all_attempts_are_used(connect_to: Connect) -> None:
    with (
        answering(in_turn(Answer(503, '{"error":"cannot now","message":"cannot now"}'))) as server,
        connect_to(server.url, retry=QUICK) as database,
        pytest.raises(DatabaseError, match="cannot now") as raised,
    ):
        database.write(POINTS)
    assert (raised.value.kind, raised.value.status, len(server.requests)) == ("overloaded", 503, 3)


@both
def test_the_servers_wish_to_wait_is_heard_within_bounds(connect_to: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("zemanta_ops.stack.databases.base.time.sleep", waits.append)
    with (
        answering(
            in_turn(Answer(503, headers={"Retry-After": "3"}), Answer(429, headers={"Retry-After": "3600"}), Answer())
        ) as server,
        connect_to(server.url, retry=Retry(attempts=3, first=0.1, longest=7)) as database,
    ):
        database.write(POINTS)

    assert waits == [3, 7]


@both
def test_a_refused_line_is_found_and_reported_and_the_others_are_written(connect_to: Connect) -> None:
    bad = {POINTS[2].encode(), POINTS[7].encode()}

    def answer(request: Request) -> Answer:
        refused = bad & set(request.body.splitlines())
        text = f'{{"error":"partial write: field type conflict dropped={len(refused)}","message":"conflict"}}'
        return Answer(400, text) if refused else Answer()

    with answering(answer) as server, connect_to(server.url, retry=ONCE) as database:
        report = database.write(POINTS)

    assert report.written == 6
    assert {line for line, _ in report.refused} == bad
    assert all("conflict" in reason for _, reason in report.refused)
    assert len(server.requests) < 2 * len(POINTS)


@both
def test_every_refused_line_of_hundreds_is_counted_and_no_other(connect_to: Connect) -> None:
    points = [Point("m", {"f": float(number)}, {"t": str(number)}, number + 1) for number in range(650)]
    bad = {point.encode() for number, point in enumerate(points) if number % 3 == 0}

    def answer(request: Request) -> Answer:
        refused = bad & set(request.body.splitlines())
        return Answer(400, '{"error":"conflict","message":"conflict"}') if refused else Answer()

    with answering(answer) as server, connect_to(server.url, retry=ONCE) as database:
        report = database.write(points)

    assert (report.written, {line for line, _ in report.refused}) == (len(points) - len(bad), bad)


@both
@pytest.mark.parametrize(
    "refusal", [Answer(413, "<html>example</html>", product=""), Answer(413, '{"error":"Request Entity Too Large"}')]
)
def test_what_is_too_large_for_one_request_is_written_in_several(connect_to: Connect, refusal: Answer) -> None:
    lines = [point.encode() for point in POINTS]
    limit = max(map(len, lines)) + 1

    def answer(request: Request) -> Answer:
        return refusal if len(request.body) > limit else Answer()

    point = Point("m", {"f": "x" * limit}, {})
    with answering(answer) as server, connect_to(server.url, retry=ONCE) as database:
        report = database.write([*POINTS, point])

    assert (report.written, report.refused_points) == (8, [point])
    assert classify_answer(400, report.refused[0][1]).kind == "too_large"


@both
def test_a_batch_that_is_refused_whole_is_not_searched(connect_to: Connect) -> None:
    text = "partial write: field type conflict dropped=8"
    with (
        answering(in_turn(Answer(400, f'{{"error":"{text}","message":"{text}"}}'))) as server,
        connect_to(server.url) as database,
    ):
        report = database.write(POINTS)

    assert (report.written, len(report.refused), len(server.requests)) == (0, 8, 1)


@both
@pytest.mark.parametrize(
    "text",
    [
        "partial write: points beyond retention policy dropped=3",
        "failure writing points to database: partial write: dropped 3 points outside retention policy of duration 1h",
    ],
)
def test_points_that_are_too_old_are_counted_as_such_and_not_searched(connect_to: Connect, text: str) -> None:
    with (
        answering(in_turn(Answer(422, f'{{"error":"{text}","message":"{text}"}}'))) as server,
        connect_to(server.url) as database,
    ):
        report = database.write(POINTS)

    assert (report.written, report.expired, report.refused, len(server.requests)) == (5, 3, [], 1)


@both
def test_a_failure_reports_what_was_written_before_and_what_was_not(
    connect_to: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zemanta_ops.stack.databases.base.BATCH", 3)
    refusal = Answer(400, '{"error":"conflict","message":"conflict"}')
    # The first batch: refused, then its halves: one line refused, two written. The second: it fails.
    answers = in_turn(refusal, refusal, Answer(), Answer(500), Answer())
    with (
        answering(answers) as server,
        connect_to(server.url, retry=ONCE) as database,
        pytest.raises(DatabaseError) as raised,
    ):
        database.write(POINTS)

    report = raised.value.report
    assert report
    assert (report.written, [line for line, _ in report.refused]) == (2, [POINTS[0].encode()])
    assert report.unwritten == POINTS[3:]


@both
def test_a_write_ends_at_its_deadline(connect_to: Connect) -> None:
    with (
        answering(in_turn(Answer(503, headers={"Retry-After": "3600"}))) as server,
        connect_to(server.url, retry=Retry(attempts=100, first=0.1)) as database,
        pytest.raises(DatabaseError) as raised,
    ):
        started = time.monotonic()
        database.write(POINTS, deadline=0.5)
    assert time.monotonic() - started < 20
    assert raised.value.report
    assert raised.value.report.unwritten == POINTS


@both
def test_a_write_to_a_server_that_hangs_ends_at_its_deadline(connect_to: Connect) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with connect_to(url, timeout=30) as database, pytest.raises(DatabaseError) as raised:
            started = time.monotonic()
            database.write(POINTS, deadline=0.3)
    assert (raised.value.kind, time.monotonic() - started < 20) == ("timeout", True)


def test_a_point_that_cannot_be_written_is_reported_and_the_others_are_written() -> None:
    with answering(in_turn(Answer())) as server, connect_v1(server.url) as database:
        report = database.write([Point("m", {"f": float("nan")}), POINTS[0]])

    assert report.written == 1
    assert report.refused == [("m", "field 'f' is nan, which InfluxDB cannot store")]


@both
def test_a_write_is_tried_again_if_a_proxy_does_not_reach_the_database(connect_to: Connect) -> None:
    with (
        answering(in_turn(Answer(502, PAGE, product=""), Answer())) as server,
        connect_to(server.url, retry=QUICK) as database,
    ):
        assert database.write(POINTS).written == 8
