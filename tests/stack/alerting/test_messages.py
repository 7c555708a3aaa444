"""The line that an alert writes for people: what a message may do with its value and tags."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import override_settings

from zemanta_ops.stack.alerting.declared import read_declared
from zemanta_ops.stack.alerting.judges import AlertJudge
from zemanta_ops.stack.alerting.machine import Level
from zemanta_ops.stack.declarations import Alert, above, describe, isolate, last


@pytest.fixture(autouse=True)
def no_declarations() -> Iterator[None]:
    with isolate():
        yield


def write(message: str, **tags: str) -> tuple[str, str]:
    alert = Alert(last("jobs.waiting"), crit=above(5), by=tuple(tags), message=message)
    return AlertJudge(alert).write_summary(tags, 7.0, Level.CRIT)


def test_placeholders_are_filled_in() -> None:
    message = "{queue!r} of {host:->6}: {value:.1f} {level} {name} {{}}"
    assert write(message, queue="mail", host="web") == ("'mail' of ---web: 7.0 crit jobs.waiting {}", "")


def test_a_tag_with_a_dot_is_a_placeholder_also_without_a_message() -> None:
    assert write("{k8s.pod}: {value:g}", **{"k8s.pod": "web-1"}) == ("web-1: 7", "")
    assert write("", **{"k8s.pod": "web-1"}) == ("jobs.waiting is 7, k8s.pod web-1", "")


def test_what_a_database_cannot_store_is_replaced() -> None:
    alert = Alert(last("jobs.waiting"), crit=above(5), message="a\0b\ud800 {value:g}", meaning="\0\udfff")
    judge = AlertJudge(alert)
    assert judge.write_summary({}, 7.0, Level.CRIT) == ("a\ufffdb? 7", "")
    assert judge.details == {"meaning": "\ufffd?"}


def test_the_value_is_not_that_of_a_tag_with_this_name() -> None:
    assert write("{value:.0f} {level}", value="a text", level="ground floor") == ("7 crit", "")


@pytest.mark.parametrize(
    "message",
    [
        "{level:>1000000000}",
        "{value:.1000000000f}",
        "{level:>{queue}}",
        "{value.__class__}",
        "{queue[0]}",
        "{}",
        "{nobody}",
        "{value:d}",
        "{name!x}",
        "{",
    ],
)
def test_a_message_that_cannot_be_filled_in_becomes_a_plain_one(message: str) -> None:
    summary, problem = write(message, queue="1000000000")
    assert (summary, problem[:31]) == ("jobs.waiting is crit", "the message cannot be formatted")


@pytest.mark.parametrize("runbook", ["javascript:alert(1)", "Ask the team", "https://user:example@wiki.example.com/"])
def test_a_runbook_that_is_not_an_address_is_no_link_and_the_alert_is_still_judged(runbook: str) -> None:
    Alert(last("jobs.waiting"), crit=above(5), name="spoilt", runbook=runbook)
    describe("jobs.waiting", kind="gauge")
    page = "https://docs.example.com/runbooks.html"
    for settings, link in ({}, ""), ({"RUNBOOKS": page}, f"{page}#alert-spoilt"):
        with override_settings(ZEMANTA_OPS={"ALERTS": settings}):
            declared = read_declared()
            (judge,) = [each for each in declared.judges if each.name == "spoilt"]
            assert (judge.runbook, len(declared.problems)) == (link, 1)
    assert "has a runbook that" in declared.problems[0]
    assert "user:example" not in declared.problems[0]
