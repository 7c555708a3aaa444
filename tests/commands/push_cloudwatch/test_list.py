"""``push_cloudwatch --list``: what would be fetched, and what a month of it costs."""

from __future__ import annotations

import json

import pytest
from django.test import override_settings

from tests.commands.push_cloudwatch.running import QUEUES, run
from tests.servers.influxdb1 import InfluxDB1
from tests.stack.cloudwatch.account import REGION
from tests.stack.cloudwatch.fake import FakeCloudWatch


def test_the_list_has_series_requests_and_both_bounds_and_asks_for_no_data(
    aws: FakeCloudWatch, configured: None
) -> None:
    target = {"LoadBalancer": "app/shop/1", "TargetGroup": "targetgroup/web/2"}
    aws.put("AWS/ApplicationELB", "TargetResponseTime", target, {aws.now - 60: 1.0})
    code, out, err = run("--list")

    assert (code, err) == (0, "")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines == [
        "DECLARATION SERIES USD A MONTH",
        "sqs in eu-west-1 1 0.09",
        "NumberOfMessagesSent 1",
        "alb_targets in eu-west-1 1 0.09 to 0.35",
        "TargetResponseTime 1",
        "2 series, 1 requests a run, 0.17 to 0.43 USD a month",
    ]
    assert aws.count("get_metric_data") == 0
    assert json.loads(run("--list", "--json")[1])["dollars_a_month"] == [0.17, 0.43]


@pytest.mark.parametrize(
    ("every", "shown", "dollars"),
    [(86_400, "0.0003", 0.0003), (7_200, "0.0036", 0.0036), (2_000, "0.01", 0.01), (300, "0.09", 0.09)],
)
def test_what_costs_less_than_a_cent_does_not_look_free(
    aws: FakeCloudWatch, every: int, shown: str, dollars: float
) -> None:
    with override_settings(ZEMANTA_OPS={"CLOUDWATCH": {"DECLARATIONS": {"queues": {**QUEUES, "EVERY": every}}}}):
        _, out, _ = run("--list", "--only", "queues")
        document = json.loads(run("--list", "--json", "--only", "queues")[1])

    assert out.splitlines()[1].split()[-1] == shown
    assert f", {shown} USD a month" in out
    assert document["dollars_a_month"] == document["declarations"][0]["dollars_a_month"] == [dollars, dollars]


def test_declarations_that_fetch_the_same_series_are_noted_with_what_is_paid_twice(
    aws: FakeCloudWatch, configured: None, influxdb1: InfluxDB1, database: str
) -> None:
    aws.put("AWS/SQS", "NumberOfMessagesSent", {"QueueName": "jobs"}, {aws.now - 600: 1.0})
    note = (
        f"jobs in {REGION}: sqs fetches 1 of its series too, which are paid for twice. "
        "Narrow the dimensions or the metrics of one of them"
    )
    own = {**QUEUES, "DIMENSIONS": {"QueueName": "jobs"}}
    received = {**QUEUES, "METRICS": {"NumberOfMessagesReceived": "Sum"}, "OPTIONAL": True}
    settings = {
        "CLOUDWATCH": {"DECLARATIONS": {"jobs": own, "received": received}},
        "INFLUXDB": {"URL": influxdb1.url, "DATABASE": database},
    }
    with override_settings(ZEMANTA_OPS=settings):
        for arguments in (["--list"], []):
            code, out, _ = run(*arguments)
            assert (code, [line for line in out.splitlines() if "note" in line]) == (0, [f"note: {note}"])
        assert json.loads(run("--list", "--json")[1])["notes"] == [note]
