from __future__ import annotations

import math
import time

import pytest

from zemanta_ops.stack.databases import Point, line_protocol


@pytest.fixture(autouse=True)
def empty_caches() -> None:
    """Encode anew what an earlier test has encoded."""
    line_protocol._encode_series.cache_clear()
    line_protocol._encode_key.cache_clear()


def test_a_point_becomes_a_line_with_sorted_tags_and_typed_fields() -> None:
    point = Point("disk", {"used": 0.5, "files": 3, "full": False, "note": 'a "b" \\'}, {"z": "1", "a": "2"}, 17)

    assert point.encode() == 'disk,a=2,z=1 used=0.5,files=3i,full=f,note="a \\"b\\" \\\\" 17'


def test_what_separates_is_escaped() -> None:
    point = Point("a b,c", {"f = g": 1}, {"t,1": "x y=z"}, 1)

    assert point.encode() == r"a\ b\,c,t\,1=x\ y\=z f\ \=\ g=1i 1"


def test_a_point_has_its_time_from_when_it_was_made() -> None:
    before = time.time_ns()
    point = Point("a", {"f": 1})
    after = time.time_ns()

    assert before <= point.time_ns <= after
    assert [point.encode(), point.encode()] == [f"a f=1i {point.time_ns}"] * 2


def test_both_ends_of_64_bits_and_both_truths_are_written() -> None:
    point = Point("a", {"least": -(2**63), "most": 2**63 - 1, "yes": True, "no": False}, time_ns=1)

    assert point.encode() == f"a least={-(2**63)}i,most={2**63 - 1}i,yes=t,no=f 1"


def test_empty_tags_are_left_out() -> None:
    assert Point("a", {"f": 1}, {"t": ""}, 1).encode() == "a f=1i 1"


@pytest.mark.parametrize(
    ("point", "words"),
    [
        (Point("", {"f": 1}), "^a point needs a measurement and a field$"),
        (Point("a", {}), "^a point needs a measurement and a field$"),
        (Point("a", {"f": math.nan}), "field 'f' is nan"),
        (Point("a", {"f": math.inf}), "field 'f' is inf"),
        (Point("a", {"f": 2**63}), "64 bits"),
        (Point("a", {"f": -(2**63) - 1}), "64 bits"),
        (Point("a\nb", {"f": 1}), "newline"),
        (Point("a", {"f": 1}, {"t": "x\\"}), "backslash"),
        (Point("a", {"f": 1}, {"": "x"}), "empty"),
    ],
)
def test_what_the_line_protocol_cannot_carry_is_refused_in_words(point: Point, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        point.encode()
