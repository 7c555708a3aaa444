"""Composites are written back: late points are counted, nothing is written twice, and what failed is made good."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone

import pytest

from tests.servers.stores import Store
from tests.servers.victoriametrics import VictoriaMetrics
from tests.stack.evaluation.by_hand import Hand, Key
from tests.stack.evaluation.day import DEPLOYMENT, HOUR, LATE, START, TAGS, Record, record_day, to_lines
from tests.stack.evaluation.shop import compute_by_hand, declare
from zemanta_ops.stack.databases import ONCE
from zemanta_ops.stack.evaluation import Reader
from zemanta_ops.stack.evaluation.writing import CompositeWriter

EVERY = 300
RATIO = declare()["shop.error_ratio"]
# A run is a little later than the delay after a window's end.
WAIT = 70
EVENING = START + LATE.start - 1800


class Recording:
    """A store into which the points of the day come as time goes on."""

    def __init__(self, store: Store, since: int) -> None:
        self.store = store
        self.now = since
        self.database = store.connect(retry=ONCE)
        self.writer = CompositeWriter(Reader(self.database, DEPLOYMENT), [RATIO])
        self._pending = [record for record in record_day() if record.point.time_ns >= since * 10**9]

    def go_on(self, until: int) -> None:
        """Write what arrives until then."""
        self.now = until
        arrived = [record for record in self._pending if record.arrived <= until]
        self._pending = [record for record in self._pending if record.arrived > until]
        self.write(arrived)

    def write(self, records: list[Record]) -> None:
        if records:
            self.store.write(to_lines(records))
        self.flush()

    def flush(self) -> None:
        if isinstance(self.store.server, VictoriaMetrics):
            self.store.server.flush()

    def read(self, since: int, until: int) -> dict[int, dict[Key, float]]:
        """Return the composite as it is stored, by the start of its windows."""
        self.flush()
        found: dict[int, dict[Key, float]] = {}
        start, end = (datetime.fromtimestamp(moment, timezone.utc) for moment in (since, until))
        for each in self.database.read_values("shop_error_ratio", "value", start, end, tags=TAGS):
            values = found.setdefault(round(each.time.timestamp()), {})
            assert (each.tags["view"],) not in values
            values[each.tags["view"],] = float(each.value)
        return found


@pytest.fixture(scope="module")
def hand() -> Hand:
    return Hand(record_day(), EVERY)


@pytest.fixture
def recording(new_any_store: Callable[[], Store]) -> Recording:
    return Recording(new_any_store(), EVENING)


def expect(hand: Hand, since: int, until: int) -> dict[int, object]:
    values = {start: compute_by_hand(hand, start)["shop.error_ratio"] for start in range(since, until, EVERY)}
    return {start: pytest.approx(each) for start, each in values.items() if each}


def test_points_that_come_late_are_counted(recording: Recording, hand: Hand) -> None:
    end = EVENING + HOUR
    for now in range(EVENING + EVERY, end + EVERY, EVERY):
        recording.go_on(now + WAIT)
        assert recording.writer.write_newest(RATIO, now + WAIT).error == ""
    final = end - 2 * EVERY
    assert recording.read(EVENING, final) == expect(hand, EVENING, final)


def test_windows_are_made_good_after_the_database_was_away(recording: Recording, hand: Hand) -> None:
    first = EVENING + 3 * EVERY
    recording.go_on(first + WAIT)
    recording.writer.write_newest(RATIO, first + WAIT)
    end = first + 5 * EVERY
    recording.go_on(end + WAIT)
    recording.writer.write_newest(RATIO, end + WAIT)
    assert recording.read(EVENING, end - 2 * EVERY) == expect(hand, EVENING, end - 2 * EVERY)


def test_a_composite_is_due_once_in_each_window(recording: Recording) -> None:
    now = EVENING + 4 * EVERY + WAIT
    recording.go_on(now)
    assert recording.writer.find_due(now) == [RATIO]
    recording.writer.write_newest(RATIO, now)
    assert recording.writer.find_due(now) == recording.writer.find_due(now + EVERY - 20) == []
    assert recording.writer.find_due(now + EVERY) == [RATIO]


def test_a_clock_that_was_wrong_for_a_while_stops_nothing(recording: Recording, hand: Hand) -> None:
    now = EVENING + 4 * EVERY + WAIT
    recording.go_on(now)
    recording.writer.write_newest(RATIO, now + 365 * 24 * HOUR)
    assert recording.writer.find_due(now) == [RATIO]
    recording.writer.write_newest(RATIO, now)
    newest = EVENING + (4 if recording.database.replaces else 2) * EVERY
    since = newest - (3 if recording.database.replaces else 1) * EVERY
    assert recording.read(EVENING, now) == expect(hand, since, newest)


def test_what_is_held_back_stays_due(recording: Recording) -> None:
    now = EVENING + 4 * EVERY + WAIT
    recording.go_on(now)
    recording.writer.may_write = lambda: False
    result = recording.writer.write_newest(RATIO, now)
    assert (result.written, result.is_held_back, result.error) == (0, True, "")
    assert recording.writer.find_due(now) == [RATIO]
    assert recording.read(EVENING, now) == {}


def test_a_back_fill_writes_every_window_and_can_be_repeated(recording: Recording, hand: Hand) -> None:
    now = EVENING + 2 * HOUR
    recording.go_on(now)
    written = []
    for _ in range(2):
        [(done, results)] = recording.writer.fill_back(EVENING, now - HOUR, now)
        assert done == EVENING + HOUR
        assert recording.read(EVENING, now) == expect(hand, EVENING, EVENING + HOUR)
        written.append(sum(result.written for result in results))
    assert written[1] == (written[0] if recording.database.replaces else 0)


def test_a_back_fill_goes_no_further_than_the_windows_that_are_complete(recording: Recording, hand: Hand) -> None:
    now = EVENING + HOUR + 30
    recording.go_on(now)
    list(recording.writer.fill_back(EVENING, now + HOUR, now))
    complete = EVENING + HOUR - (EVERY if recording.database.replaces else 3 * EVERY)
    assert recording.read(EVENING, now) == expect(hand, EVENING, complete)


def test_a_back_fill_reports_how_far_it_came(recording: Recording) -> None:
    recording.go_on(EVENING + 3 * HOUR)
    steps = recording.writer.fill_back(EVENING, EVENING + 3 * HOUR, EVENING + 4 * HOUR)
    assert next(steps)[0] == EVENING + HOUR
    gone = recording.store.elsewhere(url="http://127.0.0.1:9").connect(retry=ONCE)
    recording.writer._reader = Reader(gone, DEPLOYMENT)
    done, results = next(steps)
    assert done == EVENING + HOUR
    assert results[0].error.startswith("unreachable")
    assert list(steps) == []
