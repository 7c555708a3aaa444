"""What the evidence means: which hop failed, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.stack.check.canned import Canned, ago, diagnose, found, missing
from zemanta_ops.stack.check.agent_config import AgentConfig
from zemanta_ops.stack.check.agent_process import AgentProcess
from zemanta_ops.stack.check.diagnosis import Evidence, judge_probe, judge_telegraf
from zemanta_ops.stack.check.hops import ADVICE, FlowReport, Hop, fail_hop, skip_hop
from zemanta_ops.stack.check.telegraf_stats import AgentState
from zemanta_ops.stack.databases import DatabaseError, StoredValue, WriteReport
from zemanta_ops.stack.databases.errors import Kind

DOCS = Path(__file__).parents[3] / "docs" / "check_metrics.rst"


def test_a_probe_that_came_makes_both_hops_well() -> None:
    telegraf, probe = diagnose(found(ago(1)), AgentState(ago(1), flush_seconds=1.0))

    assert (telegraf.status, probe.status, probe.seconds) == ("ok", "ok", 1.5)
    assert "every 1.0 s" in telegraf.text
    assert "readable 1.50 s after it was sent" in probe.text


def test_that_it_was_sent_again_is_said() -> None:
    assert "sent 3 times" in diagnose(found(ago(1), attempts=3), AgentState(ago(1)))[1].text


def test_an_agent_that_says_nothing_about_itself_is_a_warning() -> None:
    telegraf, probe = diagnose(found(ago(1)), AgentState())

    assert (telegraf.status, telegraf.cause, probe.status) == ("warning", "no_internals", "ok")


@pytest.mark.parametrize(("seconds", "words"), [(60, "58 s behind"), (-60, "60 s ahead")])
def test_a_wrong_clock_is_a_failure_though_the_probe_came(seconds: float, words: str) -> None:
    _, probe = diagnose(found(ago(seconds)), AgentState(ago(1)))

    assert (probe.status, probe.cause) == ("failed", "clock_skew")
    assert words in probe.text


def test_points_newer_than_the_probe_without_it_mean_that_it_never_reached_telegraf() -> None:
    telegraf, probe = diagnose(missing(), AgentState(ago(1), address=":8125"))

    assert telegraf.status == "ok"
    assert (probe.status, probe.cause) == ("failed", "probe_lost")


def test_telegraf_on_another_port_is_named() -> None:
    telegraf, probe = diagnose(missing(), AgentState(ago(1), address="127.0.0.1:8126"))

    assert telegraf.cause == probe.cause == "agent_elsewhere"
    assert "127.0.0.1:8126" in telegraf.text


def test_nothing_new_within_two_flushes_is_a_slow_flush() -> None:
    telegraf, probe = diagnose(missing(), AgentState(ago(20), flush_seconds=30.0))

    assert telegraf.cause == probe.cause == "slow_flush"
    assert "every 30 s" in telegraf.text


def test_nothing_new_though_two_flushes_were_due_means_that_telegraf_does_not_write() -> None:
    telegraf, _ = diagnose(missing(), AgentState(ago(8), flush_seconds=1.0))

    assert (telegraf.status, telegraf.cause) == ("failed", "agent_not_writing")


def test_nothing_new_for_long_means_that_telegraf_does_not_write() -> None:
    telegraf, _ = diagnose(missing(), AgentState(ago(300), flush_seconds=10.0))

    assert (telegraf.status, telegraf.cause) == ("failed", "agent_not_writing")


def test_no_points_at_all_mean_that_telegraf_writes_elsewhere() -> None:
    telegraf, probe = diagnose(missing(), AgentState())

    assert (telegraf.status, telegraf.cause) == ("failed", "agent_not_writing")
    assert (probe.status, probe.cause) == ("failed", "agent_not_writing")


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (DatabaseError("disk_full", "no space left on device"), "disk_full"),
        (WriteReport(refused=[("line", "partial write: field type conflict dropped=1")]), "agent_rejected"),
        (DatabaseError("missing", "database not found"), "missing"),
        (WriteReport(refused=[("line", "partial write: max-series-per-database limit exceeded: (5)")]), "limit"),
        (WriteReport(refused=[("line", "partial write: max-values-per-tag limit exceeded")]), "limit"),
    ],
)
def test_a_database_that_takes_nothing_is_the_cause(answer: DatabaseError | WriteReport, cause: str) -> None:
    telegraf, probe = diagnose(missing(), AgentState(ago(300)), answer)

    assert telegraf.cause == probe.cause == cause
    assert telegraf.status == "failed"


@pytest.mark.parametrize("kind", ["forbidden", "unauthorized", "read_only"])
def test_that_the_application_may_not_write_says_nothing_about_telegraf(kind: Kind) -> None:
    refusal = DatabaseError(kind, "may not write")

    assert diagnose(missing(), AgentState(ago(1)), refusal)[1].cause == "probe_lost"
    assert diagnose(missing(), AgentState(ago(300)), refusal)[0].cause == "agent_not_writing"
    assert diagnose(missing(), AgentState(ago(20), flush_seconds=30.0), refusal)[0].cause == "slow_flush"
    elsewhere = AgentState(ago(1), address="127.0.0.1:8126")
    assert diagnose(missing(), elsewhere, refusal)[0].cause == "agent_elsewhere"


def test_losses_are_a_failure_though_the_probe_came() -> None:
    lost = {"metrics because its buffer was full": 1200}
    telegraf, probe = diagnose(found(ago(1)), AgentState(ago(1), lost=lost), lost_by_kernel=7)

    assert (telegraf.status, telegraf.cause, probe.status) == ("failed", "agent_dropping", "ok")
    assert "1,200 metrics because its buffer was full and 7 datagrams in the kernel" in telegraf.text


def test_a_database_that_failed_meanwhile_is_the_cause() -> None:
    telegraf, probe = diagnose(missing(error=DatabaseError("timeout", "no answer within 5 s")), AgentState())

    assert telegraf.status == "skipped"
    assert (probe.status, probe.cause) == ("failed", "timeout")


@pytest.mark.parametrize(
    ("restarts", "status", "cause"),
    [
        (2, "ok", ""),
        (3, "warning", "agent_restarting"),
        (9, "warning", "agent_restarting"),
        (10, "failed", "agent_restarting"),
    ],
)
def test_restarts_that_a_person_may_have_made_are_a_warning(restarts: int, status: str, cause: str) -> None:
    telegraf, probe = diagnose(found(ago(1)), AgentState(ago(1), restarts=restarts))

    assert (telegraf.status, telegraf.cause, probe.status) == (status, cause, "ok")


@pytest.mark.parametrize(
    ("process", "changes", "cause"),
    [
        (AgentProcess(name="telegraf"), 0, ""),
        (AgentProcess(name="telegraf"), 1, "agent_restarting"),
        (None, 0, "agent_restarting"),
    ],
)
def test_earlier_restarts_do_not_hide_why_the_probe_is_missing(
    process: AgentProcess | None, changes: int, cause: str
) -> None:
    evidence = Evidence(AgentState(ago(1), restarts=5), 8125, process=process, changes=changes)
    telegraf = judge_telegraf(missing(), evidence, Canned())

    assert telegraf.cause == cause
    assert judge_probe(missing(), telegraf, 5.0, evidence).cause == (cause or "probe_lost")


def test_writes_that_fail_while_points_wait_are_a_failure_though_the_probe_came() -> None:
    state = AgentState(ago(1), failed=3, waiting=120)

    telegraf, probe = diagnose(found(ago(1)), state, DatabaseError("disk_full", "no space left on device"))
    assert (telegraf.status, telegraf.cause, probe.status) == ("failed", "disk_full", "ok")
    assert diagnose(found(ago(1)), state, DatabaseError("forbidden", "may not"))[0].cause == "agent_failing"
    # A database that was down for a moment and has everything by now.
    assert diagnose(found(ago(1)), AgentState(ago(1), failed=3))[0].status == "ok"


@pytest.mark.parametrize("state", [AgentState(ago(1), refused=2), AgentState(ago(1), rejected=40)])
def test_what_the_database_refused_is_a_failure_though_the_probe_came(state: AgentState) -> None:
    telegraf, probe = diagnose(found(ago(1)), state)

    assert (telegraf.status, telegraf.cause, probe.status) == ("failed", "agent_rejected", "ok")


@pytest.mark.parametrize(
    ("evidence", "cause"),
    [
        ({"is_stuck": True}, "agent_hangs"),
        ({"process": AgentProcess(name="telegraf", is_stopped=True)}, "agent_hangs"),
        ({"process": AgentProcess(name="nginx", pid=7)}, "port_taken"),
        ({"changes": 3}, "agent_restarting"),
        ({"process": AgentProcess(name="telegraf", config=AgentConfig(flush_seconds=60.0))}, "slow_flush"),
        ({"process": AgentProcess(name="telegraf", config=AgentConfig(has_internal=False))}, "no_internals"),
        ({"process": AgentProcess(name="telegraf", config=AgentConfig(flush_seconds=1.0))}, "agent_not_writing"),
    ],
)
def test_what_this_machine_shows_decides(evidence: dict[str, Any], cause: str) -> None:
    assert judge_telegraf(missing(), Evidence(AgentState(), 8125, **evidence), Canned()).cause == cause


def test_where_a_readable_configuration_writes_is_in_the_text() -> None:
    config = AgentConfig(flush_seconds=1.0, has_internal=True, outputs=["influxdb http://db:8086 other"])
    evidence = Evidence(AgentState(), 8125, process=AgentProcess(name="telegraf", config=config))

    assert "influxdb http://db:8086 other" in judge_telegraf(missing(), evidence, Canned()).text


@pytest.mark.parametrize(
    ("state", "cause"),
    [
        (AgentState(), "undelivered"),
        (AgentState(ago(20)), "undelivered"),
        # The agent's own metrics arrived after the probe, so vmagent delivers.
        (AgentState(ago(1)), ""),
    ],
)
def test_what_vmagent_cannot_deliver_is_not_blamed_on_telegraf(state: AgentState, cause: str) -> None:
    class Behind(Canned):
        def describe_undelivered(self, before: Mapping[str, int]) -> str:
            return f"vmagent at http://agent:8429: {5 - before['a']} requests failed"

    telegraf = judge_telegraf(missing(), Evidence(state, 8125, failed_before={"a": 2}), Behind())

    assert (telegraf.cause, "3 requests failed" in telegraf.text) == (cause, bool(cause))


@pytest.mark.parametrize("text", ["something in front answers with status 413: no", "Request Entity Too Large"])
def test_a_body_that_is_too_large_names_the_limit(text: str) -> None:
    telegraf, _ = diagnose(missing(), AgentState(), WriteReport(refused=[("line", text)]))

    assert (telegraf.cause, text in telegraf.text) == ("too_large", True)
    assert "client_max_body_size" in telegraf.advice


@pytest.mark.parametrize(
    ("precision_seconds", "seconds_ago", "cause"),
    [(3600.0, 1700, "agent_precision"), (3600.0, -1700, "agent_precision"), (3600.0, 7000, "clock_skew")],
)
def test_rounded_times_are_told_from_a_clock(precision_seconds: float, seconds_ago: float, cause: str) -> None:
    config = AgentConfig(precision='precision = "1h" in [agent]', precision_seconds=precision_seconds)
    evidence = Evidence(AgentState(), 8125, process=AgentProcess(name="telegraf", config=config))
    probe = judge_probe(found(ago(seconds_ago)), Hop("telegraf", "ok", ""), 5.0, evidence)

    assert (probe.cause, 'precision = "1h"' in probe.text) == (cause, cause == "agent_precision")


@pytest.mark.parametrize(
    ("tags", "dogstatsd", "lacks_extensions", "finding"),
    [
        (["slot", "env", "host"], True, None, ("ok", "")),
        (["env", "host"], False, None, ("warning", "tags_lost")),
        (["env", "host"], True, None, ("warning", "tags_lost")),
        ([], False, None, ("failed", "tags_lost")),
        ([], True, None, ("failed", "extensions_off")),
        # The host is there because Telegraf adds it.
        (["host"], True, None, ("failed", "extensions_off")),
        (["host"], True, True, ("failed", "extensions_off")),
        (["host"], True, False, ("warning", "tags_lost")),
        (["host"], False, None, ("warning", "tags_lost")),
    ],
)
def test_tags_that_are_lost_are_named(
    tags: list[str], dogstatsd: bool, lacks_extensions: bool | None, finding: tuple[str, str]
) -> None:
    sent = {"slot": "0", "env": "prod", "host": "web-1"}
    reading = StoredValue(ago(1), 1.0, {name: sent[name] for name in tags})
    process = AgentProcess(name="telegraf", config=AgentConfig(lacks_extensions=lacks_extensions))
    evidence = Evidence(AgentState(), 8125, dogstatsd=dogstatsd, process=process)
    probe = judge_probe(
        replace(found(ago(1)), reading=reading, sent_tags=sent), Hop("telegraf", "ok", ""), 5.0, evidence
    )

    assert (probe.status, probe.cause) == finding


@pytest.mark.parametrize(("hop", "code"), [("settings", 10), ("agent", 11), ("database", 12), ("telegraf", 13)])
def test_the_first_hop_that_fails_gives_the_exit_code(hop: str, code: int) -> None:
    report = FlowReport(
        (fail_hop(hop, "setting", "why"), fail_hop("probe", "probe_lost", "why"), skip_hop("probe", ""))
    )

    assert report.exit_code == code
    assert report.build_document()["hops"][0]["advice"] == ADVICE["setting"]
    assert FlowReport((Hop("probe", "ok", ""), Hop("telegraf", "warning", ""))).exit_code == 0


@pytest.mark.parametrize("cause", ADVICE)
def test_every_cause_is_in_the_docs(cause: str) -> None:
    assert f"``{cause}``" in DOCS.read_text(encoding="utf-8").split("\nCauses\n")[1]
