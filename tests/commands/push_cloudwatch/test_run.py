"""``push_cloudwatch`` against a real InfluxDB 1.8; CloudWatch is a fake, because it cannot run here."""

from __future__ import annotations

import json
import os
import signal
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from tests.commands.push_cloudwatch.running import QUEUES, run
from tests.servers.influxdb1 import InfluxDB1
from tests.stack.cloudwatch.account import REGION
from tests.stack.cloudwatch.fake import FakeCloudWatch, error
from zemanta_ops.stack.check.cloudwatch import check_cloudwatch
from zemanta_ops.stack.cloudwatch.defaults import load_defaults
from zemanta_ops.stack.cloudwatch.journal import JournalFile
from zemanta_ops.stack.settings import open_database
from zemanta_ops.testing import Recorder


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
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
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


def test_a_back_fill_shows_progress_and_resumes_where_it_was_interrupted(
    aws: FakeCloudWatch, configured: None, influxdb1: InfluxDB1, database: str, tmp_path: Path
) -> None:
    # The same hours in both runs, whichever minute it is by then.
    end = datetime.fromtimestamp(aws.now // 3600 * 3600, timezone.utc)
    hours = ("--since", f"{end - timedelta(hours=2):%Y-%m-%dT%H:%M}", "--until", f"{end:%Y-%m-%dT%H:%M}")
    for number in range(2, 600):
        moment = int(end.timestamp()) - 3600
        aws.put("AWS/SQS", "NumberOfMessagesSent", {"QueueName": f"q{number}"}, {moment: 1.0})
    aws.failures["get_metric_data"] = [None, error("InternalFailure", "", "GetMetricData")]
    code, _, err = run(*hours, "--only", "sqs")
    assert (code, "2 of 2 requests" in err) == (1, True)
    billed = aws.billed

    code, _, err = run(*hours, "--only", "sqs")
    assert (code, "parts were done before; the rest follows" in err) == (0, True)
    assert aws.billed - billed < 599
    assert len({row["queue_name"] for row in read(influxdb1, database)}) == 599
    assert list(tmp_path.rglob("*.journal")) == []


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


def test_check_metrics_knows_whether_the_last_push_is_stale_or_incomplete(
    aws: FakeCloudWatch, influxdb1: InfluxDB1, database: str
) -> None:
    settings: dict[str, Any] = {"INFLUXDB": {"URL": influxdb1.url, "DATABASE": database}}

    def causes() -> list[tuple[str, str]]:
        with open_database() as opened:
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
    # Runs are five minutes apart even if the metrics have a point every minute.
    section = {"TAGS": {}, "DECLARATIONS": {"queues": {**QUEUES, "EVERY": 60, "PERIOD": 60}}}
    with override_settings(ZEMANTA_OPS={**settings, "CLOUDWATCH": section}):
        for age, expected in ((800, ("ok", "")), (1000, ("failed", "push_stale"))):
            influxdb1.query("DROP MEASUREMENT cloudwatch_push", database)
            moment = time.time_ns() - age * 10**9
            influxdb1.write(f"{head}{moment // 10**9} {moment}", database)
            assert causes() == [expected]
