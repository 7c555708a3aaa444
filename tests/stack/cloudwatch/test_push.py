"""A run against a fake CloudWatch and a database in memory: what it asks for, what it writes, what it reports."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stack.cloudwatch.account import END, NOW, QUEUES, REGION, Account, at, declare, minutes
from tests.stack.cloudwatch.fake import error
from zemanta_ops.stack.cloudwatch.listing import Listing


@pytest.fixture
def account() -> Account:
    made = Account()
    made.put()
    return made


def test_a_run_writes_the_periods_of_the_look_back_that_have_settled(account: Account) -> None:
    coverage = account.push()

    assert coverage.ok, coverage.problems
    assert list(account.sent(queue_name="mail", region=REGION)) == list(range(END - 1800, END, 60))
    assert (coverage.requests, coverage.metrics, coverage.rows) == (1, 1, 30)
    assert list(coverage.covered.values()) == [at(END)]


def test_a_second_run_changes_nothing_but_its_mark(account: Account) -> None:
    account.push()
    before = account.sent()
    account.push()

    assert account.sent() == before


def test_a_late_point_is_corrected_by_the_next_run(account: Account) -> None:
    account.put(values={END - 600: 1000.0}, late=900)
    account.push()
    assert account.sent()[END - 600] == 50.0
    account.push(seconds=300)

    assert account.sent()[END - 600] == 1050.0


def test_after_an_outage_the_next_run_leaves_no_hole(account: Account) -> None:
    account.put(values=minutes(NOW, NOW + 6 * 3600))
    account.push()
    coverage = account.push(seconds=5 * 3600)

    assert coverage.ok
    assert list(account.sent()) == list(range(END - 1800, END + 5 * 3600, 60))
    assert coverage.metrics == 1  # once, however long the outage was


def test_a_late_point_from_before_an_outage_is_corrected_after_it(account: Account) -> None:
    account.put(values={END - 120: 7.0}, queue="slow", late=1000)
    account.push()
    account.put(values={END + 3600 * 2: 1.0}, queue="slow")
    account.push(seconds=2 * 3600)

    assert account.sent(queue_name="slow")[END - 120] == 7.0


def test_holes_older_than_a_day_are_left(account: Account) -> None:
    account.put(values=minutes(NOW, NOW + 60 * 3600))
    account.push()
    account.push(seconds=48 * 3600)

    last_day = [time for time in account.sent() if time >= END]
    assert last_day[0] >= NOW + 24 * 3600
    assert len(last_day) in (1437, 1438)


def test_what_a_deadline_cuts_off_is_reported_and_fetched_by_the_next_run() -> None:
    account = Account()
    for number in range(1200):
        account.put(queue=f"queue-{number:04}")
    # The marks, the retention and three pages of the list come first.
    left = iter([100.0] * 9 + [12.0] * 100)
    coverage = account.push(deadline=lambda: next(left))

    assert not coverage.ok
    assert coverage.covered == {}
    (gap,) = coverage.gaps
    assert 0 < gap.series < 1200
    assert "the time ended before" in coverage.problems[0]
    again = account.push(seconds=300)
    assert again.ok
    assert len(account.list_series()) == 1200


def test_an_interval_that_is_not_over_is_not_paid_for(account: Account) -> None:
    daily = declare(queues={**QUEUES, "every": 3600})
    for minute in range(0, 121, 5):
        account.push(*daily, seconds=minute * 60)

    assert account.fake.billed == 3


def test_statistics_of_a_metric_share_a_request_and_half_a_row_is_never_written() -> None:
    account = Account(page_points=7)
    statistics = ["Average", "Sum", "Minimum", "p99", "p99.9"]
    account.put("Latency", values={time: float(time % 7) for time in range(END - 1800, END, 20)})
    coverage = account.push(*declare(queues={**QUEUES, "metrics": {"Latency": statistics}}))

    assert (coverage.metrics, account.fake.billed) == (1, 1)
    assert coverage.requests == 22  # 150 points in pages of 7: every Id recurs
    rows = [fields for (name, _, _), fields in account.database.rows.items() if name == "cloudwatch_aws_sqs"]
    assert len(rows) == 30
    assert {tuple(sorted(row)) for row in rows} == {
        ("latency_average", "latency_minimum", "latency_p99", "latency_p99_9", "latency_sum")
    }


def test_resources_with_a_dimension_more_are_other_series(account: Account) -> None:
    account.fake.put("AWS/SQS", "NumberOfMessagesSent", {"QueueName": "mail", "Zone": "a"}, minutes(END - 600, END))
    account.fake.put("AWS/SQS", "NumberOfMessagesSent", {}, minutes(END - 600, END))
    account.push()

    assert account.list_series() == {(("queue_name", "mail"), ("region", REGION))}


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*", ["a[1]", "mail", "main"]),
        ("mai?", ["mail", "main"]),
        (["mail", "a*"], ["a[1]", "mail"]),
        ("a[1]", ["a[1]"]),
    ],
)
def test_wildcards_choose_resources(account: Account, pattern: Any, found: list[str]) -> None:
    for queue in ("main", "a[1]"):
        account.put(queue=queue)
    account.push(*declare(queues={**QUEUES, "dimensions": {"QueueName": pattern}}))

    assert (
        sorted(dict(key[1])["queue_name"] for key in account.database.rows if key[0] == "cloudwatch_aws_sqs")[::30]
        == found
    )


def test_linked_accounts_are_tagged(account: Account) -> None:
    account.put(account="222222222222", values=minutes(END - 600, END, lambda _: 2.0))
    account.push(*declare(queues={**QUEUES, "linked_accounts": True}))

    assert set(account.sent(account="222222222222").values()) == {2.0}
    assert len(account.sent(account="111111111111")) == 30


def test_each_role_is_another_account(account: Account) -> None:
    role = "arn:aws:iam::333333333333:role/metrics"
    coverage = account.push(*declare(queues={**QUEUES, "roles": ["own", role]}))

    assert len(coverage.covered) == 2
    assert len(account.sent(account="333333333333")) == 30


def test_resource_tags_are_those_that_are_allowed(account: Account) -> None:
    tags = {"Team": "growth", "Secret": "example", "env": "prod"}
    account.clients.tagging.resources = {
        f"arn:aws:sqs:{REGION}:1:{name}": tags if name == "mail" else {} for name in ("a", "b", "mail")
    }
    account.put(queue="b")
    account.push(
        *declare(queues={**QUEUES, "resource_type": "sqs", "resource_tags": ["Team", "env"]}), listing=Listing()
    )

    series = account.list_series()
    assert series == {
        (("env", "prod"), ("queue_name", "mail"), ("region", REGION), ("team", "growth")),
        (("queue_name", "b"), ("region", REGION)),
    }


def test_without_the_resource_tags_nothing_is_written_under_other_tags(account: Account) -> None:
    account.clients.tagging.failure = error("AccessDeniedException", "no", "GetResources")
    declarations = declare(queues={**QUEUES, "resource_type": "sqs", "resource_tags": ["env"]})
    coverage = account.push(*declarations)

    assert coverage.problems == [f"queues in {REGION}: tag:GetResources is not allowed. Grant it to this identity"]
    assert account.sent() == {}
    account.clients.tagging.failure = None
    assert account.push(*declarations, seconds=300).ok
    assert set(account.sent()) >= set(range(END - 1800, END, 60))


def test_a_listing_is_kept_for_a_while_unless_it_failed(account: Account) -> None:
    listing = Listing()
    account.fake.failures["list_metrics"] = [error("ThrottlingException", "", "ListMetrics"), None]
    assert not account.push(listing=listing).ok
    for seconds in (300, 600, 1200):
        assert account.push(seconds=seconds, listing=listing).ok
    assert account.fake.count("list_metrics") == 3


def test_a_list_of_several_pages_is_complete(account: Account) -> None:
    for number in range(1100):
        account.put(queue=f"queue-{number}")
    coverage = account.push()

    assert account.fake.count("list_metrics") == 3
    assert coverage.metrics == 1101


def test_percentiles_and_extended_names_have_fields_of_their_own(account: Account) -> None:
    account.put("Age", values={END - 60 + second: float(second) for second in range(60)})
    account.push(*declare(queues={**QUEUES, "metrics": {"Age": ["p50", "p99.9"]}}))

    assert account.database.values("cloudwatch_aws_sqs", "age_p50") == {END - 60: 30.0}
    assert account.database.values("cloudwatch_aws_sqs", "age_p99_9") == {END - 60: 59.0}


def test_resource_tags_are_not_those_of_another_account_with_the_same_names(account: Account) -> None:
    account.clients.tagging.resources = {f"arn:aws:sqs:{REGION}:1:mail": {"env": "prod"}}
    account.put(account="222222222222")
    options = {"linked_accounts": True, "resource_type": "sqs", "resource_tags": ["env"]}
    account.push(*declare(queues={**QUEUES, **options}))

    assert account.sent(account="222222222222")
    assert not account.sent(account="222222222222", env="prod")


def test_metrics_of_several_statistics_fill_requests_of_at_most_500_queries() -> None:
    account = Account()
    for number in range(301):
        account.put("Latency", queue=f"queue-{number}", values={END - 60: 1.0})
    statistics = ["Average", "Sum", "Minimum"]
    coverage = account.push(*declare(queues={**QUEUES, "metrics": {"Latency": statistics}}))

    assert coverage.ok, coverage.problems
    asked = [request for name, request in account.fake.requests if name == "get_metric_data"]
    assert sorted(len(request["MetricDataQueries"]) for request in asked) == [405, 498]
    assert coverage.metrics == 301


def test_a_deadline_does_not_always_cut_off_the_same_series() -> None:
    first: set[str] = set()
    for run in range(2):
        account = Account()
        for number in range(1100):
            account.put(queue=f"queue-{number:04}", values=dict.fromkeys(range(END - 60, END + 660, 60), 1.0))
        left = iter([100.0] * 8)
        account.push(seconds=run * 300, deadline=lambda left=left: next(left, 12.0))
        asked = next(request for name, request in account.fake.requests if name == "get_metric_data")
        first.add(asked["MetricDataQueries"][0]["MetricStat"]["Metric"]["Dimensions"][0]["Value"])

    assert len(first) == 2


def test_what_a_run_did_not_complete_is_fetched_by_the_next_one_however_soon(account: Account) -> None:
    account.fake.failures["get_metric_data"] = [error("AccessDenied", "no", "GetMetricData")]
    assert not account.push().ok
    again = account.push(seconds=20)

    assert (again.ok, again.metrics, END - 60 in account.sent()) == (True, 1, True)
    nothing = account.push(seconds=40)
    assert (nothing.ok, nothing.metrics) == (True, 0)
    assert nothing.notes == ["everything was fetched a short time ago; nothing is due before 13:42:37 UTC"]


def test_a_run_in_which_only_some_are_due_does_not_call_the_account_empty(account: Account) -> None:
    orders = {**QUEUES, "namespace": "Shop/Orders", "every": 60, "optional": True}
    declared = declare(queues=QUEUES, orders=orders)
    assert account.push(*declared).ok

    assert account.push(*declared, seconds=120).problems == []


def test_a_hole_that_no_run_repairs_is_reported_once_with_the_command_that_does(account: Account) -> None:
    account.put(values=minutes(NOW, NOW + 60 * 3600))
    account.push()
    coverage = account.push(seconds=26 * 3600)

    assert coverage.problems == [
        "queues in eu-west-1: nothing was fetched from 2026-03-14 13:35 to 2026-03-14 15:38 UTC, longer ago than a run "
        "repairs. Run: manage.py push_cloudwatch --since 2026-03-14T13:35"
    ]
    assert account.push(seconds=26 * 3600 + 300).ok
