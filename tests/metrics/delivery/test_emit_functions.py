"""The functions called most: what the cache knows goes straight into the queue, all else takes the long way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from zemanta_ops.metrics.delivery.emit_functions import Find, make_gauge, make_incr, make_timing
from zemanta_ops.metrics.delivery.queue import Put, Queue
from zemanta_ops.metrics.series.cache import SeriesCache
from zemanta_ops.metrics.series.series import Series

MAKERS: dict[str, Any] = {"c": make_incr, "g": make_gauge, "ms": make_timing}
kinds = pytest.mark.parametrize("kind", MAKERS)
# A second look for every way to call, by none, one and several tags.
TAGS: list[dict[str, str]] = [{}, {"a": "1"}, {"a": "1", "b": "2"}, {"a": "1", "b": "2", "c": "3"}]


class Caller:
    """An emit function over a queue and a cache of its own; it notes what is found and put the long way."""

    def __init__(self, kind: str, room: int = 10) -> None:
        self.queue = Queue([1])
        self.queue.room[0] = room
        self.cache = SeriesCache()
        self.found: list[tuple[str, Any, dict[str, Any]]] = []
        self.put: list[tuple[Series, Any]] = []
        find: Find = self._find
        put: Put = lambda series, value: self.put.append((series, value))  # noqa: E731
        self.emit = MAKERS[kind](self.queue, self.cache, find, put)

    def _find(self, kind: str, name: Any, tags: Mapping[str, Any]) -> Series:
        self.found.append((kind, name, dict(tags)))
        return Series(kind, name, dict(tags), name, dict(tags))

    def know(self, kind: str, name: str, tags: dict[str, str]) -> Series:
        """Let the cache answer for a series, and return it."""
        series = Series(kind, name, tags, name, tags)
        self.cache.add(name, tags, series)
        return series


@kinds
@pytest.mark.parametrize("tags", TAGS)
def test_a_known_series_goes_into_the_queue_without_another_call(kind: str, tags: dict[str, str]) -> None:
    caller = Caller(kind)
    series = [caller.know(kind, "n", each) for each in TAGS]
    caller.emit("n", 2 if kind == "c" else 2.0, **tags)
    sent = 2000.0 if kind == "ms" else 2
    assert caller.queue.entries == [(series[len(tags)], sent)]
    assert (caller.found, caller.put) == ([], [])


@kinds
@pytest.mark.parametrize("tags", TAGS)
def test_an_unknown_series_is_found_by_name_and_tags(kind: str, tags: dict[str, str]) -> None:
    caller = Caller(kind)
    for known in TAGS:
        caller.know(kind, "another", known)
    caller.emit("n", 2 if kind == "c" else 2.0, **tags)
    assert caller.found == [(kind, "n", tags)]
    assert [(series.name, value) for series, value in caller.queue.entries] == [("n", 2000.0 if kind == "ms" else 2)]


@kinds
def test_a_tag_that_cannot_be_hashed_is_left_to_the_long_way(kind: str) -> None:
    caller = Caller(kind)
    caller.know(kind, "n", {"a": "1"})
    caller.emit("n", 2.0, a=[1])
    assert caller.found == [(kind, "n", {"a": [1]})]


@kinds
@pytest.mark.parametrize(("waiting", "queued"), [(9, True), (10, False), (11, False)])
def test_a_queue_without_room_takes_the_long_way(kind: str, waiting: int, queued: bool) -> None:
    caller = Caller(kind)
    series = caller.know(kind, "n", {})
    caller.queue.entries += [(series, 0)] * waiting
    caller.emit("n", 2 if kind == "c" else 2.0)
    assert len(caller.queue.entries) == waiting + queued
    assert caller.put == ([] if queued else [(series, 2000.0 if kind == "ms" else 2)])


@kinds
def test_without_a_flusher_the_long_way_starts_one(kind: str) -> None:
    caller = Caller(kind)
    series = caller.know(kind, "n", {})
    caller.queue.mark[0] = 0
    caller.emit("n", 2 if kind == "c" else 2.0)
    assert (caller.queue.entries, caller.put) == ([], [(series, 2000.0 if kind == "ms" else 2)])


@pytest.mark.parametrize(
    ("kind", "value", "sent"),
    [
        ("c", "3", 3.0),
        ("c", 2.5, 2.5),
        ("c", True, 1.0),
        ("ms", "0.5", 500.0),
        ("ms", 2, 2000.0),
        ("ms", timedelta(seconds=1.5), 1500.0),
    ],
)
def test_a_value_of_another_type_is_converted_on_the_long_way(kind: str, value: Any, sent: float) -> None:
    caller = Caller(kind)
    series = caller.know(kind, "n", {})
    caller.emit("n", value)
    assert (caller.queue.entries, caller.put) == ([], [(series, sent)])


@pytest.mark.parametrize(
    ("value", "sent"), [(3, 3), (2.5, 2.5), ("4", 4.0), (True, 1.0), (None, "nan"), (10**400, 10**400)]
)
@pytest.mark.parametrize("delta", [{}, {"delta": False}, {"delta": True}])
def test_a_gauge_queues_numbers_as_they_are_and_a_change_in_a_tuple(value: Any, sent: Any, delta: Any) -> None:
    caller = Caller("g")
    series = caller.know("g", "n", {})
    caller.emit("n", value, **delta)
    queued, result = caller.queue.entries.pop()
    assert caller.queue.entries == []
    number = result[0] if delta.get("delta") else result
    assert queued is series
    assert (str(number), type(number)) == (str(sent), float) if sent == "nan" else number == sent
    assert type(number) in (int, float)


@pytest.mark.parametrize(
    ("kind", "given", "sent"),
    [
        ("c", {}, 1),
        ("c", {"count": 5}, 5),
        ("c", {"value": 6}, 6),
        ("c", {"count": 5, "value": 6}, 5),
        ("g", {"value": 7}, 7),
        ("ms", {"seconds": 0.5}, 500.0),
        ("ms", {"value": 0.25}, 250.0),
        ("ms", {"seconds": 0.5, "value": 0.25}, 500.0),
    ],
)
def test_a_value_by_keyword_is_the_value_if_the_series_is_unknown(
    kind: str, given: dict[str, Any], sent: float
) -> None:
    caller = Caller(kind)
    caller.emit("n", **given, a="1")
    series, value = (caller.queue.entries + caller.put)[0]
    assert (series.name, value) == ("n", sent)
    [(_, _, tags)] = caller.found
    taken = next(iter(given), None)
    assert tags == {"a": "1", **{name: each for name, each in given.items() if name != taken}}


@pytest.mark.parametrize(
    ("kind", "names"), [("c", ("count", "value")), ("g", ("value",)), ("ms", ("seconds", "value"))]
)
def test_a_keyword_beside_a_value_is_a_tag(kind: str, names: tuple[str, ...]) -> None:
    for name in names:
        caller = Caller(kind)
        caller.emit("n", 2, **{name: "x"})
        assert caller.found == [(kind, "n", {name: "x"})]


def test_a_known_counter_without_a_count_gets_one() -> None:
    caller = Caller("c")
    series = caller.know("c", "n", {"a": "1"})
    caller.emit("n", a="1")
    assert caller.queue.entries == [(series, 1)]


def test_a_duration_of_nothing_has_no_sign() -> None:
    caller = Caller("ms")
    caller.know("ms", "n", {})
    caller.emit("n", -0.0)
    assert str(caller.queue.entries[0][1]) == "0.0"
