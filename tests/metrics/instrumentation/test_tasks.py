"""django.tasks: with the real signals if Django has them (6.0), silently absent if not."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import override_settings

from zemanta_ops.metrics.instrumentation import tasks
from zemanta_ops.testing import Recorder

HAS_TASKS = find_spec("django.tasks") is not None
NOON = datetime(2025, 3, 3, 12, tzinfo=timezone.utc)

needs_tasks = pytest.mark.skipif(not HAS_TASKS, reason="django.tasks came with Django 6.0: make matrix")


@pytest.fixture(autouse=True)
def installed() -> None:
    tasks._started.clear()
    tasks.install()
    tasks.install()


def double(number: int) -> int:
    if number < 0:
        raise ValueError
    return 2 * number


def enqueue(number: int) -> None:
    from django.tasks import task  # type: ignore[import-not-found, unused-ignore]

    backend = {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend", "QUEUES": ["mail"]}
    with override_settings(TASKS={"default": backend}):
        task(double, queue_name="mail").enqueue(number)


@needs_tasks
def test_a_task_is_counted_and_timed_once(captured_metrics: Recorder) -> None:
    enqueue(5)
    tags = {"task": f"{__name__}.double", "queue": "mail", "backend": "default"}
    for name in ("task.enqueued", "task.wait", "task.duration"):
        assert len(captured_metrics.find(name, **tags)) == 1
    captured_metrics.assert_timing("task.duration", outcome="successful")


@needs_tasks
def test_a_failing_task(captured_metrics: Recorder) -> None:
    enqueue(-1)
    captured_metrics.assert_timing("task.duration", outcome="failed")


@needs_tasks
def test_removed_twice_measures_no_more(captured_metrics: Recorder) -> None:
    tasks.uninstall()
    tasks.uninstall()
    enqueue(5)
    captured_metrics.assert_not_emitted("task.enqueued")


@pytest.mark.skipif(HAS_TASKS, reason="this Django has django.tasks")
def test_before_django_6_it_is_silently_absent() -> None:
    assert tasks._list_receivers() == []
    tasks.uninstall()


# Django's own backends run a task at once and only once, so what follows is shown to the receivers by hand.


def result(**times: datetime | None) -> Any:
    task = SimpleNamespace(module_path="shop.bill", queue_name="mail", run_after=times.pop("run_after", None))
    given = {"enqueued_at": None, "started_at": None, "last_attempted_at": None, "finished_at": None, **times}
    return SimpleNamespace(id="1", task=task, backend="default", status="SUCCESSFUL", **given)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_a_task_that_was_to_run_later_waits_from_then(captured_metrics: Recorder) -> None:
    due = {"enqueued_at": NOON, "run_after": after(60)}
    tasks._record_start(result(**due, started_at=after(62), last_attempted_at=after(62)))
    captured_metrics.assert_timing("task.wait", 2.0)


def test_a_second_attempt_does_not_count_the_first_as_waiting(captured_metrics: Recorder) -> None:
    second = result(enqueued_at=NOON, started_at=after(1), last_attempted_at=after(30), finished_at=after(33))
    tasks._record_wait(second)
    tasks._record_duration(second)
    captured_metrics.assert_not_emitted("task.wait")
    captured_metrics.assert_timing("task.duration", 3.0)


def test_clocks_that_disagree_give_no_negative_time(captured_metrics: Recorder) -> None:
    tasks._record_wait(result(enqueued_at=NOON, started_at=after(-2), last_attempted_at=after(-2)))
    captured_metrics.assert_timing("task.wait", 0.0)


def test_times_that_a_backend_does_not_keep_are_left_out(captured_metrics: Recorder) -> None:
    tasks._record_wait(result())
    tasks._record_duration(result(finished_at=NOON))
    assert captured_metrics.records == []


YEARS = 10 * 365 * 24 * 3600.0


@pytest.mark.parametrize("jump", [-YEARS, YEARS])
def test_a_clock_that_is_set_while_a_task_waits_or_runs_makes_no_duration_of_years(
    jump: float, captured_metrics: Recorder
) -> None:
    started = result(enqueued_at=NOON, started_at=after(jump), last_attempted_at=after(jump))
    tasks._record_start(started)
    tasks._record_duration(result(last_attempted_at=after(jump), finished_at=NOON))
    # The start was seen by another process.
    tasks._record_duration(result(last_attempted_at=NOON, finished_at=after(jump)))
    recorded = [record.value for record in captured_metrics.records]
    assert all(0 <= value < 60_000 for value in recorded)
    assert len(captured_metrics.find("task.duration")) == (2 if jump < 0 else 1)


def test_tasks_that_never_finish_do_not_pile_up(captured_metrics: Recorder) -> None:
    for number in range(tasks.MAX_STARTED + 10):
        lost = result()
        lost.id = str(number)
        tasks._record_start(lost)
    assert len(tasks._started) <= tasks.MAX_STARTED
    tasks._started.clear()
