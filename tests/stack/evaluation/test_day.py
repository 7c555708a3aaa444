"""The recorded day is what its description promises, and the same at every run."""

from __future__ import annotations

from tests.stack.evaluation import day
from tests.stack.evaluation.by_hand import Hand
from tests.stack.evaluation.day import DEATH, HOUR, LATE, MISSING, OUTAGE, START, record_day

HAND = Hand(record_day(), HOUR)
REQUESTS = "http_request_count"


def sum_hour(hour: int, status: str = "") -> float:
    wanted = (lambda tags: tags["status"] == status) if status else (lambda tags: True)
    return HAND.total(REQUESTS, START + hour * HOUR, (), wanted).get((), 0.0)


def test_the_day_is_the_same_at_every_run() -> None:
    first = record_day()
    record_day.cache_clear()
    assert record_day() == first


def test_nights_are_quiet_and_the_outage_is_not() -> None:
    assert sum_hour(3) < 700
    assert sum_hour(12) > 15_000
    assert sum_hour(3, "500") < 5
    assert sum_hour(OUTAGE.start // HOUR, "500") > 500


def test_the_host_is_dead_and_data_are_missing() -> None:
    late = [record for record in record_day() if record.point.tags.get("host") == day.DEAD_HOST]
    assert late[-1].arrived == START + DEATH.start
    gap = [record for record in record_day() if MISSING.covers(record.point.time_ns // 10**9 - START)]
    assert gap == []


def test_points_come_late() -> None:
    waits = {record.arrived - record.point.time_ns // 10**9 for record in record_day()}
    assert waits == {0, day.LATE_SECONDS}
    late = [r for r in record_day() if r.arrived - r.point.time_ns // 10**9 and r.point.measurement == REQUESTS]
    assert all(LATE.covers(record.point.time_ns // 10**9 - START) for record in late)
