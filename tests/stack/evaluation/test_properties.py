"""Random composites of random points: what two databases answer is what a few lines of Python compute."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.servers.influxdb1 import InfluxDB1
from tests.servers.victoriametrics import VictoriaMetrics
from zemanta_ops.stack.databases import Point, connect
from zemanta_ops.stack.declarations import Composite, isolate, last, mean, rate, sum_of, total
from zemanta_ops.stack.declarations.known import Deployment, KnownMetric
from zemanta_ops.stack.declarations.terms import Expression, Operation, Term
from zemanta_ops.stack.evaluation import Reader, Span, compute_composite

START = 1_700_049_600
SPAN = Span(START, START + 60)
TAGS = ("view", "host")
VALUES = ("", "a", "b c", "d.e")
AGGREGATES: list[tuple[Callable[..., Term], str]] = [
    (total, "count"), (rate, "count"), (mean, "level"), (last, "level"), (sum_of, "level"),
    (mean, "took"), (total, "took"),
]  # fmt: skip
KINDS = {"count": "counter", "level": "gauge", "took": "timing"}

_names = (f"random_{number}" for number in itertools.count(1))


@dataclass(frozen=True)
class Sample:
    """One point of a series; of a timing it is the sum of two values."""

    metric: str
    view: str
    host: str
    second: int
    value: int


samples = st.builds(
    Sample,
    st.sampled_from(sorted(KINDS)),
    st.sampled_from(VALUES),
    st.sampled_from(VALUES),
    # Half the points are on an edge of the window, or beside it.
    st.one_of(st.sampled_from([-1, 0, 59, 60, 61]), st.integers(-30, 90)),
    st.integers(0, 1_000),
)
wanted = st.dictionaries(
    st.sampled_from(TAGS), st.sampled_from(["a", "*", "b*", "*e", ("a", "d.*"), "nowhere"]), max_size=2
)


@st.composite
def terms(draw: st.DrawFn) -> Term:
    function, metric = draw(st.sampled_from(AGGREGATES))
    term: Term = function(metric, **draw(wanted))
    return term


operations: st.SearchStrategy[Operation] = st.sampled_from(["/", "-", "+", "*"])
expressions = st.builds(Expression, operations, terms(), st.one_of(terms(), st.integers(1, 5).map(float)))
by_tags = st.sampled_from([(), ("view",), ("host",), ("view", "host")])


def matches(pattern: str, text: str) -> bool:
    if "*" not in pattern:
        return pattern == text
    start, _, end = pattern.partition("*")
    return text.startswith(start) and text.endswith(end)


def aggregate(term: Term, by: Sequence[str], found: Sequence[Sample]) -> dict[tuple[str, ...], float]:
    groups: dict[tuple[str, ...], list[Sample]] = {}
    for each in found:
        chosen = all(any(matches(one, getattr(each, tag)) for one in some) for tag, some in term.filters.items())
        if chosen and each.metric == term.metric and 0 <= each.second < 60:
            groups.setdefault(tuple(getattr(each, tag) for tag in by), []).append(each)
    return {key: reduce(term, group) for key, group in groups.items()}


def reduce(term: Term, group: Sequence[Sample]) -> float:
    values = [each.value for each in group]
    if term.function == "last":
        return max((each.second, each.value) for each in group)[1]
    if term.function == "sum_of":
        series: dict[tuple[str, str], list[int]] = {}
        for each in group:
            series.setdefault((each.view, each.host), []).append(each.value)
        return sum(sum(each) / len(each) for each in series.values())
    if term.metric == "took":
        return 2 * len(values) if term.function == "total" else sum(values) / (2 * len(values))
    number = sum(values) / len(values) if term.function == "mean" else sum(values)
    return number / 60 if term.function == "rate" else number


def compute(expression: Expression, by: Sequence[str], minimum: float, found: Sequence[Sample]) -> Any:
    left = aggregate(expression.left, by, found)
    right: Mapping[tuple[str, ...], float] = (
        aggregate(expression.right, by, found)
        if isinstance(expression.right, Term)
        else dict.fromkeys(left, expression.right)
    )
    keys = set(right) if expression.operation == "/" else {*left, *right}
    values = {}
    for key in keys:
        one, other = (
            side.get(key, 0 if isinstance(term, Term) and term.function in ("total", "rate") else None)
            for side, term in ((left, expression.left), (right, expression.right))
        )
        values[key] = operate(expression.operation, one, other, minimum)
    return values


def operate(operation: str, one: float | None, other: float | None, minimum: float) -> Any:
    if one is None or other is None or (operation == "/" and (other == 0 or other < minimum)):
        return None
    number = {"+": one + other, "-": one - other, "*": one * other, "/": one / (other or 1)}[operation]
    return pytest.approx(number, rel=1e-9, abs=1e-9)


def build_point(sample: Sample) -> Point:
    fields = {"sum": sample.value, "count": 2} if sample.metric == "took" else {"value": float(sample.value)}
    tags = {"view": sample.view, "host": sample.host}
    return Point(sample.metric, fields, tags, (START + sample.second) * 10**9)


METRICS = {name: KnownMetric(name, kind, frozenset(TAGS), name) for name, kind in KINDS.items()}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=settings().max_examples // 4)
@given(
    found=st.lists(samples, max_size=25, unique_by=lambda each: (each.metric, each.view, each.host, each.second)),
    expression=expressions,
    by=by_tags,
    minimum=st.sampled_from([0.0, 3.0, 200.0]),
)
def test_two_databases_answer_what_python_computes(
    influxdb1: InfluxDB1,
    victoriametrics: VictoriaMetrics,
    found: list[Sample],
    expression: Expression,
    by: tuple[str, ...],
    minimum: float,
) -> None:
    name = next(_names)
    influxdb1.create(name)
    expected = compute(expression, by, minimum, found)
    with isolate():
        composite = Composite("shop.random", value=expression, by=by, min_denominator=minimum)
    for connected in (connect(influxdb1.url, database=name), connect(write_url=victoriametrics.url, database=name)):
        with connected as database:
            database.write([build_point(each) for each in found])
            victoriametrics.flush()
            values = compute_composite(Reader(database, Deployment(METRICS)), composite, SPAN)
        assert {tuple(each.tags.values()): each.value for each in values} == expected, database.product
    influxdb1.query(f'DROP DATABASE "{name}"')
