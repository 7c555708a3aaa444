"""Whatever hangs, a run ends in its time: AWS when it lists and when it answers, and the database when it is read."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.stack.cloudwatch.account import Account
from zemanta_ops.stack.cloudwatch.coverage import Coverage


@pytest.fixture
def account() -> Account:
    made = Account()
    made.put()
    return made


@pytest.fixture
def hang() -> Iterator[Callable[..., object]]:
    """Return a function that does not return while the test runs."""
    ended = threading.Event()
    yield lambda *_, **__: ended.wait(60) and None
    ended.set()


def push_for(account: Account, seconds: float) -> Coverage:
    end = time.monotonic() + seconds
    return account.push(deadline=lambda: end - time.monotonic())


def test_a_list_that_hangs_is_one_line(account: Account, hang: Any) -> None:
    account.fake.list_metrics = hang  # type: ignore[method-assign]
    coverage = push_for(account, 2.0)

    assert coverage.problems == ["cloudwatch:ListMetrics was not answered in eu-west-1 before the time ended"]
    assert len(coverage.gaps) == 1


def test_a_request_for_data_that_hangs_is_one_line(account: Account, hang: Any) -> None:
    account.fake.get_metric_data = hang  # type: ignore[method-assign]
    coverage = push_for(account, 16.0)

    assert coverage.problems == [
        "the time ended before 1 of 1 requests were answered. Give it more time, or fetch less"
    ]
    assert len(coverage.gaps) == 1


def test_a_database_that_hangs_when_it_is_read_costs_nothing(account: Account, hang: Any) -> None:
    account.database.read_values = hang  # type: ignore[method-assign]
    coverage = push_for(account, 2.0)

    assert coverage.problems == [
        "database in memory: no answer before the time ended. Nothing was requested from CloudWatch"
    ]
    assert account.fake.requests == []


def test_a_call_that_hangs_does_not_hold_up_the_end_of_the_process() -> None:
    program = (
        "import time; from zemanta_ops.stack.cloudwatch.deadline import Deadline, TimeEndedError\n"
        "try: Deadline(lambda: 1.0).call(lambda: time.sleep(300))\n"
        "except TimeEndedError: print('ended')"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout == "ended\n"
