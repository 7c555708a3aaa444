from __future__ import annotations

import math
from statistics import fmean, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zemanta_ops.stack.agent.aggregator import MAX_REASONS, Aggregator
from zemanta_ops.stack.agent.report import Report, SeriesSummary
from zemanta_ops.stack.statsd import parse

# Microseconds are what the wire carries of a timing in milliseconds.
TIMINGS = st.lists(st.floats(0, 1e9).map(lambda value: round(value, 3)), min_size=1, max_size=60)


def aggregate(*datagrams: str, dogstatsd: bool = False) -> Report:
    aggregator = Aggregator((50, 90))
    for datagram in datagrams:
        aggregator.add(len(datagram), parse(datagram, dogstatsd=dogstatsd))
    return aggregator.total()


def only(report: Report) -> SeriesSummary:
    (series,) = report.series
    return series


def test_a_counter_is_the_sum_of_its_increments_with_their_sample_rates() -> None:
    series = only(aggregate("hits,view=home:2|c:3|c", "hits,view=home:-1|c", "hits,view=home:1|c|@0.1"))

    assert (series.name, series.tags, series.type) == ("hits", {"view": "home"}, "counter")
    assert series.count == 14
    assert series.fields == {"value": 14}


def test_a_gauge_keeps_the_last_value_and_takes_signed_ones_as_changes() -> None:
    assert only(aggregate("queue:5|g", "queue:+2|g:-1|g")).fields == {"value": 6}
    assert only(aggregate("queue:5|g", "queue:0|g:-3|g")).fields == {"value": -3}
    assert only(aggregate("queue:-4|g")).fields == {"value": -4}


def test_a_set_counts_distinct_members() -> None:
    series = only(aggregate("users:anna|s:ben|s:anna|s"))

    assert series.fields == {"value": 2}
    assert series.count == 3


@pytest.mark.parametrize(("suffix", "kind"), [("ms", "timing"), ("h", "histogram")])
def test_timings_and_histograms_have_telegrafs_fields(suffix: str, kind: str) -> None:
    series = only(aggregate(f"load:1|{suffix}:2|{suffix}:3|{suffix}:10|{suffix}"))

    assert series.type == kind
    assert series.fields == pytest.approx(
        {
            "count": 4,
            "sum": 16,
            "mean": 4,
            "stddev": math.sqrt(12.5),
            "lower": 1,
            "upper": 10,
            "median": 2.5,
            "50_percentile": 3,
            "90_percentile": 10,
        }
    )


def test_a_sampled_timing_counts_as_often_as_its_rate_says() -> None:
    assert only(aggregate("load:4|ms|@0.1")).fields["count"] == 10


def test_series_differ_by_tags_and_type_and_not_by_the_order_of_tags() -> None:
    report = aggregate("a,x=1,y=2:1|c", "a,y=2,x=1:1|c", "a,x=1:1|c", "a,x=1:1|ms")

    assert [(each.type, each.tags, each.count) for each in report.series] == [
        ("counter", {"x": "1", "y": "2"}, 2),
        ("counter", {"x": "1"}, 1),
        ("timing", {"x": "1"}, 1),
    ]


@given(TIMINGS, TIMINGS)
def test_two_intervals_add_up_to_what_one_would_have_counted(first: list[float], second: list[float]) -> None:
    aggregator = Aggregator((50, 90))
    for values in (first, second):
        line = "load" + "".join(f":{value!r}|ms" for value in values)
        aggregator.add(len(line), parse(line))
        interval = aggregator.next_interval()
        assert only(interval).fields["mean"] == pytest.approx(fmean(values))

    fields = only(aggregator.total()).fields
    values = first + second
    assert fields["count"] == len(values)
    assert fields["mean"] == pytest.approx(fmean(values))
    assert fields["stddev"] == pytest.approx(pstdev(values), abs=1e-6 * max(values) + 1e-9)
    assert (fields["lower"], fields["upper"]) == (min(values), max(values))
    assert fields["50_percentile"] == sorted(values)[len(values) // 2]


def test_gauges_sets_and_counters_carry_over_from_interval_to_interval() -> None:
    aggregator = Aggregator()
    for line in ("q:5|g\nu:a|s\nc:1|c", "q:+2|g\nu:b|s\nc:1|c", "q:9|g\nq:-1|g\nu:a|s\nc:1|c"):
        aggregator.add(len(line), parse(line))
        aggregator.next_interval()

    assert {each.name: each.fields["value"] for each in aggregator.total().series} == {"q": 8, "u": 2, "c": 3}
    assert aggregator.next_interval().series == ()


def test_what_is_refused_is_counted_by_reason_with_an_example() -> None:
    report = aggregate("bad", "worse\nok:1|c", "x:1|zz", "d:1|d", dogstatsd=True)

    assert report.received.values == 1
    assert report.received.rejected == 4
    assert [(each.count, each.example) for each in report.rejected] == [(2, "worse"), (1, "x:1|zz"), (1, "d")]


def test_a_flood_of_different_faults_does_not_fill_the_memory() -> None:
    report = aggregate(*(f"x:1|t{number}" for number in range(MAX_REASONS + 30)))

    assert len(report.rejected) == MAX_REASONS + 1
    assert report.rejected[0].count == 30
    assert report.received.rejected == MAX_REASONS + 30


def test_a_report_selects_and_counts_by_tags() -> None:
    report = aggregate("hits,view=home,host=a:2|c", "hits,view=home,host=b:3|c", "hits,view=detail,host=a:1|c", "o:9|c")

    assert report.count("hits") == 6
    assert report.count("hits", view="home") == 5
    assert report.count("absent") == 0
    assert report.count_by_tag("hits", "view") == {"home": 5, "detail": 1}
    assert report.count_by_tag("hits", "view", host="a") == {"home": 2, "detail": 1}


def test_the_document_of_a_report_is_json_without_nan() -> None:
    document = aggregate("g:nan|g").build_document()

    assert document["series"][0]["fields"] == {"value": None}
