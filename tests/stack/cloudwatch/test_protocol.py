"""The real client of AWS: its shapes (Stubber), its retries and its credentials (a fake over HTTP, and moto)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.stub import ANY, Stubber

from tests.servers.kms import KMS
from tests.stack.cloudwatch.account import END, NOW, REGION, at, declare, minutes
from tests.stack.cloudwatch.fake import FakeCloudWatch, error
from tests.stack.cloudwatch.http_fake import serve
from tests.stack.cloudwatch.memory import MemoryDatabase
from zemanta_ops.stack.cloudwatch.clients import AwsClients
from zemanta_ops.stack.cloudwatch.declarations import DeclaredMetric
from zemanta_ops.stack.cloudwatch.fetching import fetch_data
from zemanta_ops.stack.cloudwatch.queries import DataRequest, ListedMetric, Scope
from zemanta_ops.stack.cloudwatch.run import push
from zemanta_ops.stack.cloudwatch.windows import Window

LATENCY = ListedMetric(
    Scope("alb", REGION),
    "AWS/ApplicationELB",
    DeclaredMetric("TargetResponseTime", ("Average", "p99")),
    (("LoadBalancer", "app/shop/1"),),
)
ASKED = DataRequest(REGION, "own", Window(END - 120, END, 60), (LATENCY,))


@pytest.fixture
def stubber(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, Stubber]]:
    """Return a client whose answers are checked against the service's description."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "example")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example-key")
    client = botocore.session.get_session().create_client("cloudwatch", region_name=REGION)
    with Stubber(client) as stubbed:
        yield client, stubbed
        stubbed.assert_no_pending_responses()


def result(number: int, values: dict[int, float], status: str = "Complete", **more: Any) -> dict[str, Any]:
    stamps = [datetime.fromtimestamp(time, timezone.utc) for time in values]
    return {
        "Id": f"q{number}",
        "Label": "any",
        "Timestamps": stamps,
        "Values": list(values.values()),
        "StatusCode": status,
        **more,
    }


def test_an_id_on_two_pages_is_merged_and_what_failed_inside_is_asked_for_again(
    stubber: tuple[Any, Stubber],
) -> None:
    client, stubbed = stubber
    first = [result(0, {END - 120: 0.1}, "PartialData"), result(1, {END - 120: 0.8}, "PartialData")]
    stubbed.add_response("get_metric_data", {"MetricDataResults": first, "NextToken": "more"})
    second = [result(0, {END - 60: 0.2}), result(1, {}, "InternalError")]
    again = {"MetricDataQueries": ANY, "StartTime": ANY, "EndTime": ANY, "ScanBy": "TimestampAscending"}
    stubbed.add_response("get_metric_data", {"MetricDataResults": second}, {**again, "NextToken": "more"})
    third = [result(0, {END - 120: 0.9, END - 60: 0.95})]
    stubbed.add_response("get_metric_data", {"MetricDataResults": third}, again)
    fetched = fetch_data(client, ASKED)

    assert fetched.values == {
        (LATENCY, "Average"): {END - 120: 0.1, END - 60: 0.2},
        (LATENCY, "p99"): {END - 120: 0.9, END - 60: 0.95},
    }
    assert (fetched.requests, fetched.problems, fetched.incomplete) == (3, [], [])


def test_messages_of_an_answer_and_of_a_result_are_problems(stubber: tuple[Any, Stubber]) -> None:
    client, stubbed = stubber
    units = [{"Code": "MultipleUnits", "Value": "Multiple units returned: '[Milliseconds, Seconds]'"}]
    forbidden = [{"Code": "Forbidden", "Value": "no"}]
    answer = {
        "MetricDataResults": [
            result(0, {END - 60: 60000.0}, Messages=units),
            result(1, {}, "Forbidden", Messages=forbidden),
        ],
        "Messages": [{"Code": "MaxMetricsExceeded", "Value": "Maximum number of allowed metrics exceeded"}],
    }
    stubbed.add_response("get_metric_data", answer)
    fetched = fetch_data(client, ASKED)

    assert fetched.problems == [
        "MaxMetricsExceeded: Maximum number of allowed metrics exceeded",
        "alb in eu-west-1: TargetResponseTime of app/shop/1: MultipleUnits: "
        "Multiple units returned: '[Milliseconds, Seconds]'",
        "alb in eu-west-1: cloudwatch:GetMetricData is not allowed. Grant it to this identity",
    ]
    assert fetched.incomplete == [LATENCY]


def test_the_client_repeats_what_is_throttled(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeCloudWatch(NOW)
    fake.put("AWS/SQS", "NumberOfMessagesSent", {"QueueName": "mail"}, minutes(END - 1800, END))
    throttled = error("Throttling", "Rate exceeded", "GetMetricData")
    fake.failures["get_metric_data"] = [throttled, throttled]
    queues = declare(
        queues={"namespace": "AWS/SQS", "dimensions": {"QueueName": "*"}, "metrics": {"NumberOfMessagesSent": "Sum"}}
    )
    with serve(fake) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "example")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example-key")
        coverage = push(AwsClients(), MemoryDatabase(), queues, now=at(NOW))

    assert coverage.ok, coverage.problems
    assert (coverage.rows, fake.count("get_metric_data")) == (30, 3)


def test_a_role_is_assumed_and_its_account_is_a_tag(kms_server: KMS, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(timezone.utc)
    role = "arn:aws:iam::333333333333:role/metrics"
    for name, value in kms_server.environment.items():
        monkeypatch.setenv(name, value)
    # moto keeps what a role writes in the account of that role.
    clients = AwsClients()
    writer = clients.get_client("cloudwatch", REGION, role)
    data = {"MetricName": "Placed", "Dimensions": [{"Name": "Shop", "Value": "a"}], "Timestamp": now, "Value": 1.0}
    writer.put_metric_data(Namespace="Shop/Orders", MetricData=[data])
    orders = declare(
        orders={
            "namespace": "Shop/Orders",
            "dimensions": {"Shop": "*"},
            "metrics": {"Placed": "Sum"},
            "roles": ["own", role],
            "optional": True,
        }
    )
    database = MemoryDatabase()
    later = datetime.fromtimestamp(now.timestamp() + 240, timezone.utc)
    coverage = push(clients, database, orders, now=later)

    assert coverage.ok, coverage.problems
    tags = {tags for name, tags, _ in database.rows if name == "cloudwatch_shop_orders"}
    assert tags == {(("account", "333333333333"), ("region", REGION), ("shop", "a"))}


def test_files_and_addresses_of_aws_that_cannot_be_used_are_a_line_and_not_a_traceback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    queues = declare(queues={"namespace": "AWS/SQS", "dimensions": {"QueueName": "*"}, "metrics": {"A": "Sum"}})

    def report(**environment: str) -> str:
        with monkeypatch.context() as patch:
            for name, value in {"AWS_EC2_METADATA_DISABLED": "true", **environment}.items():
                patch.setenv(name, value)
            (problem,) = push(AwsClients(), MemoryDatabase(), queues, now=at(NOW)).problems
        return problem

    keys = {"AWS_ACCESS_KEY_ID": "example", "AWS_SECRET_ACCESS_KEY": "example-key"}
    (tmp_path / "config").write_text("not a config file")
    assert "Invalid endpoint: aws" in report(**keys, AWS_ENDPOINT_URL="aws")
    assert "Unable to parse config file" in report(**keys, AWS_CONFIG_FILE=str(tmp_path / "config"))
    assert "The config profile (shop) could not be found" in report(AWS_PROFILE="shop")
    missing = str(tmp_path / "token")
    role = {"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/web", "AWS_WEB_IDENTITY_TOKEN_FILE": missing}
    assert f"{missing}: No such file or directory" in report(**role)
