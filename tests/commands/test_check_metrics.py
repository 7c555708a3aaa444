from __future__ import annotations

import io
import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests.commands.checking import checked, checked_here, command, hop
from tests.servers.fixtures import StartTelegraf
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.process import free_port, wait_until
from tests.servers.telegraf import config, influxdb1_output
from zemanta_ops.management.commands import check_metrics
from zemanta_ops.stack.agent.server import Agent
from zemanta_ops.stack.check.flow import check_flow
from zemanta_ops.stack.check.hops import FlowReport, Hop
from zemanta_ops.testing import Recorder


@pytest.fixture
def agent() -> Iterator[Agent]:
    with Agent(port=0) as agent:
        agent.start()
        yield agent


@pytest.fixture
def chain(start_telegraf: StartTelegraf, influxdb1: InfluxDB1, database: str) -> dict[str, Any]:
    """Start Telegraf between a free port and a database, and return the settings of both."""
    port = free_port()
    start_telegraf(config(port, influxdb1_output(influxdb1.url, database) + "[[inputs.internal]]"), port)
    return {"metrics": {"PORT": port}, "influxdb": {"URL": influxdb1.url, "DATABASE": database}}


def test_a_healthy_chain_is_proven_in_under_5_s_with_the_time_that_the_metric_took(
    chain: dict[str, Any], tmp_path: Path
) -> None:
    code, document = checked(tmp_path, **chain)

    assert code == 0
    assert document["ok"]
    assert [each["status"] for each in document["hops"]] == ["ok"] * 5
    assert 0 < document["latency_seconds"] < 5


def test_a_person_gets_a_line_a_hop(chain: dict[str, Any], tmp_path: Path) -> None:
    done = subprocess.run(**command(tmp_path, **chain), capture_output=True, text=True, timeout=60)

    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert [line.split()[:2] for line in lines] == [
        ["ok", name] for name in ("settings", "agent", "database", "telegraf", "probe")
    ]
    assert "InfluxDB 1.8.10" in lines[2]
    assert "readable" in lines[4]


def test_the_canary_makes_its_result_a_metric(chain: dict[str, Any], influxdb1: InfluxDB1, tmp_path: Path) -> None:
    run = command(tmp_path, "--json", "--watch", "0.2", "--rounds", "2", **chain)
    done = subprocess.run(**run, capture_output=True, text=True, timeout=60)

    assert done.returncode == 0
    assert [json.loads(line)["ok"] for line in done.stdout.splitlines()] == [True, True]
    database = chain["influxdb"]["DATABASE"]

    def kept(query: str) -> list[Any]:
        return [row["found"] for row in influxdb1.query(query, database)]

    assert wait_until(lambda: kept("SELECT LAST(value) AS found FROM zemanta_ops_check_exit_code") == [0.0], 15)
    assert wait_until(lambda: kept("SELECT SUM(count) AS found FROM zemanta_ops_check_latency") == [2], 15)


def test_a_signal_ends_the_canary_cleanly(agent: Agent, tmp_path: Path) -> None:
    run = command(tmp_path, "--json", "--watch", "60", metrics={"PORT": agent.port}, influxdb={})
    with subprocess.Popen(**run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert json.loads(process.stdout.readline())["ok"]
        agent.wait_for(lambda report: report.count("zemanta_ops.check.exit_code") == 1, timeout=10)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)

    assert (process.returncode, err) == (0, "")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_a_single_check_without_a_traceback(
    number: signal.Signals, code: int, agent: Agent, influxdb1: InfluxDB1, database: str, tmp_path: Path
) -> None:
    influxdb = {"URL": influxdb1.url, "DATABASE": database}
    run = command(tmp_path, "--timeout", "60", metrics={"PORT": agent.port}, influxdb=influxdb)
    with subprocess.Popen(**run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        agent.wait_for(lambda report: report.count("zemanta_ops.probe") >= 1, timeout=20)
        process.send_signal(number)
        _, err = process.communicate(timeout=20)

    assert (process.returncode, err) == (code, "")


def test_without_influxdb_it_ends_at_the_agent(agent: Agent) -> None:
    code, document = checked_here(metrics={"PORT": agent.port})

    assert code == 0
    assert [each["status"] for each in document["hops"]] == ["ok", "ok", "skipped", "skipped", "skipped"]
    assert "INFLUXDB" in hop(document, "probe")["text"]
    report = agent.wait_for(lambda report: report.received.datagrams == 2, timeout=5)
    assert report.count("zemanta_ops.probe") == 2  # twice, because a refusal may come back late
    assert {series.name for series in report.series} == {"zemanta_ops.probe"}


@pytest.mark.parametrize(
    ("metrics", "influxdb", "cause"),
    [
        ({"ENABLED": False}, {}, "disabled"),
        ({"PORT": "http"}, {}, "setting"),
        ({}, {"URL": "http://127.0.0.1:8086"}, "incomplete"),
        ({}, {"DATABASE": "telegraf"}, "incomplete"),
        ({}, {"URL": "127.0.0.1:8086", "DATABASE": "telegraf"}, "setting"),
        ({}, {"URL": "http://127.0.0.1:8086", "DATABASE": "/"}, "setting"),
        ({"HOST": "udp://127.0.0.1"}, {}, "setting"),
    ],
)
def test_wrong_settings_end_it_at_once(metrics: dict[str, Any], influxdb: dict[str, Any], cause: str) -> None:
    code, document = checked_here(metrics=metrics, influxdb=influxdb)

    assert code == 10
    assert hop(document, "settings")["cause"] == cause
    assert hop(document, "settings")["advice"]


@pytest.mark.parametrize(
    ("section", "given"),
    [
        ("VICTORIAMETRICS", {"READ_URL": "http://127.0.0.1:8428"}),
        ("VICTORIAMETRICS", {"WRITE_URL": "http://127.0.0.1:8429", "NODES": "http://127.0.0.1:8428"}),
        ("PROMETHEUS", {"WRITE_URL": "http://127.0.0.1:9090/api/v1/write"}),
    ],
)
def test_the_advice_for_incomplete_settings_names_no_other_database(section: str, given: dict[str, str]) -> None:
    code, document = checked_here(influxdb=given, section=section)
    one = hop(document, "settings")

    assert (code, one["cause"]) == (10, "incomplete")
    assert section in one["text"]
    assert "INFLUXDB" not in one["advice"]


def test_two_databases_get_no_advice_to_complete_one(settings: Any) -> None:
    url = "http://127.0.0.1:8086"
    both = {"INFLUXDB": {"URL": url, "DATABASE": "telegraf"}, "VICTORIAMETRICS": {"WRITE_URL": url}}
    settings.ZEMANTA_OPS = {"METRICS": {"ENABLED": True}, **both}
    one = check_flow().hops[0]

    assert (one.cause, "Keep one" in one.text) == ("incomplete", True)
    assert "URL" not in one.advice


def test_a_host_without_an_address_is_told() -> None:
    code, document = checked_here(metrics={"HOST": "no-such-host.invalid"})

    assert (code, hop(document, "agent")["cause"]) == (11, "agent_unknown")


def test_an_agent_that_is_down_is_told() -> None:
    code, document = checked_here(metrics={"PORT": free_port()})

    assert (code, hop(document, "agent")["cause"]) == (11, "agent_down")


def test_the_failing_line_says_what_to_do(tmp_path: Path) -> None:
    run = command(tmp_path, metrics={"PORT": free_port()}, influxdb={})
    done = subprocess.run(**run, capture_output=True, text=True, timeout=60)

    assert done.returncode == 11
    assert "agent_down: start Telegraf" in done.stdout


def test_the_missing_client_of_2x_is_told(agent: Agent, tmp_path: Path) -> None:
    (tmp_path / "influxdb_client.py").write_text("raise ImportError('not installed')\n")
    influxdb = {"URL": "http://127.0.0.1:8086", "BUCKET": "telegraf", "ORG": "example", "TOKEN": "example"}
    code, document = checked(tmp_path, metrics={"PORT": agent.port}, influxdb=influxdb)

    assert (code, hop(document, "settings")["cause"]) == (10, "missing_client")


OK = FlowReport((Hop("probe", "ok", "readable"),), 1.5)
FAILED = FlowReport((Hop("database", "failed", "it is down", "unreachable"),))


@pytest.mark.parametrize(("reports", "code"), [([FAILED, OK], 0), ([OK, FAILED], 12), ([FAILED, OK, FAILED], 12)])
def test_the_canary_ends_with_the_code_of_its_last_check(
    reports: list[FlowReport], code: int, captured_metrics: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    remaining = iter(reports)
    monkeypatch.setattr(check_metrics, "check_flow", lambda *_: next(remaining))
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("check_metrics", "--json", "--watch", "0.01", "--rounds", str(len(reports)), stdout=out)

    assert ended.value.code == code
    codes = [report.exit_code for report in reports]
    assert [json.loads(line)["exit_code"] for line in out.getvalue().splitlines()] == codes
    assert [record.value for record in captured_metrics.find("zemanta_ops.check.exit_code")] == codes
    assert len(captured_metrics.find("zemanta_ops.check.latency")) == reports.count(OK)
