from __future__ import annotations

import time
from collections.abc import Callable
from threading import Barrier, Event, Lock, Thread, current_thread
from typing import Any

import pytest
from django.db import connections

from tests.metrics.agents import wait_until
from zemanta_ops.metrics.gauges.collector import MAX_PARALLEL, Collector
from zemanta_ops.metrics.gauges.registry import AppGauge
from zemanta_ops.testing import Recorder


def gauge(name: str, function: Callable[[], Any], every: float = 60.0, timeout: float = 60.0) -> AppGauge:
    return AppGauge(name, function, every, timeout)


def fail() -> int:
    raise LookupError("no such queue")


def step_until(collector: Collector, condition: Callable[[], bool]) -> None:
    def advance() -> bool:
        collector.step()
        return condition()

    assert wait_until(advance)


def test_once_collects_and_emits_every_gauge(captured_metrics: Recorder) -> None:
    rows = [(1, {"queue": "mail"}), (2, {"queue": "sms"})]
    Collector([gauge("jobs", lambda: rows), gauge("users", lambda: 5)], 10).collect_once()
    captured_metrics.assert_gauge("jobs", 1, queue="mail")
    captured_metrics.assert_gauge("jobs", 2, queue="sms")
    captured_metrics.assert_gauge("users", 5)
    captured_metrics.assert_timing("zemanta_ops.gauge.duration", gauge="users", outcome="ok")


def test_a_tag_may_have_any_name(captured_metrics: Recorder) -> None:
    Collector([gauge("jobs", lambda: [(1, {"delta": "yes", "name": "a", "value": "b"})])], 10).collect_once()
    captured_metrics.assert_gauge("jobs", 1, delta="yes")


def test_a_failing_gauge_does_not_stop_the_others(captured_metrics: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    collector = Collector([gauge("broken", fail), gauge("users", lambda: 5)], 10)
    collector.collect_once()
    captured_metrics.assert_gauge("users", 5)
    captured_metrics.assert_timing("zemanta_ops.gauge.duration", gauge="broken", outcome="error")
    assert collector.states[0].error == "LookupError: no such queue"
    assert "The gauge broken failed: LookupError: no such queue" in caplog.text


def test_a_hanging_gauge_times_out_and_does_not_stop_the_others(captured_metrics: Recorder) -> None:
    release = Event()
    collector = Collector([gauge("stuck", release.wait, timeout=0.05), gauge("users", lambda: 5)], 10)
    collector.collect_once()
    captured_metrics.assert_gauge("users", 5)
    captured_metrics.assert_timing("zemanta_ops.gauge.duration", gauge="stuck", outcome="timeout")
    captured_metrics.assert_not_emitted("stuck")
    assert collector.states[0].error == "no result within 0.05 s"
    release.set()


def test_a_hanging_gauge_is_not_called_again_until_it_ends(captured_metrics: Recorder) -> None:
    release, calls = Event(), []

    def stuck() -> int:
        calls.append(1)
        number = len(calls)
        release.wait(20)
        return number

    collector = Collector([gauge("stuck", stuck, every=0.02, timeout=0.02)], 0.02)
    deadline = time.monotonic() + 0.3
    step_until(collector, lambda: time.monotonic() > deadline)
    assert len(calls) == 1
    release.set()
    step_until(collector, lambda: bool(captured_metrics.find("stuck")))
    # The answer that came too late was dropped.
    assert 1 not in {record.value for record in captured_metrics.find("stuck")}


def test_only_a_few_gauges_are_called_at_the_same_time(captured_metrics: Recorder) -> None:
    lock, running, highest = Lock(), [0], [0]
    together = Barrier(MAX_PARALLEL)

    def count() -> int:
        with lock:
            running[0] += 1
            highest[0] = max(highest[0], running[0])
        together.wait(20)
        with lock:
            running[0] -= 1
        return 1

    Collector([gauge(f"g{number}", count) for number in range(3 * MAX_PARALLEL)], 10).collect_once()
    assert highest[0] == MAX_PARALLEL
    assert all(captured_metrics.find(f"g{number}") for number in range(3 * MAX_PARALLEL))


def test_the_last_value_is_sent_again_twice_an_agent_interval(captured_metrics: Recorder) -> None:
    calls: list[int] = []

    def count() -> int:
        calls.append(1)
        return 5

    collector = Collector([gauge("users", count)], 0.1)
    started = time.monotonic()
    step_until(collector, lambda: len(captured_metrics.find("users")) >= 7)
    # Six times after the first, 50 ms or more apart.
    assert time.monotonic() - started >= 6 * 0.05 - 0.05
    assert len(calls) == 1


def test_it_is_collected_again_when_it_is_due(captured_metrics: Recorder) -> None:
    numbers = iter(range(100))
    collector = Collector([gauge("users", lambda: next(numbers), every=0.05)], 10)
    step_until(collector, lambda: len({record.value for record in captured_metrics.find("users")}) >= 3)


def test_series_that_a_collection_no_longer_has_are_not_sent_again(captured_metrics: Recorder) -> None:
    answers = iter([[(1, {"queue": "a"}), (1, {"queue": "b"})]])
    collector = Collector([gauge("jobs", lambda: next(answers, [(2, {"queue": "a"})]), every=0.05)], 0.02)
    step_until(collector, lambda: bool(captured_metrics.find("jobs", queue="b")))
    step_until(collector, lambda: any(record.value == 2 for record in captured_metrics.find("jobs")))
    captured_metrics.clear()
    step_until(collector, lambda: len(captured_metrics.find("jobs")) >= 3)
    captured_metrics.assert_not_emitted("jobs", queue="b")


def test_a_value_older_than_twice_its_every_is_sent_no_more(captured_metrics: Recorder) -> None:
    answers = iter([5])
    collector = Collector([gauge("users", lambda: next(answers), every=0.1)], 0.02)
    step_until(collector, lambda: bool(captured_metrics.find("users")))
    collected = collector.states[0].collected
    assert collected is not None
    step_until(collector, lambda: time.monotonic() > collected + 0.25)
    captured_metrics.clear()
    until = time.monotonic() + 0.1
    step_until(collector, lambda: time.monotonic() > until)
    captured_metrics.assert_not_emitted("users")


def test_forget_drops_values_and_what_is_still_being_collected(captured_metrics: Recorder) -> None:
    release, calls = Event(), []

    def slow() -> int:
        calls.append(1)
        if len(calls) == 1:
            release.wait(20)
        return len(calls)

    collector = Collector([gauge("slow", slow)], 0.02)
    step_until(collector, lambda: bool(calls))
    collector.forget()
    release.set()
    step_until(collector, lambda: bool(captured_metrics.find("slow")))
    assert {record.value for record in captured_metrics.find("slow")} == {2}


@pytest.mark.parametrize("outcome", ["a value", "an error"])
def test_a_collection_closes_the_connections_of_its_thread(outcome: str, captured_metrics: Recorder) -> None:
    closed: list[Thread] = []
    threads: list[Thread] = []

    class Open:
        def close(self) -> None:
            closed.append(current_thread())

    opened: Any = Open()

    def read() -> int:
        # The connections of a thread are its own.
        connections["default"] = opened
        threads.append(current_thread())
        return 5 if outcome == "a value" else fail()

    Collector([gauge("users", read)], 10).collect_once()
    assert closed == threads
    assert closed[0] is not current_thread()
