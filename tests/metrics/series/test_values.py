"""Whatever a caller gives as a value becomes a number or a text that the agent accepts."""

from __future__ import annotations

import math
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from zemanta_ops.metrics.series.values import take_keyword, to_member, to_milliseconds, to_number, unwrap_tuple


class Refusing:
    """An object whose code fails."""

    def __float__(self) -> float:
        raise RuntimeError("on purpose")


@pytest.mark.parametrize(
    ("value", "member"),
    [("anna", "anna"), ("-anna", "_anna"), ("+1", "_1"), ("--", "_-"), ("", ""), (None, ""), (7, "7"), (-7, "_7")],
)
def test_a_member_has_no_sign(value: object, member: str) -> None:
    assert to_member(value) == member


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (5, 5),
        (10**400, 10**400),
        (2.5, 2.5),
        ("2.5", 2.5),
        (True, 1.0),
        (Decimal("1.5"), 1.5),
        (Fraction(1, 4), 0.25),
    ],
)
def test_a_number_is_kept_and_its_text_is_read(value: object, number: float) -> None:
    assert to_number(value) == number
    assert type(to_number(value)) in (int, float)


@pytest.mark.parametrize("value", [None, "", "x", [], object(), 1j, Refusing()])
def test_anything_else_is_not_a_number(value: object) -> None:
    assert math.isnan(to_number(value))
    assert math.isnan(to_milliseconds(value))


@pytest.mark.parametrize(
    ("value", "milliseconds"), [(1.5, 1500.0), (2, 2000.0), ("0.5", 500.0), (timedelta(minutes=1), 60_000.0), (0, 0.0)]
)
def test_a_duration_is_in_milliseconds(value: object, milliseconds: float) -> None:
    assert to_milliseconds(value) == milliseconds


def test_a_duration_that_no_float_can_hold_is_not_a_number() -> None:
    assert math.isnan(to_milliseconds(10**400))
    assert math.copysign(1, to_milliseconds(-0.0)) == 1


@pytest.mark.parametrize(
    ("value", "item"), [(("a",), "a"), ((), ()), (("a", "b"), ("a", "b")), ("a", "a"), (None, None)]
)
def test_only_a_tuple_of_one_is_unwrapped(value: object, item: object) -> None:
    assert unwrap_tuple(value) == item


def test_the_first_of_several_keywords_is_taken_and_the_others_stay() -> None:
    tags = {"value": 1, "count": None, "plan": "pro"}
    assert take_keyword(tags, 5, "count", "value") is None
    assert tags == {"value": 1, "plan": "pro"}
    assert take_keyword(tags, 5, "seconds") == 5
