"""A back-fill: each metric paid for once, what is still kept, its end, and what the database would not keep."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.stack.cloudwatch.account import END, NOW, Account, at, minutes
from zemanta_ops.stack.cloudwatch.windows import find_kept_period
from zemanta_ops.stack.databases import DatabaseError


@pytest.fixture
def account() -> Account:
    made = Account()
    made.put()
    return made


def test_a_back_fill_asks_for_each_metric_once_and_resumes() -> None:
    account = Account()
    for queue in ("mail", "push"):
        account.put(queue=queue, values=minutes(END - 10 * 86400, NOW))
    journal: set[str] = set()
    seen: list[tuple[int, int]] = []
    options: dict[str, Any] = {
        "since": at(END - 3 * 86400),
        "journal": _Journal(journal),
        "progress": lambda done, total: seen.append((done, total)),
    }
    account.database.failures = [DatabaseError("timeout", "no answer within 1 s")]
    first = account.push(**options)
    assert not first.ok
    second = account.push(**options)
    third = account.push(**options)

    assert second.ok
    assert third.requests == 0
    assert len(account.sent(queue_name="push")) == 3 * 1440
    assert seen[-1][0] == seen[-1][1]


class _Journal:
    def __init__(self, keys: set[str]) -> None:
        self.keys = keys

    def __contains__(self, key: str) -> bool:
        return key in self.keys

    def add(self, keys: Any) -> None:
        self.keys.update(keys)


def test_a_back_fill_takes_the_period_that_cloudwatch_still_keeps() -> None:
    account = Account()
    account.put(values=dict.fromkeys(range(END - 20 * 86400, NOW, 60), 1.0))
    coverage = account.push(since=at(END - 20 * 86400), until=at(NOW))

    assert coverage.ok
    sent = account.sent()
    steps = [later - earlier for earlier, later in zip(sent, list(sent)[1:], strict=False)]
    assert set(steps) == {60, 300}
    assert sum(sent.values()) == (END - min(sent)) / 60
    assert min(sent) == END - 20 * 86400 - (END - 20 * 86400) % 300


def test_a_back_fill_beyond_the_retention_is_refused_before_it_costs_anything(account: Account) -> None:
    account.database.retention = timedelta(days=7)
    coverage = account.push(since=at(NOW - 10 * 86400))

    assert account.fake.requests == []
    assert "keeps nothing older than 2026-03-07T13:40 UTC" in coverage.problems[0]


def test_a_back_fill_beyond_what_cloudwatch_keeps_says_so_and_writes_the_rest(account: Account) -> None:
    coverage = account.push(since=at(NOW - 500 * 86400))

    assert not coverage.ok
    [problem] = coverage.problems
    assert problem.startswith("CloudWatch keeps nothing older than 2024-12-14T")
    assert account.database.values("cloudwatch_aws_sqs", "number_of_messages_sent_sum")


def test_data_that_would_reach_their_age_limit_during_a_run_are_asked_for_at_the_next_period() -> None:
    assert [find_kept_period(60, age) for age in (14 * 86_400, 15 * 86_400 - 600, 62 * 86_400)] == [60, 300, 300]
