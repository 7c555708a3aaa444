from __future__ import annotations

from typing import Any

import pytest
from django.utils.functional import SimpleLazyObject

from zemanta_ops.metrics.series.tags import (
    MAX_LENGTH,
    UNPRINTABLE,
    clean_key,
    clean_name,
    clean_tags,
    clean_value,
    merge,
)


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("http.request.count", "http.request.count"),
        ("a:b,c|d e\nf", "a_b_c_d_e_f"),
        ("_events", "events"),
        ("__Xerox", "Xerox"),
        ("naïve", "na_ve"),
        (":", ""),
        (12, "12"),
        (None, "None"),
    ],
)
def test_names_keep_only_what_the_agent_keeps(name: object, cleaned: str) -> None:
    assert clean_name(name) == cleaned


@pytest.mark.parametrize(
    ("value", "cleaned"),
    [
        ("app:detail", "app_detail"),
        ("<int:pk>/", "<int_pk>/"),
        ("a,b|c\\d\n\t\x00", "a_b_c_d___"),
        ("a b=c'\"é", "a b=c'\"é"),
        (True, "true"),
        (False, "false"),
        (1.5, "1.5"),
        ("\ud800", "_"),
        (Hostile(), UNPRINTABLE),
    ],
)
def test_values_keep_what_survives_the_wire(value: object, cleaned: str) -> None:
    assert clean_value(value) == cleaned


@pytest.mark.parametrize(
    "character", [*map(chr, (*range(0x20), *range(0x7F, 0xA0))), "\u2028", "\u2029", "\udfff", *",:|\\"]
)
def test_what_ends_a_line_or_a_tag_becomes_an_underscore(character: str) -> None:
    assert clean_value(f"a{character}b") == "a_b"


@pytest.mark.parametrize("character", "  =;!#$%&'()*+-./<>?@[]^`{}~\"\xa0é汉😀")
def test_other_characters_stay(character: str) -> None:
    assert clean_value(f"a{character}b") == f"a{character}b"


def test_blanks_around_a_value_are_removed() -> None:
    assert clean_value("  a b \xa0") == "a b"


def test_a_lazy_object_that_cannot_be_evaluated_is_unprintable() -> None:
    def refuse() -> str:
        raise RuntimeError("on purpose")

    assert clean_value(SimpleLazyObject(refuse)) == "_unprintable"
    assert clean_name(SimpleLazyObject(refuse)) == "unprintable"


def test_long_texts_are_cut() -> None:
    assert len(clean_value("x" * 1000)) == len(clean_name("x" * 1000)) == len(clean_key("x" * 1000)) == MAX_LENGTH


def test_reserved_keys_get_an_underscore() -> None:
    assert [clean_key(key) for key in ("metric_type", "time", "a=b", "")] == ["metric_type_", "time_", "a_b", "_"]


def test_none_and_empty_tags_are_left_out_and_the_rest_is_sorted() -> None:
    assert list(clean_tags({"b": 1, "a": "x", "c": None, "d": ""}).items()) == [("a", "x"), ("b", "1")]


def test_keys_that_become_one_resolve_the_same_way_in_any_order() -> None:
    assert clean_tags({"a b": 1, "a:b": 2}) == clean_tags({"a:b": 2, "a b": 1})


def test_tags_are_in_the_order_of_the_keys_that_are_sent() -> None:
    for pairs in ({"a b": "1", "aA": "2"}, {"aA": "2", "a_b": "1"}):
        assert list(clean_tags(pairs).items()) == [("aA", "2"), ("a_b", "1")]


def test_tags_may_be_pairs() -> None:
    assert clean_tags([("b", 1), ("a", 2), ("c", None)]) == {"a": "2", "b": "1"}


def test_keys_of_one_text_need_no_values_that_can_be_compared() -> None:
    keys: dict[Any, object] = {1: object(), "1": "last"}
    assert clean_tags(keys) == {"1": "last"}


def test_default_tags_follow_and_give_way() -> None:
    assert list(merge({"z": "1", "env": "dev"}, {"env": "prod", "host": "h"}).items()) == [
        ("z", "1"),
        ("env", "dev"),
        ("host", "h"),
    ]
