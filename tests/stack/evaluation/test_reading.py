"""Each kind of aggregate and composite on real databases, against numbers computed by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.servers.stores import Store
from tests.servers.victoriametrics import VictoriaMetrics
from zemanta_ops.stack.databases import ONCE
from zemanta_ops.stack.databases.prometheus import PrometheusDatabase
from zemanta_ops.stack.declarations import Alert, Composite, above, isolate, last, mean, rate, sum_of, total
from zemanta_ops.stack.declarations.known import Deployment, KnownMetric
from zemanta_ops.stack.declarations.names import to_measurement
from zemanta_ops.stack.declarations.terms import Expression, Term
from zemanta_ops.stack.evaluation import Reader, SeriesValue, Span, compute_alert, compute_composite

NOON = 1_700_049_600
MINUTE = Span(NOON, NOON + 60)
OWN = {"env": "production", "app": "shop"}


def known(name: str, kind: str, *tags: str, **more: Any) -> KnownMetric:
    return KnownMetric(name, kind, frozenset(tags), to_measurement(name), **more)


METRICS = [
    known("request.count", "counter", "view", "status"),
    known("request.duration", "timing", "view"),
    known("jobs.waiting", "gauge", "queue"),
    known("workers", "gauge"),
    known("cpu.cores", "gauge", "host", source="elsewhere"),
    known("lb.p95", "percentile", "lb", source="elsewhere", field="p95"),
    known("visits", "counter"),
    known("mails", "counter", "sent-by", "smtp.host"),
]
DEPLOYMENT = Deployment({metric.name: metric for metric in METRICS}, frozenset({"host", "env", "app"}), identity=OWN)

REQUESTS = [
    # Half open: the first of these counts, the last does not.
    (0, "list", "200", 10),
    (10, "list", "200", 20),
    (59, "list", "500", 3),
    (60, "list", "500", 1000),
    (-1, "list", "500", 1000),
    (20, "detail", "200", 4),
    (30, "only errors", "503", 5),
]


def _line(measurement: str, tags: dict[str, str], fields: str, second: float) -> str:
    written = "".join(f",{key}={value.replace(' ', chr(92) + ' ')}" for key, value in tags.items())
    return f"{measurement}{written} {fields} {int((NOON + second) * 10**9)}"


LINES = [
    *(
        _line("request_count", {**OWN, "host": "web-1", "view": view, "status": status}, f"value={number}", second)
        for second, view, status, number in REQUESTS
    ),
    # Another environment in the same database.
    _line("request_count", {"env": "staging", "app": "shop", "view": "list", "status": "500"}, "value=7", 10),
    # A series without the tag.
    _line("request_count", {**OWN, "status": "200"}, "value=2", 10),
    _line("request_duration", {**OWN, "view": "list", "host": "a"}, "sum=300,count=10", 10),
    _line("request_duration", {**OWN, "view": "list", "host": "b"}, "sum=50,count=40", 20),
    # Two hosts of different numbers of points; the newest is not the largest.
    *(_line("jobs_waiting", {**OWN, "queue": "mail", "host": "a"}, "value=9", second) for second in (0, 10, 20)),
    _line("jobs_waiting", {**OWN, "queue": "mail", "host": "b"}, "value=1", 50),
    _line("jobs_waiting", {**OWN, "queue": "sms", "host": "a"}, "value=3", 40),
    _line("jobs_waiting", {**OWN, "queue": "sms", "host": "b"}, "value=5", 40),
    *(_line("workers", {**OWN, "host": "a"}, f"value={number}i", 10 * number) for number in (1, 2, 6)),
    _line("workers", {**OWN, "host": "b"}, "value=8i", 59),
    _line("workers", {**OWN, "host": "b"}, "value=1000i", 60),
    _line("cpu_cores", {"host": "web-1"}, "value=4", 30),
    _line("cpu_cores", {"host": "web-2"}, "value=8", 30),
    _line("lb_p95", {"lb": "front"}, "p95=120", 30),
    _line("visits", OWN, "value=0", 30),
    # Tags whose names only a quoted name can be.
    _line("mails", {**OWN, "sent-by": "cron", "smtp.host": "a"}, "value=3", 30),
    _line("mails", {**OWN, "sent-by": "web", "smtp.host": "a"}, "value=4", 30),
]


@pytest.fixture(scope="module")
def reader(new_any_store: Callable[[], Store]) -> Reader:
    store = new_any_store()
    store.write("\n".join(LINES))
    if isinstance(store.server, VictoriaMetrics):
        store.server.flush()
    return Reader(store.connect(), DEPLOYMENT)


VIEW, QUEUE = ("view",), ("queue",)
AGGREGATES: dict[str, tuple[Term, tuple[str, ...], dict[tuple[str, ...], float]]] = {
    "total": (
        total("request.count"),
        VIEW,
        {("list",): 33, ("detail",): 4, ("only errors",): 5, ("",): 2},
    ),
    "total of some": (total("request.count", status="5*"), VIEW, {("list",): 3, ("only errors",): 5}),
    "total of one view of two": (total("request.count", view=("detail", "only *")), (), {(): 9}),
    "total of nothing": (total("request.count", view="nowhere"), VIEW, {}),
    "total by two": (
        total("request.count", view="list"),
        ("view", "status"),
        {("list", "200"): 30, ("list", "500"): 3},
    ),
    "rate": (rate("request.count"), (), {(): 44 / 60}),
    "how many": (total("request.duration"), (), {(): 50}),
    "mean of a timing": (mean("request.duration"), VIEW, {("list",): 350 / 50}),
    "mean of a gauge": (mean("jobs.waiting"), QUEUE, {("mail",): 28 / 4, ("sms",): 4}),
    "sum of a gauge": (sum_of("jobs.waiting"), QUEUE, {("mail",): 9 + 1, ("sms",): 3 + 5}),
    "sum of a gauge of all": (sum_of("jobs.waiting"), (), {(): 18}),
    "sum of a gauge of one host": (sum_of("jobs.waiting", host="a"), (), {(): 9 + 3}),
    "sum of a gauge by all its tags": (
        sum_of("jobs.waiting"),
        ("queue", "host"),
        {("mail", "a"): 9, ("mail", "b"): 1, ("sms", "a"): 3, ("sms", "b"): 5},
    ),
    "sum of the means": (sum_of("workers"), (), {(): (1 + 2) / 2 + 8}),
    "sum of no series": (sum_of("jobs.waiting", queue="nowhere"), QUEUE, {}),
    "sum of another's": (sum_of("cpu.cores"), (), {(): 12}),
    "last": (last("jobs.waiting"), QUEUE, {("mail",): 1, ("sms",): 5}),
    "last of all": (last("jobs.waiting", queue="mail"), (), {(): 1}),
    "last of a percentile": (last("lb.p95"), ("lb",), {("front",): 120}),
    "tags with a dash and a dot": (
        total("mails", **{"smtp.host": "a"}),
        ("sent-by", "smtp.host"),
        {("cron", "a"): 3, ("web", "a"): 4},
    ),
    "mean of another's": (mean("cpu.cores"), ("host",), {("web-1",): 4, ("web-2",): 8}),
}


@pytest.mark.parametrize(("term", "by", "expected"), AGGREGATES.values(), ids=list(AGGREGATES))
def test_an_aggregate_is_what_was_written(
    reader: Reader, term: Term, by: tuple[str, ...], expected: dict[tuple[str, ...], float]
) -> None:
    assert reader.read(term, by, MINUTE) == pytest.approx(expected)


COUNT = total("request.count")
BAD = total("request.count", status="5*")
COMPOSITES: dict[str, tuple[dict[str, Any], list[tuple[str, float | None]]]] = {
    "the series of the denominator decide, and a missing numerator is zero": (
        {"numerator": BAD, "denominator": COUNT, "by": VIEW},
        [("", 0), ("detail", 0), ("list", 3 / 33), ("only errors", 1)],
    ),
    "too few events give None": (
        {"numerator": BAD, "denominator": COUNT, "by": VIEW, "min_denominator": 5},
        [("", None), ("detail", None), ("list", 3 / 33), ("only errors", 1)],
    ),
    "the numerator's own series have no denominator": (
        {"numerator": COUNT, "denominator": BAD, "by": VIEW},
        [("list", 11), ("only errors", 1)],
    ),
    "two metrics": (
        {"numerator": rate("request.count"), "denominator": mean("cpu.cores"), "by": ("host",)},
        [("web-1", 42 / 60 / 4), ("web-2", 0)],
    ),
    "a count over a sum": (
        {"numerator": rate("request.count"), "denominator": sum_of("cpu.cores")},
        [("", 44 / 60 / 12)],
    ),
    "a sum below the minimum": (
        {"numerator": rate("request.count"), "denominator": sum_of("cpu.cores"), "min_denominator": 12.5},
        [("", None)],
    ),
    "a missing sum is not zero": (
        {"value": total("request.count", host="web-1") - sum_of("cpu.cores", host="web-3")},
        [("", None)],
    ),
    "a missing gauge is not zero": (
        {"value": Expression("/", mean("cpu.cores"), total("request.count")), "by": ("host",)},
        [("", None), ("web-1", 4 / 42)],
    ),
    "a difference has the series of both": (
        {"value": COUNT - total("request.duration"), "by": VIEW},
        [("", 2), ("detail", 4), ("list", -17), ("only errors", 5)],
    ),
    "a sum": ({"value": BAD + COUNT, "by": VIEW}, [("", 2), ("detail", 4), ("list", 36), ("only errors", 10)]),
    "a product with a number": ({"value": last("jobs.waiting") * 2, "by": QUEUE}, [("mail", 2), ("sms", 10)]),
    "one aggregate": ({"value": mean("jobs.waiting"), "by": QUEUE}, [("mail", 7), ("sms", 4)]),
    "division by zero gives None": ({"numerator": COUNT, "denominator": total("visits")}, [("", None)]),
    "no series": ({"numerator": BAD, "denominator": total("request.count", view="nowhere"), "by": VIEW}, []),
}


@pytest.mark.parametrize(("given", "expected"), COMPOSITES.values(), ids=list(COMPOSITES))
def test_a_composite_is_what_a_hand_computes(
    reader: Reader, given: dict[str, Any], expected: list[tuple[str, float | None]]
) -> None:
    with isolate():
        composite = Composite("shop.composite", **given)
    found = compute_composite(reader, composite, MINUTE)
    assert [value.value for value in found] == [None if each is None else pytest.approx(each) for _, each in expected]
    if composite.by:
        assert [value.tags for value in found] == [{composite.by[0]: tag} for tag, _ in expected]


def test_an_alert_judges_its_composite_over_its_own_window_and_tags(reader: Reader) -> None:
    with isolate():
        ratio = Composite("shop.ratio", numerator=BAD, denominator=COUNT, by=("view", "status"), min_denominator=40)
        alert = Alert(ratio, by=("view",), crit=above(0.5), window="2m")
    found = compute_alert(reader, alert, Span(NOON - 60, NOON + 60))
    assert found[0] == SeriesValue({"view": ""}, None)
    assert found[2].tags == {"view": "list"}
    assert found[2].value == pytest.approx(1003 / 1033)


def test_an_alert_judges_an_aggregate(reader: Reader) -> None:
    with isolate():
        alert = Alert(last("jobs.waiting"), by=("queue",), crit=above(1))
    assert compute_alert(reader, alert, MINUTE) == [
        SeriesValue({"queue": "mail"}, 1),
        SeriesValue({"queue": "sms"}, 5),
    ]


def test_the_delay_is_that_of_the_slowest_source(reader: Reader) -> None:
    slow = KnownMetric("aws.rds.cpu", "gauge", frozenset(), "aws_rds_cpu", source="cloudwatch")
    deployment = Deployment({**DEPLOYMENT.metrics, slow.name: slow}, agent_interval=40)
    slower = Reader(reader.database, deployment)
    assert slower.find_delay([COUNT]) == 80
    assert slower.find_delay([COUNT, last("aws.rds.cpu")]) == 900
    assert reader.find_delay([COUNT]) == max(20, reader.database.lag)


class ReadPrometheus(PrometheusDatabase):
    """Answers as a Prometheus would, which no test can run here."""

    asked = ""

    def query_at(self, text: str, moment: float) -> list[dict[str, Any]]:
        self.asked = f"{text} at {moment:g}"
        return [{"sent_by": "cron", "time": moment, "value": 3.0}]


def test_names_are_spelled_as_prometheus_has_them() -> None:
    options = {"remote_write_url": "http://127.0.0.1:9/write", "read_url": "http://127.0.0.1:9"}
    database = ReadPrometheus(options, timeout=1, retry=ONCE)
    deployment = Deployment({"mails": DEPLOYMENT.metrics["mails"]}, prefix="", identity={"my.env": "x"})
    found = Reader(database, deployment).read(total("mails", **{"smtp.host": "a"}), ("sent-by",), Span(60, 120))
    assert found == {("cron",): 3.0}
    assert database.asked == (
        'sum by (sent_by) (sum_over_time({__name__="mails_value", my_env=~`^x$`, smtp_host=~`^a$`}[60s] offset 1ms))'
        " at 120"
    )
