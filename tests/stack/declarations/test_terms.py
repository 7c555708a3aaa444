"""Aggregates, filters, durations, units and names."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable

import pytest

from zemanta_ops.stack.declarations.durations import format_duration, parse_duration
from zemanta_ops.stack.declarations.names import MAX_UID, to_measurement, to_number, to_slug, to_uid
from zemanta_ops.stack.declarations.terms import Term, above, below, last, mean, rate, sum_of, to_regex, total
from zemanta_ops.stack.declarations.units import Unit, find_unit, suggest_unit


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
    assert (narrowed.function, narrowed.metric) == ("rate", "x")
    assert narrowed.filters == {"view": ("home",), "status": ("5*",)}


def test_a_threshold_is_crossed_beyond_its_value_only() -> None:
    assert (above(5).direction, below(5).direction) == ("above", "below")
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


def test_an_aggregate_is_shown_as_it_is_written() -> None:
    assert str(total("n", status=("5*", 404), view="home")) == "total('n', status='5*|404', view='home')"
    assert str(mean("n")) == "mean('n')"
    assert str(last("n") / 2) == "last('n') / 2"


@pytest.mark.parametrize(
    ("make", "function"), [(total, "total"), (rate, "rate"), (mean, "mean"), (last, "last"), (sum_of, "sum_of")]
)
def test_an_aggregate_has_its_function_metric_and_filters(make: Callable[..., Term], function: str) -> None:
    made = make("n", a=1)
    assert (made.function, made.metric, made.filters) == (function, "n", {"a": ("1",)})


def test_two_aggregates_make_an_expression() -> None:
    left, right = total("a"), total("b")
    made = {"/": left / right, "-": left - right, "+": left + right, "*": left * right}
    for operation, expression in made.items():
        assert (expression.operation, expression.left, expression.right) == (operation, left, right)
        assert expression.terms == [left, right]
    assert (left * 2).terms == [left]


@pytest.mark.parametrize("given", [("a", "b"), ["a", "b"], {"a", "b"}, frozenset({"a", "b"})])
def test_several_values_may_be_given_in_any_collection(given: object) -> None:
    assert sorted(total("n", tag=given).filters["tag"]) == ["a", "b"]
    assert list(total("n", b=1, a=2).filters) == ["a", "b"]


def test_characters_that_mean_something_to_a_database_are_escaped() -> None:
    assert to_regex([r"a\^$.|?+()[]{}/-b"]) == r"^a\\\^\$\.\|\?\+\(\)\[\]\{\}\/-b$"
    assert to_regex(["a*b*", "c"]) == "^(a.*b.*|c)$"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59, "59s"), (60, "1m"), (90, "90s"), (3600, "1h"), (86_400, "1d"), (604_800, "7d")],
)
def test_a_duration_is_written_in_its_largest_unit(seconds: int, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("", Unit("short", "")),
        ("ms", Unit("ms", "ms")),
        ("requests", Unit("short", "requests")),
        ("print jobs", Unit("short", "print jobs")),
        ("jobs/s", Unit("cps", "jobs/s")),
        ("requests/s", Unit("reqps", "req/s")),
        ("job", None),
        ("Jobs", None),
        ("seconds", None),
        ("jobs/m", None),
    ],
)
def test_a_unit_has_its_id_and_its_label(name: str, unit: Unit | None) -> None:
    assert find_unit(name) == unit


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("seconds", "s"),
        ("secondss", "s"),
        ("byte", "bytes"),
        ("celsus", "celsius"),
        ("bitts", "bits"),
        ("mins", None),
        ("jobs", None),
        ("xs", None),
    ],
)
def test_a_unit_that_is_nearly_one_is_suggested(name: str, meant: str | None) -> None:
    assert suggest_unit(name) == meant


def test_uids_and_numbers_are_what_they_were() -> None:
    # Grafana knows dashboards and panels by them, so a release must not change them.
    assert to_number("row", "queue") == 0x7FFFFFFF & zlib.crc32(b"row/queue")
    long = to_uid("Shop", "a" * 60)
    whole = "zo-shop-" + "a" * 60
    assert long == f"{whole[:31]}-{zlib.crc32(whole.encode()):08x}"
    assert to_uid("x" * 37) == "zo-" + "x" * 37
    # Cut behind a dash, it has one dash there, not two.
    dashed = "zo-" + "x" * 27 + "-" + "y" * 30
    assert to_uid("x" * 27, "y" * 30) == f"{dashed[:30]}-{zlib.crc32(dashed.encode()):08x}"
    assert to_slug("--Größe, of it--") == "gr-e-of-it"
    assert to_measurement("a.b") == "a_b"
