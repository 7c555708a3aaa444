"""Aggregates, filters, durations, units and names."""

from __future__ import annotations

import re

import pytest

from zemanta_ops.stack.declarations.durations import format_duration, parse_duration
from zemanta_ops.stack.declarations.names import MAX_UID, to_measurement, to_number, to_uid
from zemanta_ops.stack.declarations.terms import above, below, rate, to_regex, total
from zemanta_ops.stack.declarations.units import find_unit, suggest_unit


@pytest.mark.parametrize(
    ("pattern", "matches", "others"),
    [
        ("5*", ["500", "503"], ["200", "1500"]),
        ("shop_checkout", ["shop_checkout"], ["shop_checkout2", "xshop_checkout"]),
        ("a.b", ["a.b"], ["axb"]),
        ("/api/(old)[1]+", ["/api/(old)[1]+"], ["/api/old1"]),
        ("*", ["", "anything at all"], []),
        ("GET|POST", ["GET_POST"], ["GET", "POST"]),
    ],
)
def test_a_filter_matches_the_whole_value_with_stars_for_any_text(
    pattern: str, matches: list[str], others: list[str]
) -> None:
    regex = to_regex(total("x", tag=pattern).filters["tag"])
    assert all(re.search(regex, text) for text in matches)
    assert not any(re.search(regex, text) for text in others)


def test_a_filter_may_name_several_values_as_texts_or_numbers() -> None:
    regex = to_regex(total("x", status=(404, "5*")).filters["status"])
    assert regex == r"^(404|5.*)$"


def test_a_filter_is_written_as_the_tag_is() -> None:
    assert total("x", view="shop:checkout").filters == {"view": ("shop_checkout",)}


def test_narrowing_adds_filters_and_keeps_the_rest() -> None:
    narrowed = rate("x", view="home").narrow({"status": "5*"})
    assert (narrowed.function, narrowed.filters) == ("rate", {"view": ("home",), "status": ("5*",)})


def test_a_threshold_is_crossed_beyond_its_value_only() -> None:
    assert above(5).is_crossed_by(5.1) and not above(5).is_crossed_by(5)
    assert below(5).is_crossed_by(4.9) and not below(5).is_crossed_by(5)


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("5m", 300), ("2h", 7200), ("30d", 2_592_000)])
def test_a_duration_is_read_and_written_back(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds
    assert format_duration(seconds) == text


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "1.5h", "-5m", "5M", 5, None, "5m\n"])
def test_anything_else_is_not_a_duration(text: object) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


@pytest.mark.parametrize("unit", ["ms", "ratio", "jobs", "requests/s", "print jobs", "", "bytes", "nonce"])
def test_measured_units_and_plural_nouns_are_units(unit: str) -> None:
    assert find_unit(unit) is not None


@pytest.mark.parametrize(("wrong", "right"), [("milisecond", "ms"), ("percents", "percent"), ("byte", "bytes")])
def test_a_misspelt_unit_is_not_taken_for_a_noun(wrong: str, right: str) -> None:
    assert find_unit(wrong) is None
    assert suggest_unit(wrong) == right


def test_names_depend_on_nothing_but_the_name() -> None:
    assert to_measurement("jobs.waiting", "shop") == "shop_jobs_waiting"
    assert 0 < to_number("row", "queue") == to_number("row", "queue") < 2**31
    assert to_uid("Shop", "Overview!") == "zo-shop-overview"


def test_a_long_uid_is_cut_and_stays_its_own() -> None:
    one, other = to_uid("x" * 60, "a"), to_uid("x" * 60, "b")
    assert one != other
    assert max(len(one), len(other)) <= MAX_UID
