"""The recorded day through check_alerts and a real InfluxDB: the incidents that a hand computation finds, each once.

Every round starts from what is stored, two leaders judge each window, and the receiver answers with errors for an hour.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from typing import Any

import pytest

from tests.servers.influxdb1 import InfluxDB1
from tests.stack.alerting.listening import Listener, Reply
from tests.stack.alerting.playing import webhook
from tests.stack.alerting.receivers.sending import read
from tests.stack.evaluation.by_hand import Hand
from tests.stack.evaluation.day import DEPLOYMENT, HOUR, INTERVAL, OUTAGE, START, Record, record_day, to_lines
from zemanta_ops.stack.alerting.checker import Checker
from zemanta_ops.stack.alerting.delivery import Sender
from zemanta_ops.stack.alerting.judges import AlertJudge, Judge
from zemanta_ops.stack.alerting.notification import build_dedup_key
from zemanta_ops.stack.databases import Database, connect
from zemanta_ops.stack.declarations import Alert, Composite, above, isolate, last, mean, total
from zemanta_ops.stack.declarations.durations import DAY
from zemanta_ops.stack.evaluation import Reader

pytestmark = pytest.mark.django_db

EVERY, DELAY = 300, 2 * INTERVAL
# Key, action, level.
Events = list[tuple[str, str, str]]


@pytest.fixture(scope="module")
def judges() -> list[Judge]:
    shared: dict[str, Any] = {"window": "5m", "every": "5m"}
    with isolate():
        ratio = Composite(
            "errors",
            numerator=total("http.request.count", status="5*"),
            denominator=total("http.request.count"),
            by=("view",),
            min_denominator=20,
        )
        return [
            AlertJudge(Alert(ratio, warn=above(0.02), crit=above(0.3), **shared)),
            AlertJudge(Alert(mean("http.request.duration"), by=("view",), warn=above(400), for_="10m", **shared)),
            AlertJudge(Alert(last("jobs.waiting"), by=("queue",), warn=above(50), crit=above(110), **shared)),
            AlertJudge(Alert(total("http.request.count"), name="silent", crit=above(10**9), no_data="alert", **shared)),
        ]


def find_by_hand() -> Events:
    """Return the events of the day, from the points that had arrived when each window was judged."""
    records = [each for each in record_day() if each.arrived <= _find_end(each) + DELAY]
    hand = Hand(records, EVERY)
    levels: dict[str, str] = {}
    slow_for: dict[str, int] = {}
    events: Events = []
    for start in range(START, START + DAY, EVERY):
        found = dict(_judge_by_hand(hand, start))
        for key, level in sorted(found.items()):
            if key.startswith("http.request.duration"):
                slow_for[key] = slow_for.get(key, 0) + 1 if level == "warn" else 0
                level = "warn" if slow_for[key] >= 3 else "ok"
            if levels.get(key, "ok") != level:
                levels[key] = level
                events.append((key, "resolve" if level == "ok" else "trigger", level))
    return events


def _judge_by_hand(hand: Hand, start: int) -> Iterator[tuple[str, str]]:
    every = hand.total("http_request_count", start, ("view",))
    bad = hand.total("http_request_count", start, ("view",), lambda tags: tags["status"].startswith("5"))
    for (view,), number in every.items():
        if number >= 20:
            share = bad.get((view,), 0.0) / number
            yield f"errors{{view={view}}}", "crit" if share > 0.3 else "warn" if share > 0.02 else "ok"
    counts = hand.total("http_request_duration", start, ("view",), field="count")
    for key, number in hand.total("http_request_duration", start, ("view",), field="sum").items():
        yield f"http.request.duration{{view={key[0]}}}", "warn" if number / counts[key] > 400 else "ok"
    for (queue,), number in hand.last("jobs_waiting", start, ("queue",)).items():
        yield f"jobs.waiting{{queue={queue}}}", "crit" if number > 110 else "warn" if number > 50 else "ok"
    yield "silent", "ok" if every else "crit"


def _find_end(record: Record) -> int:
    return (record.point.time_ns // 10**9 // EVERY + 1) * EVERY


def play_day(database: Database, influxdb1: InfluxDB1, name: str, judges: list[Judge], listener: Listener) -> None:
    """Run a round of two leaders after every window, with the points that have arrived by then."""
    records = iter(record_day())
    pending: Record | None = next(records)
    found = read(pager=webhook(listener, TIMEOUT=1))
    failures = cycle([Reply(500), Reply(429), Reply(503, {"Retry-After": "30"})])
    for end in range(START + EVERY, START + DAY + 1, EVERY):
        now = end + DELAY
        arrived = []
        while pending is not None and pending.arrived <= now:
            arrived.append(pending)
            pending = next(records, None)
        influxdb1.write(to_lines(arrived), name)
        is_down = OUTAGE.start <= end - START <= OUTAGE.start + HOUR
        listener.reply = next(failures) if is_down else Reply()
        for _ in range(2):
            checker = Checker(judges, Reader(database, DEPLOYMENT), found.least_levels, Sender(found.usable))
            report = checker.check(now)
            assert report.problems == []


@pytest.mark.more
def test_the_incidents_of_the_day_are_those_of_the_hand_computation(
    influxdb1: InfluxDB1, database: str, judges: list[Judge], listener: Listener
) -> None:
    with connect(influxdb1.url, database=database) as opened:
        play_day(opened, influxdb1, database, judges, listener)
    expected = find_by_hand()
    received = [(each.body["dedup_key"], each.body["action"], each.body["level"]) for each in listener.taken]
    for key in {key for key, _, _ in (*expected, *received)}:
        assert [each for each in received if each[0] == key] == [each for each in expected if each[0] == key]
    assert len(listener.posted) > len(listener.taken)


def test_the_day_has_what_the_test_is_about() -> None:
    events = find_by_hand()
    keys = {key for key, _, _ in events}
    assert {
        build_dedup_key("errors", {"view": "checkout"}),
        build_dedup_key("jobs.waiting", {"queue": "mail"}),
        build_dedup_key("http.request.duration", {"view": "home"}),
        "silent",
    } <= keys
    assert ("errors{view=checkout}", "trigger", "crit") in events
