from __future__ import annotations

import math
import time
from statistics import fmean, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zemanta_ops.stack.agent import aggregator as module
from zemanta_ops.stack.agent.accumulators import DistributionAccumulator
from zemanta_ops.stack.agent.aggregator import MAX_REASONS, NOT_REPEATED, TOO_MANY, Aggregator
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
    document = aggregate("g:+inf|g:1|g", "t:nan|ms", "m:1e308|g:+1e308|g").build_document()

    assert [each["fields"] for each in document["series"]] == [{"value": 1}, {}, {"count": 1}]


@pytest.mark.parametrize("rate", ["2", "inf", "5e-324", "1e-300"])
def test_a_rate_that_counts_no_value_gives_the_fields_of_telegraf_and_a_warning(rate: str) -> None:
    report = aggregate(f"x:1|ms|@{rate}")

    assert only(report).fields == {"count": 0, "sum": 0, "lower": 0, "upper": 0, "median": 0}
    assert [each.reason for each in report.rejected] == [NOT_REPEATED]


def test_a_tiny_rate_counts_in_no_time_and_weighs_as_much_as_it_says() -> None:
    fields = only(aggregate("x:1|ms|@0x1p-50:9|ms|@0x1p-50", "x:5|ms")).fields

    assert (fields["count"], fields["lower"], fields["upper"]) == (2**51 + 1, 1, 9)
    assert fields["mean"] == pytest.approx(5)
    assert fields["90_percentile"] == 9


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9)), min_size=1, max_size=30),
    st.integers(1, 40),
)
def test_repeated_values_have_the_percentiles_of_the_values_one_by_one(runs: list[tuple[int, int]], limit: int) -> None:
    weighted, single = DistributionAccumulator(), DistributionAccumulator()
    for value, repeat in runs:
        weighted.add(value, repeat, limit)
        for _ in range(repeat):
            single.add(value, 1, limit)

    assert weighted.build_fields((0, 10, 50, 90, 100)) == pytest.approx(single.build_fields((0, 10, 50, 90, 100)))


def test_a_counter_overflows_as_telegrafs_does() -> None:
    assert only(aggregate("c:9223372036854775807|c:1|c")).fields == {"value": -(2**63)}


def test_series_are_bounded_in_number_and_in_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SERIES", 3)
    monkeypatch.setattr(module, "MAX_SERIES_TEXT", 100)
    report = aggregate(*(f"s{number}:1|c" for number in range(5)), "s1:1|c", "t" * 101 + ":1|c")

    assert [(each.name, each.count) for each in report.series] == [("s0", 1), ("s1", 2), ("s2", 1)]
    assert [(each.reason, each.count) for each in report.rejected] == [(TOO_MANY, 3)]


def test_many_series_share_the_room_for_their_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_VALUES", 1000)
    aggregator = Aggregator()
    for line in [f"t{number}:1|ms" for number in range(5)] + [
        "t0" + ":2|ms" * 500,
        "u" + "".join(f":{n}|s" for n in range(2000)),
    ]:
        aggregator.add(len(line), parse(line))
    aggregator.next_interval()

    kept = [each.kept for each in aggregator.closed.accumulators.values() if isinstance(each, DistributionAccumulator)]
    assert max(kept) == 200
    assert aggregator.total().series[-1].fields == {"value": 1000}


def test_the_closed_intervals_of_the_last_ten_seconds_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1000))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    aggregator = Aggregator()
    for _ in range(40):
        aggregator.next_interval()

    assert 8 <= aggregator.recent[-1].since - aggregator.recent[0].since <= 12
