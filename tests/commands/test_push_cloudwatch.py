"""``push_cloudwatch`` against a real InfluxDB 1.8; CloudWatch is a fake, because it cannot run here."""

from __future__ import annotations

import io
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.test import override_settings

from tests.servers.influxdb1 import InfluxDB1
from tests.stack.cloudwatch.account import REGION, minutes
from tests.stack.cloudwatch.fake import FakeClients, FakeCloudWatch, error
from zemanta_ops.stack.check.cloudwatch import check_cloudwatch
from zemanta_ops.stack.cloudwatch import clients
from zemanta_ops.stack.cloudwatch.defaults import load_defaults
from zemanta_ops.stack.cloudwatch.journal import JournalFile
from zemanta_ops.stack.settings import open_database
from zemanta_ops.testing import Recorder

QUEUES = {"NAMESPACE": "AWS/SQS", "DIMENSIONS": {"QueueName": "*"}, "METRICS": {"NumberOfMessagesSent": "Sum"}}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeCloudWatch:
    """Return a CloudWatch with one queue, which the command uses."""
    now = int(time.time())
    fake = FakeCloudWatch(now)
    fake.put("AWS/SQS", "NumberOfMessagesSent", {"QueueName": "mail"}, minutes(now - now % 60 - 7200, now))
    fakes = FakeClients({REGION: fake})
    monkeypatch.setattr(clients, "AwsClients", lambda **_: fakes)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return fake


@pytest.fixture
def configured(influxdb1: InfluxDB1, database: str) -> Iterator[None]:
    """Configure the shipped declarations and an empty database."""
    settings = {"CLOUDWATCH": {}, "INFLUXDB": {"URL": influxdb1.url, "DATABASE": database}}
    with override_settings(ZEMANTA_OPS=settings):
        yield


def run(*arguments: str) -> tuple[int, str, str]:
    """Run the command; return exit code, output and errors."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("push_cloudwatch", *arguments, stdout=out, stderr=err)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue(), err.getvalue()
    except CommandError as failure:
        return failure.returncode, out.getvalue(), str(failure)
    return 0, out.getvalue(), err.getvalue()


def read(server: InfluxDB1, database: str) -> list[dict[str, Any]]:
    return server.query("SELECT * FROM cloudwatch_aws_sqs", database)


def test_a_run_writes_reports_and_emits_its_own_metrics(
    aws: FakeCloudWatch, configured: None, influxdb1: InfluxDB1, database: str, captured_metrics: Recorder
) -> None:
    code, out, err = run()

    assert (code, err) == (0, "")
    assert "10 of 10 declarations complete, 1 metrics requested in 1 requests, 30 rows written, 0 refused" in out
    rows = read(influxdb1, database)
    assert len(rows) == 30
    assert {(row["queue_name"], row["region"]) for row in rows} == {("mail", REGION)}
    captured_metrics.assert_incr("zemanta_ops.cloudwatch.metrics", 1)
    captured_metrics.assert_incr("zemanta_ops.cloudwatch.rows", 30)
    captured_metrics.assert_gauge("zemanta_ops.cloudwatch.failed", 0)
    captured_metrics.assert_timing("zemanta_ops.cloudwatch.duration")


def test_json_is_one_document(aws: FakeCloudWatch, configured: None) -> None:
    code, out, _ = run("--json", "--only", "sqs")

    document = json.loads(out)
    assert (code, document["ok"], document["rows"], len(document["covered"])) == (0, True, 30, 1)


def test_a_failure_is_a_line_and_exit_code_1(aws: FakeCloudWatch, configured: None, captured_metrics: Recorder) -> None:
    aws.failures["list_metrics"] = [error("AccessDenied", "no", "ListMetrics")]
    code, _, err = run()

    assert code == 1
    assert "rds in eu-west-1: cloudwatch:ListMetrics is not allowed. Grant it to this identity" in err
    assert "rds in eu-west-1: all series are missing from" in err
    captured_metrics.assert_gauge("zemanta_ops.cloudwatch.failed", 1)


@pytest.mark.parametrize(
    ("arguments", "call", "rest"),
    [
        ([], "get_metric_data", ". What was written stays: the next run fetches the rest"),
        (["--since", "2h"], "get_metric_data", ". What was written stays: repeat the command to resume"),
        (["--list"], "list_metrics", ""),
    ],
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_a_line_and_a_document(
    aws: FakeCloudWatch, configured: None, number: signal.Signals, arguments: list[str], call: str, rest: str
) -> None:
    line = f"ended by {number.name} before everything was done{rest}"
    answer = getattr(aws, call)

    def end(**request: Any) -> Any:
        os.kill(os.getpid(), number)
        return answer(**request)

    setattr(aws, call, end)
    code, out, err = run(*arguments)
    assert (code, out, err.splitlines()[-1]) == (128 + number, "", line)
    code, out, _ = run("--json", *arguments)
    assert (code, json.loads(out)) == (128 + number, {"ok": False, "problems": [line]})


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


def test_a_back_fill_shows_progress_and_resumes_where_it_was_interrupted(
    aws: FakeCloudWatch, configured: None, influxdb1: InfluxDB1, database: str, tmp_path: Path
) -> None:
    for number in range(2, 600):
        aws.put("AWS/SQS", "NumberOfMessagesSent", {"QueueName": f"q{number}"}, {aws.now - 3600: 1.0})
    aws.failures["get_metric_data"] = [None, error("InternalFailure", "", "GetMetricData")]
    code, _, err = run("--since", "2h", "--only", "sqs")
    assert (code, "2 of 2 requests" in err) == (1, True)
    billed = aws.billed

    code, _, err = run("--since", "2h", "--only", "sqs")
    assert (code, "parts were done before; the rest follows" in err) == (0, True)
    assert aws.billed - billed < 599
    assert len({row["queue_name"] for row in read(influxdb1, database)}) == 599
    assert list(tmp_path.rglob("*.journal")) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--until", "2026-01-01"], "--until needs --since"),
        (["--since", "2026-01-02", "--until", "2026-01-01"], "--since must be earlier than --until"),
        (["--since", "2099-01-01"], "not in the future"),
        (["--list", "--since", "2h"], "--list prices the schedule, not a back-fill"),
        (["--only", "ec2"], '--only ec2: the declaration is off. To turn it on, name it in ZEMANTA_OPS["CLOUDWATCH"]'),
        (["--only", "rsd"], "--only rsd: there is no such declaration. Did you mean rds?"),
    ],
)
def test_wrong_arguments_end_it_with_code_2(
    aws: FakeCloudWatch, configured: None, arguments: list[str], words: str
) -> None:
    code, _, err = run(*arguments)

    assert (code, words in err) == (2, True)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "No database is configured"),
        ({"CLOUDWATCH": {"REGIONS": 5}}, 'ZEMANTA_OPS["CLOUDWATCH"]["REGIONS"] must be a list of strings'),
        ({"CLOUDWATCH": {"REGIONS": ["Europe"]}}, "REGIONS must name AWS regions"),
        (
            {"CLOUDWATCH": {"DECLARATIONS": {"sqss": {"ENABLED": True}}}},
            "sqss: there is no such declaration. Did you mean sqs?",
        ),
        (
            {"PROMETHEUS": {"WRITE_URL": "http://a.example/w", "READ_URL": "http://a.example"}, "CLOUDWATCH": {}},
            "cannot be written by this command",
        ),
        (
            {"CLOUDWATCH": {"DECLARATIONS": {"rds": {"DIMENSION": {}}}}},
            "rds has no key 'DIMENSION'. Did you mean DIMENSIONS?",
        ),
    ],
)
def test_wrong_settings_end_it_with_code_3(aws: FakeCloudWatch, settings: dict[str, Any], words: str) -> None:
    with override_settings(ZEMANTA_OPS=settings):
        code, _, err = run()
        _, out, _ = run("--json")
    assert (code, words in err) == (3, True), err
    document = json.loads(out)
    assert (document["ok"], words in " ".join(document["problems"])) == (False, True)


def test_a_journal_that_cannot_be_used_is_a_line_and_the_back_fill_runs(
    aws: FakeCloudWatch, configured: None, tmp_path: Path
) -> None:
    (tmp_path / "zemanta-ops").write_text("a file in place of the folder")
    code, _, err = run("--since", "2h", "--only", "sqs")

    assert code == 0
    assert "an interrupted back-fill cannot be resumed, because its journal cannot be written: " in err


@pytest.mark.parametrize("content", [b"\xff\x00garbage", b"", b"no key\n"])
def test_a_damaged_journal_is_begun_again(content: bytes, tmp_path: Path) -> None:
    path = JournalFile(tmp_path, "database").path
    path.write_bytes(content)
    journal = JournalFile(tmp_path, "database")
    journal.add(["key"])

    assert ("key" in JournalFile(tmp_path, "database"), journal.fault) == (True, "")


@pytest.mark.parametrize(
    ("declaration", "fault"),
    [
        ({"METRIC": {}}, "rds has no key 'METRIC'. Did you mean METRICS?"),
        ({"metrics": {}}, "rds has no key 'metrics'. Did you mean METRICS?"),
        ({"METRICS": {"A": {"STATISTIC": "Sum"}}}, "METRICS has no key 'STATISTIC' in A. Did you mean STATISTICS?"),
        ({"LOOK_BACK": 30}, "LOOK_BACK is shorter than the period of 60 s"),
    ],
)
def test_e140_names_each_mistake_in_a_declaration(declaration: dict[str, Any], fault: str) -> None:
    with override_settings(ZEMANTA_OPS={"CLOUDWATCH": {"DECLARATIONS": {"rds": declaration}}}):
        (message,) = [each for each in run_checks(tags=["zemanta_ops"]) if each.id == "zemanta_ops.E140"]
    assert fault in message.msg


def test_good_declarations_are_silent() -> None:
    section = {"REGIONS": [REGION], "RESOURCE_TAGS": ["env"], "DECLARATIONS": {"queues": QUEUES, "s3": {}}}
    with override_settings(ZEMANTA_OPS={"CLOUDWATCH": section}):
        assert [each for each in run_checks(tags=["zemanta_ops"]) if each.id == "zemanta_ops.E140"] == []


def test_check_metrics_knows_whether_the_last_push_is_stale_or_incomplete(
    aws: FakeCloudWatch, influxdb1: InfluxDB1, database: str
) -> None:
    settings: dict[str, Any] = {"INFLUXDB": {"URL": influxdb1.url, "DATABASE": database}}

    def causes() -> list[tuple[str, str]]:
        with open_database() as opened:  # type: ignore[union-attr]
            return [(hop.status, hop.cause) for hop in check_cloudwatch(opened)]

    off: dict[str, Any] = {"DECLARATIONS": {name: {"ENABLED": False} for name in load_defaults()}}
    for silent in (settings, {**settings, "CLOUDWATCH": off}):
        with override_settings(ZEMANTA_OPS=silent):
            assert causes() == []
    with override_settings(ZEMANTA_OPS={**settings, "CLOUDWATCH": {}}):
        assert causes() == [("failed", "push_missing")]
    section = {"TAGS": {}, "DECLARATIONS": {"queues": {**QUEUES, "EVERY": 300}}}
    with override_settings(ZEMANTA_OPS={**settings, "CLOUDWATCH": section}):
        assert causes() == [("failed", "push_missing")]
        assert run("--only", "queues")[0] == 0
        assert causes() == [("ok", "")]
        now = time.time_ns()
        influxdb1.write(
            f"cloudwatch_push,declaration=queues,region=eu-west-1 failed=2,covered_until={now // 10**9} {now}", database
        )
        assert causes() == [("failed", "push_incomplete")]
        now = time.time_ns()
        head = "cloudwatch_push,declaration=queues,region=eu-west-1 covered_until="
        influxdb1.write(f"{head}{now / 1e9 - 3600:.0f} {now}", database)
        assert causes() == [("failed", "push_incomplete")]
        influxdb1.query("DROP MEASUREMENT cloudwatch_push", database)
        influxdb1.write(f"{head}{now / 1e9 - 7200:.0f} {now - 3600 * 10**9}", database)
        assert causes() == [("failed", "push_stale")]
