"""A finding as a person and a program read it: advice, exit code, document."""

from __future__ import annotations

import pytest

from zemanta_ops.stack.check.hops import ADVICE, FlowReport, Hop, fail_hop, skip_hop


def test_a_failed_hop_has_its_cause_and_details() -> None:
    hop = fail_hop("database", "limit", "it is full", 0.5, series=5, limit=5)
    assert hop == Hop("database", "failed", "it is full", "limit", 0.5, {"series": 5, "limit": 5})
    assert hop.advice == ADVICE["limit"]
    assert fail_hop("agent", "agent_down", "why") == Hop("agent", "failed", "why", "agent_down", None, {})


def test_a_skipped_hop_has_no_cause_and_no_advice() -> None:
    hop = skip_hop("probe", "nothing could be sent")
    assert hop == Hop("probe", "skipped", "nothing could be sent", "", None, {})
    assert hop.advice == ""


@pytest.mark.parametrize(
    ("name", "code"),
    [("settings", 10), ("agent", 11), ("database", 12), ("telegraf", 13), ("probe", 14), ("cloudwatch", 15)],
)
def test_each_hop_has_an_exit_code(name: str, code: int) -> None:
    assert Hop(name, "ok", "").exit_code == code
    assert FlowReport((Hop("agent", "warning", ""), fail_hop(name, "setting", ""))).exit_code == code


def test_a_report_is_a_document_with_every_hop() -> None:
    report = FlowReport((fail_hop("agent", "agent_down", "nothing listens", 0.1, port=8125), skip_hop("probe", "why")))
    assert report.build_document() == {
        "ok": False,
        "exit_code": 11,
        "latency_seconds": None,
        "hops": [
            {
                "name": "agent",
                "status": "failed",
                "text": "nothing listens",
                "cause": "agent_down",
                "seconds": 0.1,
                "details": {"port": 8125},
                "advice": ADVICE["agent_down"],
            },
            {
                "name": "probe",
                "status": "skipped",
                "text": "why",
                "cause": "",
                "seconds": None,
                "details": {},
                "advice": "",
            },
        ],
    }
    assert FlowReport((Hop("probe", "ok", ""),), 1.5).build_document()["ok"] is True
    assert FlowReport((Hop("probe", "ok", ""),), 1.5).build_document()["latency_seconds"] == 1.5
