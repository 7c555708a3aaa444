"""The judgements of the demo: each can turn out both ways."""

from __future__ import annotations

from collections import Counter

from example_project.demo import findings
from example_project.demo.traffic import Request
from zemanta_ops.stack.agent.report import Report, SeriesSummary

HOME = Request("GET", "home", "200")


def report(count: int, timed: int) -> Report:
    tags = {"method": "GET", "view": "home", "status": "200", "app": "print-shop"}
    return Report(
        started=0,
        seconds=1,
        series=(
            SeriesSummary(findings.COUNT, tags, "counter", count, count, {}),
            SeriesSummary(findings.DURATION, tags, "timing", timed, timed, {}),
        ),
    )


def test_equal_counts_hold() -> None:
    assert all(each.holds for each in findings.requests_found(Counter({HOME: 3}), report(3, 3)))


def test_a_request_that_was_not_counted_is_named() -> None:
    counted, timed = findings.requests_found(Counter({HOME: 3}), report(2, 3))
    assert (counted.holds, timed.holds) == (False, True)
    assert "GET home 200: 3 sent, 2 counted" in counted.text


def test_a_request_that_was_counted_but_not_sent_is_named() -> None:
    counted, _ = findings.requests_found(Counter(), report(1, 1))
    assert "GET home 200: 0 sent, 1 counted" in counted.text


def test_the_table_has_a_row_a_view() -> None:
    assert findings.by_view(Counter({HOME: 3}), report(2, 1))[1].split() == ["home", "3", "2", "1"]


def test_another_fingerprint_does_not_hold_and_names_the_setting() -> None:
    found = findings.secrets_found("gunicorn", {"A": "1", "B": "2"}, {"A": "1", "B": "3"})
    assert not found.holds
    assert found.text.endswith("for B")


def test_a_missing_fingerprint_does_not_hold() -> None:
    assert not findings.secrets_found("gunicorn", {"A": "1"}, {}).holds


def test_a_plaintext_that_is_shown_is_named_but_not_repeated() -> None:
    found = findings.nothing_in_clear({"A": "tell-nobody"}, {"the log": "it is tell-nobody"})
    assert not found.holds
    assert found.text == "a secret is in clear text: the log shows A"
