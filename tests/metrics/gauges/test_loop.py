"""The loop collects while the lease is held, and waits while it is not."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.metrics.agents import wait_until
from zemanta_ops.metrics.gauges import loop
from zemanta_ops.metrics.gauges.collector import Collector
from zemanta_ops.metrics.gauges.lease import LeaseError
from zemanta_ops.metrics.gauges.loop import WAITING, WORKING, LeaseRenewal, run
from zemanta_ops.metrics.gauges.registry import AppGauge
from zemanta_ops.testing import Recorder

pytestmark = pytest.mark.django_db


class Answers:
    """A lease with the answers of the test; an exception is raised."""

    def __init__(self, *answers: bool | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.released = False

    def acquire(self) -> bool:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if isinstance(answer, Exception):
            raise answer
        return answer

    def release(self) -> None:
        self.released = True

    def explain(self, error: Exception) -> str:
        return f"({type(error).__name__}: {error}). Run: manage.py repair"


class Stubborn(Answers):
    def release(self) -> None:
        raise ConnectionError("gone")


def collector() -> Collector:
    return Collector([AppGauge("users", lambda: 5, every=60, timeout=60)], 0.02)


def until(condition: Callable[[], bool]) -> Callable[[], bool]:
    deadline = time.monotonic() + 20
    return lambda: condition() or time.monotonic() > deadline


def test_the_holder_collects_and_gives_the_lease_back(captured_metrics: Recorder) -> None:
    said: list[str] = []
    lease = Answers(True)
    run(collector(), lease, 60, until(lambda: bool(captured_metrics.find("users"))), said.append)
    captured_metrics.assert_gauge("users", 5)
    assert (said, lease.released) == ([WORKING], True)


def test_the_other_stands_by_and_takes_over(captured_metrics: Recorder) -> None:
    said: list[str] = []
    lease = Answers(False, False, False, True)
    run(collector(), lease, 0.06, until(lambda: bool(captured_metrics.find("users"))), said.append)
    assert said == [WAITING, WORKING]


def test_who_loses_the_lease_sends_no_more(captured_metrics: Recorder) -> None:
    said: list[str] = []
    lease = Answers(True, True, False)

    def stopping() -> bool:
        if said == [WORKING, WAITING] and lease.asked == 3:
            captured_metrics.clear()
        return lease.asked >= 6

    run(collector(), lease, 0.06, until(stopping), said.append)
    captured_metrics.assert_not_emitted("users")


def test_a_lock_that_cannot_be_asked_at_the_start_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(LeaseError, match=r"ConnectionError: refused\). Run: manage.py repair"):
        run(collector(), Answers(ConnectionError("refused")), 60, lambda: False, print)


def test_while_the_lock_cannot_be_asked_the_lease_lasts_to_its_end(caplog: pytest.LogCaptureFixture) -> None:
    lease = Answers(True, ConnectionError("refused"))
    renewal = LeaseRenewal(lease, 1.5)
    assert renewal.is_held()
    assert wait_until(lambda: lease.asked >= 2 or not renewal.is_held())
    assert renewal.is_held()
    assert "ConnectionError: refused" in caplog.text
    assert wait_until(lambda: not renewal.is_held())


def test_a_lock_that_cannot_be_given_back_ends_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    run(collector(), Stubborn(True), 60, lambda: True, print)
    assert "could not be given back: ConnectionError" in caplog.text


@pytest.mark.more
def test_a_holder_that_was_frozen_emits_nothing_when_it_wakes(
    captured_metrics: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("zemanta_ops.metrics.gauges.loop.read_clock", lambda: clock[0])

    def read() -> int:
        clock[0] += 1000  # frozen while it collects: the lease of 60 s is another's by now
        return 5

    frozen = Collector([AppGauge("users", read, every=60, timeout=60)], 0.02)
    said: list[str] = []
    run(frozen, Answers(True, True, False), 60, until(lambda: WAITING in said), said.append)

    assert said == [WORKING, WAITING]
    assert captured_metrics.find("users") == []


def test_who_takes_over_again_sends_no_value_from_before(captured_metrics: Recorder) -> None:
    numbers = iter(range(100))
    again = Collector([AppGauge("users", lambda: next(numbers), every=3600, timeout=60)], 0.02)
    said: list[str] = []
    # What was collected before another process had the lease is an hour from being due again.
    lease = Answers(True, True, False, True)

    def is_stopping() -> bool:
        if said == [WORKING, WAITING]:
            captured_metrics.clear()
        return said == [WORKING, WAITING, WORKING] and len(captured_metrics.find("users")) >= 2

    run(again, lease, 0.5, until(is_stopping), said.append)
    assert said[:3] == [WORKING, WAITING, WORKING]
    assert {record.value for record in captured_metrics.find("users")} == {1}


def test_a_lease_is_counted_from_before_it_was_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(loop, "read_clock", lambda: clock[0])
    lease = Answers(True)
    acquire = lease.acquire

    def acquire_slowly() -> bool:
        clock[0] += 50.0
        return acquire()

    monkeypatch.setattr(lease, "acquire", acquire_slowly)
    renewal = LeaseRenewal(lease, 60)
    assert renewal.is_held()
    for now, current in ((50.0, True), (59.9, True), (60.0, False)):
        clock[0] = now
        assert renewal.is_current() == current


def test_a_connection_that_is_too_old_is_closed_before_the_lease_is_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    # Closing the connection itself would end the transaction of the test.
    lease = Answers(True)
    asked_before: list[int] = []
    monkeypatch.setattr(loop, "close_old_connections", lambda: asked_before.append(lease.asked))
    renewal = LeaseRenewal(lease, 60)
    assert renewal.is_held()
    assert renewal.is_held()
    assert (asked_before, lease.asked) == ([0], 1)
