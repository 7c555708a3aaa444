"""Whether push_cloudwatch keeps up, by the marks of its runs in a database in memory."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from django.test import override_settings

from tests.stack.cloudwatch.memory import MemoryDatabase
from zemanta_ops.stack.check import cloudwatch
from zemanta_ops.stack.check.cloudwatch import check_cloudwatch
from zemanta_ops.stack.check.hops import CLOUDWATCH, Hop
from zemanta_ops.stack.cloudwatch.coverage import to_datetime
from zemanta_ops.stack.cloudwatch.defaults import load_defaults
from zemanta_ops.stack.cloudwatch.marks import build_mark
from zemanta_ops.stack.cloudwatch.queries import Scope
from zemanta_ops.stack.databases import DatabaseError

NOW = datetime(2026, 3, 14, 12, tzinfo=timezone.utc)
OFF = {name: {"ENABLED": False} for name in load_defaults()}
QUEUES = {"NAMESPACE": "AWS/SQS", "DIMENSIONS": {"QueueName": "*"}, "METRICS": {"NumberOfMessagesSent": "Sum"}}
ROLE = "arn:aws:iam::123456789012:role/metrics"


class Fixed(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> Any:
        assert tz is timezone.utc
        return NOW


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> MemoryDatabase:
    monkeypatch.setattr(cloudwatch, "datetime", Fixed)
    return MemoryDatabase()


def check(database: MemoryDatabase, **declarations: Any) -> list[Hop]:
    with override_settings(ZEMANTA_OPS={"CLOUDWATCH": {"DECLARATIONS": {**OFF, **declarations}}}):
        return check_cloudwatch(database)


def check_one(database: MemoryDatabase, **declarations: Any) -> Hop:
    [hop] = check(database, **(declarations or {"queues": QUEUES}))
    assert hop.name == CLOUDWATCH
    return hop


def mark(
    database: MemoryDatabase, ago: float, *, behind: float = 120, failed: int = 0, name: str = "queues",
    region: str = "eu-west-1", role: str = "own",
) -> None:  # fmt: skip
    """Leave the mark of a run: how long ago it was, and by how much its newest complete minute was older."""
    at = int(NOW.timestamp() - ago)
    figures = {"failed": failed}
    database.write([build_mark(Scope(name, region, role), at, to_datetime(int(at - behind)), figures)])


def test_without_declarations_nothing_is_checked(database: MemoryDatabase) -> None:
    assert check_cloudwatch(database) == []
    assert check(database) == []


def test_declarations_with_a_mistake_are_a_fault_of_the_settings(database: MemoryDatabase) -> None:
    hop = check_one(database, queues={"NAMESPACE": 5})
    assert (hop.status, hop.cause) == ("failed", "setting")
    faults = hop.text.split("; ")
    assert len(faults) > 1, "it needs dimensions and metrics too"
    assert all(fault.startswith('ZEMANTA_OPS["CLOUDWATCH"]') for fault in faults)


def test_a_database_that_cannot_be_read_says_nothing_of_pushes(database: MemoryDatabase) -> None:
    database.unreadable = DatabaseError("timeout", "no answer within 5 s")
    hop = check_one(database)
    assert (hop.status, hop.cause) == ("skipped", "")
    assert hop.text == "the database could not be queried: no answer within 5 s"


def test_a_push_that_ran_and_is_complete_is_fine(database: MemoryDatabase) -> None:
    mark(database, 400)
    mark(database, 100)
    mark(database, 200, region="us-east-1")
    hop = check_one(database)
    assert (hop.status, hop.cause) == ("ok", "")
    assert hop.text == "push_cloudwatch ran 200 s ago, and 1 declarations are complete"


@pytest.mark.parametrize(
    ("every", "ago", "hours"),
    [(300, 86_400 + 901, 24), (3600, 86_400 + 3 * 3600 + 1, 27), (300, None, 24), (1800, None, 25)],
)
def test_marks_are_looked_for_in_a_day_and_three_runs(
    every: int, ago: float | None, hours: int, database: MemoryDatabase
) -> None:
    declared = {"queues": {**QUEUES, "EVERY": every}}
    mark(database, 10, name="another")
    if ago is not None:
        mark(database, ago)
    hop = check_one(database, **declared)
    assert (hop.status, hop.cause) == ("failed", "push_missing")
    assert hop.text == f"no run of push_cloudwatch has written in {hours} hours"
    mark(database, 86_400 + 3 * every)
    assert check_one(database, **declared).cause == "push_stale"


def test_a_mark_of_a_clock_that_is_ahead_counts(database: MemoryDatabase) -> None:
    mark(database, -300)
    assert check_one(database).cause == "push_missing"
    mark(database, -299)
    assert check_one(database).status == "ok"


def test_the_longest_time_between_runs_decides_how_far_back_marks_are_looked_for(database: MemoryDatabase) -> None:
    declared = {"queues": QUEUES, "rare": {**QUEUES, "EVERY": 86_400}}
    mark(database, 3 * 86_400, name="rare")
    hop = check_one(database, **declared)
    # It may be as old as three of its runs. The other declaration has none.
    assert hop.status == "ok"


@pytest.mark.parametrize(("every", "limit"), [(60, 900), (300, 900), (3600, 10_800)])
def test_a_push_is_stale_if_three_runs_are_missing(every: int, limit: int, database: MemoryDatabase) -> None:
    declared = {"queues": {**QUEUES, "EVERY": every}, "others": QUEUES}
    mark(database, 60, name="others")
    mark(database, limit)
    assert check_one(database, **declared).status == "ok"
    database.rows.clear()
    mark(database, 60, name="others")
    mark(database, limit + 1)
    hop = check_one(database, **declared)
    assert (hop.status, hop.cause) == ("failed", "push_stale")
    assert hop.text == f"push_cloudwatch last ran for queues {limit + 1} s ago"


def test_all_that_is_stale_is_named(database: MemoryDatabase) -> None:
    mark(database, 1000)
    mark(database, 2000, name="others")
    hop = check_one(database, queues=QUEUES, others=QUEUES)
    assert sorted(hop.text.removeprefix("push_cloudwatch last ran for ").split(", ")) == [
        "others 2000 s ago",
        "queues 1000 s ago",
    ]


def test_the_region_that_is_most_behind_decides(database: MemoryDatabase) -> None:
    mark(database, 100)
    mark(database, 2000, region="us-east-1")
    assert check_one(database).cause == "push_stale"
    mark(database, 50, region="us-east-1")
    assert check_one(database).status == "ok"
    mark(database, 1500, role=ROLE)
    assert check_one(database).cause == "push_stale"


# A period of 60 s, 120 s until CloudWatch has the values, and a minute more.
@pytest.mark.parametrize(("behind", "cause"), [(240, ""), (241, "push_incomplete"), (7200, "push_incomplete")])
def test_a_push_that_runs_and_falls_behind_is_incomplete(behind: float, cause: str, database: MemoryDatabase) -> None:
    mark(database, 100, behind=behind)
    mark(database, 100, name="others")
    hop = check_one(database, queues=QUEUES, others=QUEUES)
    assert hop.cause == cause
    if cause:
        assert (hop.status, hop.text) == ("failed", "the last runs of push_cloudwatch did not complete queues")


def test_a_longer_period_may_be_further_behind(database: MemoryDatabase) -> None:
    mark(database, 100, behind=480)
    assert check_one(database, queues={**QUEUES, "PERIOD": 300}).status == "ok"


@pytest.mark.parametrize("where", [{}, {"region": "us-east-1"}, {"role": ROLE}])
def test_a_last_run_with_failures_is_incomplete_in_any_region_and_account(
    where: dict[str, Any], database: MemoryDatabase
) -> None:
    mark(database, 400, failed=3, **where)
    mark(database, 300)
    mark(database, 300, region="us-east-1")
    mark(database, 300, role=ROLE)
    assert check_one(database).status == "ok"
    mark(database, 200, failed=3, **where)
    hop = check_one(database)
    assert (hop.cause, hop.text) == ("push_incomplete", "the last runs of push_cloudwatch did not complete queues")
    # What succeeds later elsewhere does not mend it.
    if where:
        mark(database, 100)
    else:
        mark(database, 100, region="us-east-1")
        mark(database, 100, role=ROLE)
    assert check_one(database).cause == "push_incomplete"


def test_all_that_is_incomplete_is_named(database: MemoryDatabase) -> None:
    mark(database, 100, failed=1)
    mark(database, 100, behind=7200, name="others")
    assert check_one(database, queues=QUEUES, others=QUEUES).text.endswith("did not complete queues, others")


def test_failures_of_days_ago_are_forgotten(database: MemoryDatabase) -> None:
    mark(database, timedelta(days=2).total_seconds(), failed=3, region="us-east-1")
    mark(database, 100)
    assert check_one(database).status == "ok"
