"""The loop of compute_composites: one composite that fails neither stops the others nor is asked all the time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from zemanta_ops.management import composite_worker
from zemanta_ops.management.composite_worker import CompositeWorker
from zemanta_ops.stack.declarations import Composite, isolate, total
from zemanta_ops.stack.evaluation.writing import CompositeWriter, ComputedComposite
from zemanta_ops.testing import Recorder


class Writer(CompositeWriter):
    """Fails for the composites that are named; each is due until it was written."""

    def __init__(self, composites: list[Composite], failing: set[str]) -> None:
        self.composites = composites
        self.failing = failing
        self.asked: list[str] = []
        self.written: set[str] = set()

    def find_due(self, now: float) -> list[Composite]:
        return [each for each in self.composites if each.name not in self.written]

    def write_newest(self, composite: Composite, now: float) -> ComputedComposite:
        self.asked.append(composite.name)
        if composite.name in self.failing:
            return ComputedComposite(composite, error="timeout: no answer within 10 s")
        self.written.add(composite.name)
        return ComputedComposite(composite, written=1)

    def forget(self) -> None:
        self.written.clear()


class Clock:
    """A clock that goes on when somebody waits."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def time(self) -> float:
        return self.now

    monotonic = time


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(composite_worker, "time", made)
    return made


@pytest.fixture
def composites() -> Iterator[list[Composite]]:
    with isolate():
        yield [Composite(f"shop.{name}", value=total("orders")) for name in ("a", "b", "c")]


def build(writer: Writer, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> tuple[CompositeWorker, list[str]]:
    reported: list[str] = []
    worker = CompositeWorker(writer, lambda result: reported.append(result.error))

    def wait(seconds: float) -> None:
        clock.now += seconds

    monkeypatch.setattr(worker, "wait", wait)
    return worker, reported


def test_each_step_computes_one_composite(
    composites: list[Composite], clock: Clock, monkeypatch: pytest.MonkeyPatch, captured_metrics: Recorder
) -> None:
    writer = Writer(composites, set())
    worker, reported = build(writer, clock, monkeypatch)
    for _ in range(4):
        worker.step()
    assert (writer.asked, reported) == (["shop.a", "shop.b", "shop.c"], ["", "", ""])
    captured_metrics.assert_timing("zemanta_ops.composite.duration", composite="shop.c", outcome="ok")
    worker.forget()
    worker.step()
    assert writer.asked[3:] == ["shop.a"]


def test_one_that_fails_does_not_stop_the_others_and_is_tried_again_later(
    composites: list[Composite],
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    captured_metrics: Recorder,
    caplog: pytest.LogCaptureFixture,
) -> None:
    writer = Writer(composites, {"shop.a"})
    worker, _ = build(writer, clock, monkeypatch)
    while clock.now < 1_014:
        worker.step()
    assert writer.asked == ["shop.a", "shop.b", "shop.c"]
    captured_metrics.assert_timing("zemanta_ops.composite.duration", composite="shop.a", outcome="error")
    assert "shop.a failed: timeout" in caplog.text
    writer.failing.clear()
    while clock.now < 1_016:
        worker.step()
    assert (writer.asked[3:], writer.written) == (["shop.a"], {"shop.a", "shop.b", "shop.c"})


def test_nothing_is_written_once_the_lock_is_lost(
    composites: list[Composite], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(composites, set())
    worker, _ = build(writer, clock, monkeypatch)
    assert writer.may_write()
    worker.may_emit = lambda: False
    assert not writer.may_write()


def test_a_waiting_worker_can_be_woken(composites: list[Composite]) -> None:
    worker = CompositeWorker(Writer(composites, set()), lambda result: None)
    worker.wake()
    worker.wait(3_600)
    worker.wait(0)
