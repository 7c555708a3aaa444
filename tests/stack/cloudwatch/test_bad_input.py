"""Whatever is wrong, a run reports it in one clear line, writes the rest, and asks for nothing in vain."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from botocore.exceptions import (
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
)

from tests.stack.cloudwatch.account import END, NOW, QUEUES, REGION, Account, at, declare, minutes
from tests.stack.cloudwatch.fake import FakeCloudWatch, error
from zemanta_ops.stack.cloudwatch.defaults import build_declarations
from zemanta_ops.stack.cloudwatch.failures import SetupError
from zemanta_ops.stack.databases import DatabaseError
from zemanta_ops.stack.databases.errors import Kind

ROLE = "arn:aws:iam::333333333333:role/metrics"
RDS: dict[str, Any] = {
    "namespace": "AWS/RDS",
    "dimensions": {"DBInstanceIdentifier": "*"},
    "metrics": {"CPUUtilization": "Average"},
}


@pytest.fixture
def account() -> Account:
    made = Account()
    made.put()
    made.fake.put("AWS/RDS", "CPUUtilization", {"DBInstanceIdentifier": "shop"}, minutes(END - 3600, NOW))
    return made


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        (
            {**QUEUES, "namespace": "AWS/SQSS"},
            "wrong in eu-west-1: no declared metric exists in AWS/SQSS with the dimensions QueueName=*. "
            "Correct the declaration",
        ),
        (
            {**QUEUES, "dimensions": {"Queue": "*"}},
            "wrong in eu-west-1: no declared metric exists in AWS/SQS with the dimensions Queue=*; "
            "it exists there with the dimensions QueueName. Correct the declaration",
        ),
        (
            {**QUEUES, "metrics": {"NumberOfMessageSent": "Sum"}},
            "wrong in eu-west-1: no declared metric exists in AWS/SQS with the dimensions QueueName=*; "
            "did you mean NumberOfMessagesSent. Correct the declaration",
        ),
        (
            {**QUEUES, "metrics": {"NumberOfMessagesSent": "Sum", "NumberOfMessageSent": "Sum"}},
            "wrong in eu-west-1: NumberOfMessageSent does not exist in AWS/SQS with the dimensions QueueName=*; "
            "did you mean NumberOfMessagesSent. Correct the name, or set optional",
        ),
        (
            {**QUEUES, "metrics": {"Nonsense": "Sum"}},
            "wrong in eu-west-1: no declared metric exists in AWS/SQS with the dimensions QueueName=* "
            "(declared: Nonsense). Correct the declaration",
        ),
        (
            {**QUEUES, "metrics": {"NumberOfMessagesSent": "Sum", "Nonsense": "Sum"}},
            "wrong in eu-west-1: Nonsense does not exist in AWS/SQS with the dimensions QueueName=* "
            "(declared: Nonsense). Correct the name, or set optional",
        ),
    ],
)
def test_what_aws_does_not_have_is_named_and_the_rest_is_written(
    account: Account, wrong: dict[str, Any], line: str
) -> None:
    coverage = account.push(*declare(rds=RDS, wrong=wrong))

    assert coverage.problems == [line]
    assert not coverage.ok
    assert account.database.values("cloudwatch_aws_rds", "cpu_utilization_average")


def test_an_idle_or_optional_metric_is_not_missing(account: Account) -> None:
    account.put("Idle", values=minutes(NOW - 6 * 3600, NOW - 5 * 3600))
    metrics = {
        "NumberOfMessagesSent": "Sum",
        "Idle": "Sum",
        "HTTPCode_5XX": {"statistics": "Sum", "optional": True},
    }
    coverage = account.push(*declare(queues={**QUEUES, "metrics": metrics}))

    assert coverage.ok, coverage.problems


def test_a_statistic_that_aws_refuses_costs_only_its_own_metric(account: Account) -> None:
    coverage = account.push(*declare(rds=RDS, wrong={**QUEUES, "metrics": {"NumberOfMessagesSent": "wm99"}}))

    assert coverage.problems == [
        "wrong in eu-west-1: NumberOfMessagesSent: cloudwatch:GetMetricData was refused: "
        "The value wm99 for parameter Stat is invalid"
    ]
    assert account.database.values("cloudwatch_aws_rds", "cpu_utilization_average")
    assert [str(gap.scope) for gap in coverage.gaps] == ["wrong in eu-west-1"]


def test_one_forbidden_namespace_does_not_stop_the_others(account: Account) -> None:
    account.fake.forbidden = {"AWS/RDS"}
    coverage = account.push(*declare(rds=RDS, queues=QUEUES))

    assert coverage.problems == ["rds in eu-west-1: cloudwatch:GetMetricData is not allowed. Grant it to this identity"]
    assert len(account.sent()) == 30
    assert [scope.declaration for scope in coverage.covered] == ["queues"]


def test_a_role_that_cannot_be_assumed_is_one_line_however_many_declarations_it_has(account: Account) -> None:
    account.clients.failures[ROLE] = error("AccessDenied", "not authorized", "AssumeRole")
    coverage = account.push(*declare(rds={**RDS, "roles": ["own", ROLE]}, queues={**QUEUES, "roles": ["own", ROLE]}))

    assert coverage.problems == [
        f"the role {ROLE} cannot be assumed: sts:AssumeRole is not allowed. Grant it to this identity"
    ]
    assert len(coverage.covered) == 2
    assert len(coverage.gaps) == 2


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (error("UnrecognizedClientException", "", "ListMetrics"), "or the region is not enabled for this account"),
        (error("OptInRequired", "", "ListMetrics"), "the region is not enabled for this account"),
        (EndpointConnectionError(endpoint_url="https://example.invalid"), "Check the region's name and the network"),
        (NoCredentialsError(), "no AWS credentials were found"),
        (
            ReadTimeoutError(endpoint_url="https://sts.example.invalid"),
            "AWS cannot be reached (ReadTimeoutError at sts.example.invalid)",
        ),
        (ProfileNotFound(profile="shop"), "failed: The config profile (shop) could not be found. Check the"),
        (
            CredentialRetrievalError(provider="process", error_msg="SECRET"),
            "failed: CredentialRetrievalError. Check the",
        ),
        (HTTPClientError(error="header SECRET"), "failed: HTTPClientError. Check the"),
        (SetupError(reason="Invalid endpoint: aws"), "failed: Invalid endpoint: aws. Check the"),
        (FileNotFoundError(2, "No such file or directory", "/token"), "failed: /token: No such file or directory. "),
        (error("SignatureDoesNotMatch", "", "ListMetrics"), "the secret access key or this machine's clock is wrong"),
    ],
)
def test_a_region_that_does_not_answer_is_one_line(account: Account, failure: Exception, words: str) -> None:
    account.clients.failures["ap-east-1"] = failure
    both = [REGION, "ap-east-1"]
    coverage = account.push(*declare(rds={**RDS, "regions": both}, queues={**QUEUES, "regions": both}))

    (line,) = coverage.problems
    assert line.startswith("ap-east-1: cloudwatch:ListMetrics ")
    assert words in line
    assert "SECRET" not in line
    assert len(account.sent()) == 30
    assert account.clients.failed_calls == ["list_metrics"]  # each more would cost its time-outs


@pytest.mark.parametrize(("skew", "words"), [(-3600, "3600 s ahead of"), (3600, "3600 s behind")])
def test_a_wrong_clock_is_refused_before_anything_is_paid_for(account: Account, skew: int, words: str) -> None:
    account.fake.skew = skew
    coverage = account.push()

    assert coverage.problems == [
        f"this machine's clock is {words} that of AWS in eu-west-1. Synchronize it. "
        "Nothing was requested from CloudWatch"
    ]
    assert (account.fake.count("get_metric_data"), len(coverage.gaps)) == (0, 1)


def test_an_empty_account_is_one_line() -> None:
    coverage = Account().push(*build_declarations({}, region=REGION))

    assert coverage.problems == ["no declared metric exists in eu-west-1. Check the regions and the credentials"]


def test_values_in_several_units_are_reported(account: Account) -> None:
    account.put(values={END - 60: 1.0}, unit="Seconds")
    coverage = account.push()

    assert coverage.problems == [
        "queues in eu-west-1: NumberOfMessagesSent of mail: MultipleUnits: Multiple units returned: ['None', 'Seconds']"
    ]
    assert coverage.covered


def test_throttling_that_lasts_is_reported_and_repaired_by_the_next_run(account: Account) -> None:
    account.fake.failures["get_metric_data"] = [error("Throttling", "Rate exceeded", "GetMetricData")]
    coverage = account.push()
    assert coverage.problems == [
        "queues in eu-west-1: NumberOfMessagesSent: cloudwatch:GetMetricData was throttled. "
        "Run it again later, or less often"
    ]
    assert account.push(seconds=300).ok
    assert account.sent()[END - 1800] == 30.0


def test_what_aws_did_not_finish_is_asked_for_again_twice(account: Account) -> None:
    account.fake.unfinished = lambda number, _: "InternalError" if number < 3 else "Complete"
    assert account.push().ok
    assert account.fake.count("get_metric_data") == 3
    account.fake.unfinished = lambda *_: "InternalError"
    coverage = account.push(seconds=300)
    assert coverage.problems == [
        "queues in eu-west-1: NumberOfMessagesSent: cloudwatch:GetMetricData did not complete 1 statistics"
    ]
    assert account.fake.count("get_metric_data") == 6


@pytest.mark.parametrize("kind", [kind for kind in get_args(Kind) if kind != "forbidden"])
def test_a_database_that_does_not_answer_is_found_out_before_anything_is_paid_for(account: Account, kind: Any) -> None:
    account.database.unreadable = DatabaseError(kind, "no answer within 1 s")
    coverage = account.push()

    assert coverage.problems == ["database in memory: no answer within 1 s. Nothing was requested from CloudWatch"]
    assert account.fake.requests == []


@pytest.mark.parametrize("options", [{}, {"since": at(NOW - 3600)}], ids=["schedule", "back-fill"])
@pytest.mark.parametrize("kind", get_args(Kind))
def test_a_database_that_cannot_be_written_is_found_out_before_anything_is_paid_for(
    account: Account, kind: Any, options: dict[str, Any]
) -> None:
    account.database.unwritable = DatabaseError(kind, "not allowed to write")
    coverage = account.push(**options)

    assert coverage.problems == ["database in memory: not allowed to write. Nothing was requested from CloudWatch"]
    assert account.fake.requests == []


def test_a_database_that_may_only_be_written_is_written(account: Account) -> None:
    account.database.unreadable = DatabaseError("forbidden", "not allowed to read")
    coverage = account.push()

    assert coverage.ok
    assert "earlier runs cannot be read" in coverage.notes[0]
    assert len(account.sent()) == 30


def test_a_database_that_fails_in_the_middle_ends_the_requests(account: Account) -> None:
    for number in range(6000):
        account.put(queue=f"queue-{number}", values={END - 60: 1.0})
    account.database.failures = [None, DatabaseError("timeout", "no answer within 1 s")]
    coverage = account.push()

    assert any("no answer within 1 s. Nothing more was requested" in line for line in coverage.problems)
    assert account.fake.count("get_metric_data") < 10
    assert sum(gap.series for gap in coverage.gaps) >= 5000


def test_refused_rows_are_reported_and_others_of_the_run_are_written(account: Account) -> None:
    account.database.refuses["cloudwatch_aws_sqs"] = "field type conflict"
    coverage = account.push(*declare(rds=RDS, queues=QUEUES))

    assert coverage.problems == ["the database refused a row: field type conflict"]
    assert (coverage.refused, coverage.rows) == (30, 30)
    assert len(coverage.covered) == 2  # fetched again, these rows would be refused again
    marks = {dict(tags)["declaration"]: row for (name, tags, _), row in account.database.rows.items() if "push" in name}
    assert [(marks[name]["rows"], marks[name]["failed"]) for name in ("rds", "queues")] == [(30, 0), (0, 1)]


def test_rows_that_a_limit_refuses_are_fetched_again_when_it_is_raised(account: Account) -> None:
    account.database.refuses["cloudwatch_aws_sqs"] = "max-series-per-database limit exceeded"
    assert [str(gap.scope) for gap in account.push().gaps] == ["queues in eu-west-1"]
    account.database.refuses.clear()
    account.push(seconds=3600)

    assert set(account.sent()) >= set(range(END - 1800, END, 60))


@pytest.mark.parametrize("steps", (1, 2, 3, 5, 7, 9))
def test_a_deadline_after_any_step_leaves_no_hole_when_the_next_run_has_time(steps: int) -> None:
    account = Account()
    for number in range(1100):
        account.put(queue=f"queue-{number:04}", values={END - 60: 1.0, NOW: 1.0})
    left = iter([100.0] * steps)
    account.push(deadline=lambda: next(left, 0.0))
    assert account.push(seconds=300).ok
    assert len(account.list_series()) == 1100


def test_a_second_region_has_its_own_series(account: Account) -> None:
    other = FakeCloudWatch(NOW)
    other.put("AWS/SQS", "NumberOfMessagesSent", {"QueueName": "mail"}, minutes(END - 60, END))
    account.clients.regions["us-east-1"] = other
    account.push(*declare(queues={**QUEUES, "regions": [REGION, "us-east-1"]}))

    assert len(account.sent(region="us-east-1")) == 1
