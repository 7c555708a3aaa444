"""The lines of one series: within their limit, in both dialects, with every sample counted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from zemanta_ops.metrics.delivery.statsd_writer import INT64, RENDERERS, Dropped, Line, encode
from zemanta_ops.metrics.series.series import COUNTER, GAUGE, HISTOGRAM, SET, TIMING, Series
from zemanta_ops.stack.statsd import parse

TAGS = {"view": "home", "city": "Zürich"}
VALUES: dict[str, list[Any]] = {
    COUNTER: [1] * 50,
    GAUGE: [1.5] * 50,
    TIMING: [float(number) for number in range(50)],
    HISTOGRAM: list(range(50)),
    SET: [f"member{number}" for number in range(50)],
}


def create_series(kind: str, dialect: str = "influx", tags: dict[str, str] | None = None, every: int = 1) -> Series:
    series = Series(kind, "name", tags or {}, "name", tags or {}, every)
    RENDERERS[dialect](series)
    return series


def texts(series: Series, values: Sequence[Any], limit: int = 1432) -> list[str]:
    return [line.text.decode() for line in encode(series, values, limit) if isinstance(line, Line)]


def _abbreviate(value: object) -> str:
    return repr(value)[:8]


def count(lines: list[Line | Dropped]) -> int:
    return sum(line.samples for line in lines)


@pytest.mark.parametrize("dialect", RENDERERS)
@pytest.mark.parametrize("kind", VALUES)
def test_no_line_is_longer_than_its_limit_and_every_sample_is_counted(kind: str, dialect: str) -> None:
    series = create_series(kind, dialect, TAGS)
    for limit in range(1, 160):
        lines = list(encode(series, VALUES[kind], limit))
        assert all(len(line.text) <= limit for line in lines if isinstance(line, Line))
        assert count(lines) == len(VALUES[kind])
    assert not any(isinstance(line, Dropped) for line in lines)


@pytest.mark.parametrize("kind", [TIMING, HISTOGRAM, SET])
def test_a_line_is_as_full_as_its_limit_allows(kind: str) -> None:
    series = create_series(kind, tags=TAGS)
    head = len(series.head)
    for limit in range(head + 20, 160):
        lines = texts(series, VALUES[kind], limit)
        for line, following in pairwise(lines):
            first = len(following.encode()[head:].split(b":")[1]) + 1
            assert len(line.encode()) + first > limit


@pytest.mark.parametrize("dialect", RENDERERS)
@pytest.mark.parametrize("kind", VALUES)
def test_a_line_that_just_fits_is_sent(kind: str, dialect: str) -> None:
    series, values = create_series(kind, dialect, TAGS), VALUES[kind][:1]
    [line] = encode(series, values, 1432)
    assert isinstance(line, Line)
    assert list(encode(series, values, len(line.text))) == [line]
    assert list(encode(series, values, len(line.text) - 1)) == [Dropped("too_long", 1)]


@pytest.mark.parametrize("dialect", RENDERERS)
@pytest.mark.parametrize("limit", [60, 1432])
def test_a_repeated_member_is_sent_once_and_counted_each_time(dialect: str, limit: int) -> None:
    lines = list(encode(create_series(SET, dialect, TAGS), ["a", "b", "a", "a", "c"], limit))
    sent = [sample.value for line in lines if isinstance(line, Line) for sample in _parse(line, dialect)]
    assert sent == ["a", "b", "c"]
    assert count(lines) == 5


def _parse(line: Line, dialect: str) -> Any:
    return parse(line.text, dogstatsd=dialect == "dogstatsd").samples


def test_repeated_members_that_do_not_fit_are_counted() -> None:
    lines = list(encode(create_series(SET), ["x" * 100] * 3, 50))
    assert all(line.reason == "too_long" for line in lines if isinstance(line, Dropped))
    assert (count(lines), [line for line in lines if isinstance(line, Line)]) == (3, [])


@pytest.mark.parametrize("kind", [TIMING, HISTOGRAM])
@pytest.mark.parametrize("bad", [10**400, -(10**400), math.nan, math.inf, -1.0], ids=_abbreviate)
def test_a_value_that_cannot_be_written_costs_no_other_one(kind: str, bad: Any) -> None:
    lines = list(encode(create_series(kind), [1.0, bad, 2.0], 1432))
    assert Dropped("invalid_value", 1) in lines
    [line] = [line for line in lines if isinstance(line, Line)]
    assert [float(sample.value) for sample in parse(line.text).samples] == [1.0, 2.0]
    assert line.samples == 2


@pytest.mark.parametrize("kind", [TIMING, HISTOGRAM])
def test_a_small_value_is_kept_beside_one_that_cannot_be_written(kind: str) -> None:
    lines = list(encode(create_series(kind), [0.0, 0.5, math.nan, 0.25], 1432))
    [line] = [line for line in lines if isinstance(line, Line)]
    assert [float(sample.value) for sample in parse(line.text).samples] == [0.0, 0.5, 0.25]


@pytest.mark.parametrize("bad", [(10**400,), 10**400, math.nan, (math.inf,)], ids=_abbreviate)
def test_a_gauge_ignores_a_value_that_cannot_be_written(bad: Any) -> None:
    lines = list(encode(create_series(GAUGE), [5.0, bad, (2.0,)], 1432))
    assert lines == [Dropped("invalid_value", 1), Line(b"name:7.0|g", 2)]


@pytest.mark.parametrize(
    ("values", "good"),
    [
        ([INT64], INT64),
        ([-INT64], -INT64),
        ([INT64 + 1, 3], 3),
        ([-INT64 - 10, 3], 3),
        ([INT64, INT64 + 1], INT64),
        ([-INT64, -INT64 - 1], -INT64),
    ],
)
def test_a_counter_is_an_integer_of_64_bits(values: list[int], good: int) -> None:
    assert texts(create_series(COUNTER), values) == [f"name:{good}|c"]


def test_a_sum_beyond_64_bits_is_dropped_and_counted() -> None:
    assert list(encode(create_series(COUNTER), [INT64, INT64], 1432)) == [Dropped("invalid_value", 2)]
    assert list(encode(create_series(COUNTER, every=10), [INT64 // 10 + 1], 1432)) == [Dropped("invalid_value", 1)]


def test_a_sampled_counter_is_scaled_and_a_sampled_timing_carries_its_rate() -> None:
    assert texts(create_series(COUNTER, every=10), [1, 2]) == ["name:30|c"]
    assert texts(create_series(TIMING, every=2), [1.0]) == ["name:1.000|ms|@0.5"]
    assert texts(create_series(TIMING, every=4), [1.0, 2.0]) == ["name:1.000|ms|@0.25:2.000|ms|@0.25"]
    assert texts(create_series(TIMING, "dogstatsd", {"a": "b"}, every=4), [1.0]) == ["name:1.000|ms|@0.25|#a:b"]


def test_a_sampled_timing_counts_as_many_as_it_stands_for() -> None:
    """The agent truncates one divided by the rate: 1/6 with six digits would count 5, and the float 1/93 counts 92."""
    wrong = []
    for every in [*range(2, 2000), 10**6 + 3, 2**40 + 1]:
        [text] = texts(create_series(TIMING, every=every), [1.0])
        [sample] = parse(text).samples
        wrong += [every] if sample.repeat != every else []
    assert wrong == []


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([5, 7], "name:7|g"),
        ([-5], "name:0|g:-5|g"),
        ([0], "name:0|g"),
        ([-0.0], "name:0.0|g"),
        ([(5,), (-7.5,)], "name:-2.5|g"),
        ([(5,)], "name:+5.0|g"),
        ([(100,), 10, (-30,)], "name:0|g:-20.0|g"),
        ([10, (5,), (-5,)], "name:10|g"),
    ],
)
def test_a_gauge_is_its_last_state_or_the_sum_of_its_changes(values: list[Any], text: str) -> None:
    assert list(encode(create_series(GAUGE), values, 1432)) == [Line(text.encode(), len(values))]


def test_a_gauge_whose_changes_overflow_is_dropped_and_counted() -> None:
    assert list(encode(create_series(GAUGE), [(1e308,), (1e308,)], 1432)) == [Dropped("invalid_value", 2)]


def test_an_empty_member_is_dropped_and_counted() -> None:
    assert list(encode(create_series(SET), ["", "a"], 1432)) == [Dropped("invalid_value", 1), Line(b"name:a|s", 1)]


@pytest.mark.parametrize("name", ["", "c"])
def test_a_name_that_cannot_be_sent_is_dropped_and_counted(name: str) -> None:
    series = Series(COUNTER, name, {}, name, {})
    if name:
        RENDERERS["dogstatsd"](series)
    assert list(encode(series, [1, 2], 1432)) == [Dropped("invalid_name", 2)]


def test_tags_are_in_the_name_or_at_the_end() -> None:
    assert texts(create_series(COUNTER, tags=TAGS), [1]) == ["name,view=home,city=Zürich:1|c"]
    assert texts(create_series(COUNTER, "dogstatsd", TAGS), [1]) == ["name:1|c|#view:home,city:Zürich"]
    # Telegraf would cut the last character in two.
    assert texts(create_series(COUNTER, "dogstatsd", {"city": "Malmö"}), [1]) == ["name:1|c|#city:Malmö,"]
    assert texts(create_series(COUNTER, "dogstatsd", {"city": "Malmös"}), [1]) == ["name:1|c|#city:Malmös"]
    assert texts(create_series(COUNTER, "dogstatsd"), [1]) == ["name:1|c"]
