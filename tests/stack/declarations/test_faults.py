"""Everything that ``manage.py check`` refuses of declarations, each kind by its id."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from zemanta_ops.stack.declarations import (
    Alert,
    Composite,
    Objective,
    above,
    below,
    describe,
    isolate,
    last,
    mean,
    rate,
    read_declarations,
    sum_of,
    total,
)
from zemanta_ops.stack.declarations.faults import Fault, find_faults, remove_faulty
from zemanta_ops.stack.declarations.faults import collisions as collisions_module
from zemanta_ops.stack.declarations.known import Deployment, KnownMetric
from zemanta_ops.stack.declarations.names import to_measurement

RUNBOOK = "https://wiki.example.com/errors"


def known(name: str, kind: str, *tags: str, **more: Any) -> KnownMetric:
    return KnownMetric(name, kind, frozenset(tags), to_measurement(name), **more)


METRICS = [
    known("http.request.count", "counter", "view", "status", "method"),
    known("http.request.duration", "timing", "view", "status", "method"),
    known("http.request.bucket", "counter", "view", "method", "le"),
    known("db.query.duration", "timing", "alias", remedy='Add "database" to INSTRUMENT.'),
    known("jobs.waiting", "gauge", "queue"),
    known("visitors", "set"),
    known("cpu.cores", "gauge", "host", source="elsewhere"),
    known("lb.p95", "percentile", "load_balancer", source="elsewhere"),
]
DEPLOYMENT = Deployment(
    {metric.name: metric for metric in METRICS},
    common_tags=frozenset({"host", "env"}),
    buckets=(100.0, 500.0),
    retention=90 * 86_400,
)
COUNT = total("http.request.count")
GOOD = total("http.request.count", status="2*")


@pytest.fixture(autouse=True)
def no_declarations() -> Iterator[None]:
    with isolate():
        yield


def faults(deployment: Deployment = DEPLOYMENT) -> list[Fault]:
    return list(find_faults(read_declarations(shipped=False), deployment))


def composite(name: str = "shop.error_ratio", **given: Any) -> Composite:
    return Composite(name, **{"numerator": COUNT, "denominator": COUNT, **given})


def alert(subject: Any = COUNT, **given: Any) -> Alert:
    return Alert(subject, **{"crit": above(5), "runbook": RUNBOOK, **given})


def objective(name: str = "checkout", **given: Any) -> Objective:
    return Objective(name, **{"total": COUNT, "bad": {"status": "5*"}, "target": 0.999, **given})


def test_declarations_that_are_right_have_no_fault() -> None:
    describe("jobs.waiting", unit="jobs", meaning="Jobs nobody has taken yet.", repeat="queue")
    describe("lb.requests", kind="counter", tags=("load_balancer",), measurement="aws_lb", field="sum")
    errors = composite(numerator=total("http.request.count", status="5*", env="prod"), by=("view", "host"))
    alert(errors, warn=above(0.01), crit=above(0.05), for_="2m", message="{view}: {value:.1%} of requests fail")
    alert(last("jobs.waiting"), warn=above(50), crit=None, by="queue")
    alert(rate("http.request.count"), crit=below(1), name="quiet")
    composite("shop.per_core", numerator=rate("http.request.count"), denominator=mean("cpu.cores"), by=("host",))
    composite(
        "shop.per_core_of_all", numerator=rate("http.request.count"), denominator=sum_of("cpu.cores", host="web-*")
    )
    alert(sum_of("cpu.cores"), crit=below(8), name="cores")
    Composite("shop.seconds", value=mean("http.request.duration") * 0.001, unit="s")
    Composite("shop.open", value=COUNT - total("http.request.count", status="2*"))
    objective()
    objective("fast checkout", bad=None, within=500, runbook="http://wiki:8080/fehler/größe?page=5#checkout")
    assert faults() == []


WRONG: dict[str, tuple[str, Callable[[], Any]]] = {
    "no name": ("E202", lambda: composite("")),
    "a row repeated by what no variable is called": (
        "E202",
        lambda: describe("shop.jobs", kind="gauge", tags=("mail-zone",), repeat="mail-zone"),
    ),
    "a numerator that is a text": ("E202", lambda: composite(numerator="http.request.count")),
    "no denominator": ("E202", lambda: composite(denominator=None)),
    "a value beside numerator and denominator": ("E202", lambda: composite(value=COUNT)),
    "a name that no measurement has": ("E202", lambda: composite("shop.error ratio")),
    "a name that no database stores": ("E202", lambda: alert(name="a\0b")),
    "a name of an objective that no file has": ("E202", lambda: objective("a\ud800")),
    "a name that is a path": ("E202", lambda: composite("a/../b")),
    "a name with nothing between its dots": ("E202", lambda: composite("shop..ratio")),
    "a name that ends in a dot": ("E202", lambda: composite("shop.")),
    "a tag of a composite twice": ("E202", lambda: composite(by=("view", "view"))),
    "a tag of an alert twice": ("E202", lambda: alert(by=["view", "status", "view"])),
    "a tag of a description twice": ("E202", lambda: describe("visitors", tags=("team", "team"))),
    "a name of two lines": ("E202", lambda: composite("shop.error\nratio")),
    "an expression with an endless number": ("E202", lambda: Composite("a.b", value=COUNT * float("inf"))),
    "an expression with a number that no float holds": ("E202", lambda: Composite("a.b", value=COUNT * 10**400)),
    "a threshold that no float holds": ("E202", lambda: alert(crit=above(10**400))),
    "a minimum that no float holds": ("E202", lambda: composite(min_denominator=10**400)),
    "a target that no float holds": ("E202", lambda: objective(target=10**400)),
    "a limit that no float holds": ("E202", lambda: objective(bad=None, within=10**400)),
    "an expression with a text": ("E202", lambda: Composite("a.b", value=COUNT / "x")),
    "a minimum below zero": ("E202", lambda: composite(min_denominator=-1)),
    "an alert about a text": ("E202", lambda: alert("http.request.count")),
    "a threshold that is a number": ("E202", lambda: alert(crit=5)),
    "an unknown no_data": ("E202", lambda: alert(no_data="page")),
    "an objective without bad and within": ("E202", lambda: objective(bad=None)),
    "an objective whose every event is bad": ("E202", lambda: objective(bad={})),
    "an objective about a rate": ("E202", lambda: objective(total=rate("http.request.count"))),
    "an objective whose bad events are a rate": ("E202", lambda: objective(bad=rate("http.request.count"))),
    "a target that is a text": ("E202", lambda: objective(target="99.9%")),
    "a target that is true": ("E202", lambda: objective(target=True)),
    "a limit that is true": ("E202", lambda: objective(bad=None, within=True)),
    "a threshold that is true": ("E202", lambda: alert(crit=above(True))),
    "a minimum that is true": ("E202", lambda: composite(min_denominator=True)),
    "a minimum of events that is true": ("E202", lambda: objective(min_events=True)),
    "min_events that is half an event": ("E202", lambda: objective(min_events=0.5)),
    "a tag that is a number": ("E202", lambda: composite(by=(1,))),
    "a meaning that is a number": ("E202", lambda: describe("visitors", meaning=5)),  # type: ignore[arg-type]
    "an unknown metric": ("E203", lambda: alert(total("http.requests.count"))),
    "an unknown metric of one side": ("E203", lambda: composite(denominator=total("nothing"))),
    "a description of what nobody emits": ("E203", lambda: describe("jobs.wating")),
    "a description with an unknown kind": ("E203", lambda: describe("aws", kind="summary")),
    "a metric that is off": ("E204", lambda: alert(mean("db.query.duration"))),
    "a filter that the metric lacks": ("E205", lambda: alert(total("http.request.count", queue="mail"))),
    "by that the metric lacks": ("E205", lambda: alert(by=("queue",))),
    "by that the composite does not keep": ("E205", lambda: alert(composite(by=("view",)), by=("method",))),
    "a repeat that the metric lacks": ("E205", lambda: describe("jobs.waiting", repeat="view")),
    "a default tag of what another program writes": ("E205", lambda: alert(mean("cpu.cores"), by=("env",))),
    "a bad event with a tag that is not there": ("E205", lambda: objective(bad={"code": "5*"})),
    "sides without by in common": ("E206", lambda: composite(denominator=mean("cpu.cores"), by=("view",))),
    "the rate of a gauge": ("E207", lambda: alert(rate("jobs.waiting"))),
    "the total of a gauge": ("E207", lambda: alert(total("jobs.waiting"))),
    "the mean of a counter": ("E207", lambda: alert(mean("http.request.count"))),
    "the last of a timing": ("E207", lambda: alert(last("http.request.duration"))),
    "the mean of a percentile": ("E207", lambda: alert(mean("lb.p95"))),
    "the mean of a timing's percentile": ("E207", lambda: alert(mean("http.request.duration.95_percentile"))),
    "the sum of a counter": ("E207", lambda: alert(sum_of("http.request.count"))),
    "the sum of a timing": ("E207", lambda: alert(sum_of("http.request.duration"))),
    "the sum of a set": ("E207", lambda: alert(sum_of("visitors"))),
    "the sum of a percentile": ("E207", lambda: alert(sum_of("lb.p95"))),
    "the sum of a metric that nothing emits": ("E203", lambda: alert(sum_of("cpu.coers"))),
    "a filter that the gauge of a sum lacks": ("E205", lambda: alert(sum_of("cpu.cores", queue="mail"))),
    "a sum without by in common": ("E206", lambda: composite(denominator=sum_of("cpu.cores"), by=("view",))),
    "a limit that is not a bucket": ("E208", lambda: objective(bad=None, within=300)),
    "a latency objective by status": ("E205", lambda: objective(total=GOOD, bad=None, within=500)),
    "a composite named as a metric": ("E209", lambda: composite("http.request.count")),
    "a composite named as a metric with underscores": ("E209", lambda: composite("http_request.count")),
    "two composites that are one measurement": ("E209", lambda: (composite("a.b"), composite("a_b"))),
    "two alerts of one subject": ("E209", lambda: (alert(), alert())),
    "two alerts whose names are one file": ("E209", lambda: (alert(name="a b"), alert(name="a-b"))),
    "two descriptions of one metric": ("E209", lambda: (describe("visitors"), describe("visitors"))),
    "two objectives of one name": ("E209", lambda: (objective(), objective("Checkout"))),
    "neither warn nor crit": ("E210", lambda: alert(crit=None)),
    "warn above crit": ("E210", lambda: alert(warn=above(9))),
    "warn equal to crit": ("E210", lambda: alert(warn=above(5))),
    "warn below crit, going down": ("E210", lambda: alert(warn=below(1), crit=below(5))),
    "warn and crit in two directions": ("E210", lambda: alert(warn=below(1))),
    "a window that is not a duration": ("E211", lambda: alert(window="5 minutes")),
    "a window that is a number": ("E211", lambda: alert(window=300)),
    "for_ that is not a multiple of every": ("E211", lambda: alert(for_="90s")),
    "a window that is not a multiple of every": ("E211", lambda: alert(every="2m", window="5m")),
    "every that does not divide a day": ("E211", lambda: composite(every="7m", window="14m")),
    "every of zero": ("E211", lambda: composite(every="0s")),
    "a window below the agent's interval": ("E211", lambda: composite(every="5s")),
    "a window of centuries": ("E211", lambda: alert(window="99999999d")),
    "a time of more digits than Python converts": ("E211", lambda: alert(for_="9" * 5_000 + "s")),
    "an objective over more time than there is": ("E211", lambda: objective(period="9" * 20 + "w")),
    "an objective over hours": ("E211", lambda: objective(period="6h")),
    "a target of all": ("E212", lambda: objective(target=1)),
    "a target of none": ("E212", lambda: objective(target=0)),
    "a target in percent": ("E212", lambda: objective(target=99.9)),
    "a period beyond the retention": ("E213", lambda: objective(period="91d")),
    "an unknown placeholder": ("E214", lambda: alert(message="{vew} fails")),
    "a placeholder without a name": ("E214", lambda: alert(message="{} fails")),
    "a placeholder that looks into an object": ("E214", lambda: alert(message="{value.__class__}")),
    "a brace that is left open": ("E214", lambda: alert(message="{value fails")),
    "a format that no number has": ("E214", lambda: alert(message="{value:%Y}")),
    "a format of gigabytes": ("E214", lambda: alert(message="{level:>1000000000}")),
    "a precision of gigabytes": ("E214", lambda: alert(message="{value:.1000000000f}")),
    "a width in the digits of another script": ("E214", lambda: alert(message="{name:>" + "\u0669" * 9 + "}")),
    "a width that a tag gives": ("E214", lambda: alert(by=("view",), message="{level:>{view}}")),
    "a conversion that there is not": ("E214", lambda: alert(message="{name!x}")),
    "a template": ("E214", lambda: alert(message="{{ .Level }}")),
    "the end of a TICKscript text": ("E214", lambda: alert(message="it's '''")),
    "a variable in a description": ("E214", lambda: describe("visitors", meaning="Costs $5")),
    "a variable in the address of a runbook": ("E214", lambda: alert(runbook="https://wiki.example.com/$x")),
    "a misspelt unit": ("E215", lambda: describe("visitors", unit="milisecond")),
    "a unit's long name": ("E215", lambda: describe("visitors", unit="milliseconds")),
    "a unit that is not a noun": ("E215", lambda: describe("visitors", unit="km/h²")),
    "division by zero": ("E217", lambda: Composite("a.b", value=COUNT / 0)),
    "division by zero as a float": ("E217", lambda: Composite("a.b", value=mean("http.request.duration") / 0.0)),
    "a runbook that is a script": ("E218", lambda: alert(runbook="javascript:alert(1)")),
    "a runbook that is a text": ("E218", lambda: alert(runbook="Ask the team")),
    "a runbook that is a file": ("E218", lambda: alert(runbook="docs/errors.md")),
    "a runbook with a password": ("E218", lambda: alert(runbook="https://user:example@wiki.example.com/errors")),
    "a runbook of two lines": ("E218", lambda: alert(runbook="https://wiki.example.com/a\nb")),
    "a runbook with a blank at its end": ("E218", lambda: objective(runbook="https://wiki.example.com/ ")),
    "a warning's runbook": ("E218", lambda: alert(warn=above(1), crit=None, runbook="ftp://wiki.example.com/")),
    "crit without a runbook": ("W201", lambda: alert(runbook="")),
}  # fmt: skip


@pytest.mark.parametrize(("id_", "declare"), WRONG.values(), ids=WRONG)
def test_a_wrong_declaration_is_refused_with_its_id_and_place(id_: str, declare: Callable[[], Any]) -> None:
    declare()
    found = faults()
    assert {fault.id for fault in found} == {f"zemanta_ops.{id_}"}
    assert all(__name__ in fault.text and fault.hint.endswith((".", "?")) for fault in found)


@pytest.mark.parametrize("period", ["1d", "24h", "30d", "90d"])
def test_an_objective_may_be_of_a_day_up_to_the_retention(period: str) -> None:
    objective(period=period)
    assert faults() == []


def test_two_names_with_one_checksum_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collisions_module, "to_number", lambda *parts: 7)
    composite("shop.one")
    composite("shop.two")
    assert [fault.id for fault in faults()] == ["zemanta_ops.E216"]


def test_a_latency_objective_without_buckets_is_refused() -> None:
    objective(bad=None, within=500)
    assert [fault.id for fault in faults(Deployment(DEPLOYMENT.metrics))] == ["zemanta_ops.E208"]


def test_a_mistyped_metric_is_answered_with_the_nearest_one() -> None:
    alert(total("http.request.cuont"))
    assert [fault.hint for fault in faults()] == ["Did you mean http.request.count?"]


def test_one_faulty_declaration_does_not_stop_the_rest() -> None:
    good = composite("shop.good")
    alert(good, runbook="")
    composite("shop.bad", by=("nothing",))
    kept, found = remove_faulty(read_declarations(shipped=False), DEPLOYMENT)
    assert [each.name for each in kept.composites] == ["shop.good"]
    assert [each.key for each in kept.alerts] == ["shop.good"]
    assert {fault.id for fault in found} == {"zemanta_ops.E205", "zemanta_ops.W201"}


def test_an_alert_of_a_faulty_composite_is_removed_with_it() -> None:
    alert(composite("shop.bad", every="7m"))
    kept, _ = remove_faulty(read_declarations(shipped=False), DEPLOYMENT)
    assert kept.everything == []
