"""What a declaration computes from what it is given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from zemanta_ops.stack.declarations import (
    Alert,
    Composite,
    Expression,
    Objective,
    above,
    describe,
    isolate,
    last,
    mean,
    read_declarations,
    total,
)
from zemanta_ops.stack.declarations.registry import Declarations, Failure

# One tag may be given as a text.
VIEW: Any = "view"
ALL, FAILED = total("n", view="home"), total("n", view="home", status="5*")


@pytest.fixture(autouse=True)
def no_declarations() -> Iterator[None]:
    with isolate():
        yield


def test_a_description_takes_what_it_is_given() -> None:
    texts = {name: name for name in ("meaning", "trouble", "impact", "action")}
    made = describe("n", unit="jobs", tags="queue", repeat="queue", kind="gauge", measurement="m", field="f", **texts)
    assert [getattr(made, name) for name in texts] == list(texts)
    assert (made.name, made.unit, made.tags, made.repeat) == ("n", "jobs", ("queue",), "queue")
    assert (made.kind, made.measurement, made.field) == ("gauge", "m", "f")
    assert made.place.startswith(f"{__name__}:")
    assert made.is_shipped is False


def test_a_description_without_a_unit_has_that_of_the_catalogue() -> None:
    assert describe("http.request.duration").unit == "ms"
    assert describe("http.request.duration", unit="s").unit == "s"
    made = describe("unknown")
    assert (made.unit, made.tags, made.repeat, made.kind, made.measurement, made.field) == ("", None, "", "", "", "")
    assert (made.meaning, made.trouble, made.impact, made.action) == ("", "", "", "")
    assert describe("n", tags=["a", "b"]).tags == ("a", "b")


def test_a_composite_divides_or_computes_its_value() -> None:
    ratio = Composite("r", numerator=FAILED, denominator=ALL, by=VIEW)
    assert ratio.expression == Expression("/", FAILED, ALL)
    assert (ratio.terms, ratio.by) == ([FAILED, ALL], ("view",))
    assert (ratio.every_seconds, ratio.window_seconds) == (60, 60)
    value = Composite("v", value=ALL, every="5m", window="1h")
    assert (value.expression, value.terms) == (ALL, [ALL])
    assert (value.every_seconds, value.window_seconds) == (300, 3600)
    for incomplete in (Composite("i"), Composite("i", numerator=ALL), Composite("i", denominator=ALL)):
        assert (incomplete.expression, incomplete.terms) == (None, [])


def test_an_alert_has_the_tags_and_the_name_of_its_composite() -> None:
    ratio = Composite("r", numerator=FAILED, denominator=ALL, by=("view",))
    alert = Alert(ratio, crit=above(1))
    assert (alert.by, alert.key, alert.terms) == (("view",), "r", [FAILED, ALL])
    assert (alert.every_seconds, alert.window_seconds, alert.for_seconds) == (60, 300, 0)
    own = Alert(last("jobs"), crit=above(1), by=VIEW, name="mine", every="2m", window="10m", for_="4m")
    assert (own.by, own.key, own.terms) == (("view",), "mine", [last("jobs")])
    assert (own.every_seconds, own.window_seconds, own.for_seconds) == (120, 600, 240)
    assert Alert(last("jobs")).key == "jobs"
    assert Alert(last("jobs")).by == ()
    assert Alert(ratio, by=("host",)).by == ("host",)
    assert Alert("a text").key == "?"  # type: ignore[arg-type]


def test_an_objective_counts_events_or_requests_within_a_limit() -> None:
    events = Objective("o", total=total("n", view="home"), bad={"status": "5*"}, target=0.9)
    assert (events.all_term, events.bad_term, events.good_term) == (ALL, FAILED, None)
    assert events.terms == [ALL, FAILED]
    assert events.period_seconds == 30 * 86_400
    own = Objective("o2", total=ALL, bad=total("failures"), target=0.9, period="7d")
    assert (own.bad_term, own.period_seconds) == (total("failures"), 7 * 86_400)
    within = Objective("o3", total=ALL, within=500.0, target=0.9)
    bucket = "http.request.bucket"
    assert within.all_term == total(bucket, view="home", le="+Inf")
    assert within.good_term == total(bucket, view="home", le="500")
    assert (within.bad_term, within.terms) == (None, [within.all_term, within.good_term])


def test_declarations_are_sorted_by_kind_and_name() -> None:
    for name in "bca":
        describe(name)
        ratio = Composite(name, value=mean("n"))
        Alert(ratio)
        Objective(name, total=ALL, bad={"a": "b"}, target=0.9)
    found = read_declarations(shipped=False)
    own = [each for each in found.everything if each.place.startswith(__name__)]
    assert [type(each).__name__ for each in own] == [
        name for name in ("Description", "Composite", "Alert", "Objective") for _ in range(3)
    ]
    assert [getattr(each, "name", "") or each.key for each in own] == list("abc") * 4
    kept = found.keep(lambda each: isinstance(each, Composite) and each.name != "b")
    assert [each.name for each in kept.everything] == ["a", "c"]


def test_what_is_kept_keeps_the_failures() -> None:
    failures = [Failure("a.metrics", "ValueError")]
    assert Declarations(failures=failures).keep(bool).failures == failures


def test_what_a_project_says_of_a_metric_wins() -> None:
    assert read_declarations().describe("http.request.count").is_shipped is True  # type: ignore[union-attr]
    describe("http.request.count", meaning="Visits.")
    assert read_declarations().describe("http.request.count").meaning == "Visits."  # type: ignore[union-attr]
    assert read_declarations().describe("nothing") is None


def test_within_isolation_declarations_are_forgotten_and_come_back() -> None:
    outer = describe("outer")
    with isolate():
        assert read_declarations().describe("outer") is None
        assert read_declarations().describe("http.request.count") is not None
        describe("inner")
    assert read_declarations(shipped=False).descriptions == [outer]
