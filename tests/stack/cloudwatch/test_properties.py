"""Whatever the schedule, the outages and the late points: at the end the database equals what CloudWatch holds."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.stack.cloudwatch.account import NOW, QUEUES, Account, at, declare
from tests.stack.cloudwatch.fake import error
from zemanta_ops.stack.cloudwatch.run import push
from zemanta_ops.stack.cloudwatch.windows import SETTLE, Window, round_down, split_range
from zemanta_ops.stack.databases import DatabaseError

HOURS = 3600
THROTTLED = error("Throttling", "Rate exceeded", "GetMetricData")


@dataclass(frozen=True)
class Story:
    """What happens: when it runs, what fails, and which points arrive when."""

    period: int
    look_back: int
    runs: list[tuple[int, str]]
    points: list[tuple[int, int, int]]


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Return a day with up to eight runs, of which the first and the last succeed."""
    period = draw(st.sampled_from([60, 120, 300]))
    look_back = draw(st.integers(1, 6)) * 600
    times = sorted(draw(st.sets(st.integers(120, 20 * HOURS), min_size=1, max_size=7)))
    kinds = [draw(st.sampled_from(["ok", "throttled", "database", "mark", "deadline"])) for _ in times[:-1]]
    points = draw(
        st.lists(
            st.tuples(st.integers(-2 * HOURS, times[-1]), st.integers(0, look_back), st.integers(0, 2)), max_size=60
        )
    )
    return Story(period, look_back, [(0, "ok"), *zip(times, [*kinds, "ok"], strict=True)], points)


@given(stories())
def test_after_the_last_run_the_database_equals_what_cloudwatch_holds(story: Story) -> None:
    account = Account()
    for time, late, queue in story.points:
        account.put(queue=f"queue-{queue}", values={NOW + time: float(time % 100)}, late=late)
    options = {"period": story.period, "look_back": story.look_back, "every": 60, "optional": True}
    declarations = declare(queues={**QUEUES, **options})
    for offset, kind in story.runs:
        run(account, declarations, offset, kind)

    last = NOW + story.runs[-1][0]
    first = round_down(NOW - SETTLE, story.period) - story.look_back // story.period * story.period
    for queue in range(3):
        assert account.sent(queue_name=f"queue-{queue}") == held(account, story, queue, first, last)
    # At most three queues exist, and a run asks for each at most once: a throttled request is not billed.
    assert account.fake.billed <= 3 * len(story.runs)


def run(account: Account, declarations: Any, offset: int, kind: str) -> None:
    """Run once, with one thing that fails."""
    account.fake.now = NOW + offset
    account.fake.failures["get_metric_data"] = [THROTTLED] if kind == "throttled" else []
    failure = DatabaseError("timeout", "no answer within 1 s")
    failures: dict[str, list[DatabaseError | None]] = {"database": [failure], "mark": [None, failure]}
    account.database.failures = failures.get(kind, [])
    left = (lambda: 11.0) if kind == "deadline" else None
    coverage = push(account.clients, account.database, declarations, now=at(NOW + offset), deadline=left)
    account.database.failures = []
    assert (
        coverage.ok
        or kind != "ok"
        or coverage.problems == ["no declared metric exists in eu-west-1. Check the regions and the credentials"]
    )


def held(account: Account, story: Story, queue: int, first: int, last: int) -> dict[int, float]:
    """Return the sums that CloudWatch holds at the end, of periods that have settled."""
    sums: dict[int, float] = {}
    for time, late, number in story.points:
        bucket = round_down(NOW + time, story.period)
        settled = first <= bucket < round_down(last - SETTLE, story.period)
        if number == queue and NOW + time + late <= last and settled:
            sums[bucket] = sums.get(bucket, 0.0) + float(time % 100)
    return dict(sorted(sums.items()))


@given(
    start=st.integers(0, 500 * 86400),
    length=st.integers(0, 500 * 86400),
    period=st.sampled_from([1, 10, 60, 120, 300, 3600, 7200, 86400]),
)
def test_the_windows_of_a_back_fill_follow_each_other_at_periods_that_are_kept(
    start: int, length: int, period: int
) -> None:
    windows = list(split_range(NOW - start, NOW - start + length, period, NOW, 20_160))

    for earlier, later in itertools.pairwise(windows):
        assert earlier.end == later.start
    for window in windows:
        assert is_kept(window)
        assert window.period % period == 0
        assert 0 < window.points <= 20_160
        assert not (window.start % window.period or window.end % window.period)
        assert window.end <= NOW - SETTLE


def is_kept(window: Window) -> bool:
    """Return whether CloudWatch keeps the period at the age of the window's start."""
    age = NOW - window.start
    limits = ((1, 3 * HOURS), (60, 15 * 86400), (300, 63 * 86400), (3600, 456 * 86400))
    return any(window.period >= finest and age <= limit for finest, limit in limits)
