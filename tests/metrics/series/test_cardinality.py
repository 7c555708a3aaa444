"""Whatever an application emits, the series of a process are bounded, and aggregated."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

import pytest

from tests.metrics.agents import agent, client_of
from zemanta_ops.metrics import catalog
from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.series.cardinality import MAX_RATES, OTHER, OTHER_NAME, Limits, RateGuard, SeriesGuard
from zemanta_ops.metrics.series.series import COUNTER, GAUGE, HISTOGRAM, SET, TIMING
from zemanta_ops.metrics.statsd_adapter import StatsClient
from zemanta_ops.stack.statsd import parse

LIMITS = {"max_names": 20, "max_series": 30, "max_tag_keys": 5, "max_tag_values": 10}


def attack(kind: str, client: Client, number: int) -> None:
    """Emit one sample of an endless kind."""
    if kind == "values":
        client.incr("n", user=f"u{number}")
    elif kind == "numbers":
        client.incr("n", user=number, other=number / 7)
    elif kind == "keys":
        client.incr("n", **{f"k{number}": "v"})
    elif kind == "names":
        client.incr(f"name.{number}")
    elif kind == "names with tags":
        client.timing(f"name.{number}", 1.0, a=number, b="x")
    elif kind == "all at once":
        tags: dict[str, Any] = {f"k{number % 37}": number, "fixed": number % 41}
        client.gauge(f"name.{number % 31}", number, **tags)
    elif kind == "sets of keys":
        client.incr("n", **{f"k{bit}": "v" for bit in range(16) if number >> bit & 1})
    elif kind == "sets of keys with values":
        client.incr("n", **{f"k{bit}": number for bit in range(5) if number >> bit & 1})
    elif kind == "kinds":
        client.emit(ALL[number % 5], f"name.{number % 31}", number, {"a": number % 41, "b": number % 37})
    elif kind == "rates":
        StatsClient(target=client, a=number % 7)._emit(COUNTER, "n", 1, client.rates.admit(number + 1))
    else:
        client.incr("n", a=number % 11, b=number % 13, c=number % 17)


ALL = (COUNTER, GAUGE, TIMING, HISTOGRAM, SET)
KINDS = ["values", "numbers", "keys", "names", "names with tags", "all at once", "combinations"]
KINDS += ["sets of keys", "sets of keys with values", "kinds", "rates"]
# As docs/series.rst has it.
BOUND = (LIMITS["max_names"] + 1) * (LIMITS["max_series"] + len(ALL))


@pytest.mark.parametrize("kind", KINDS)
def test_an_endless_kind_stays_below_the_bound_and_is_aggregated(kind: str) -> None:
    with agent() as listener:
        client = client_of(listener, flush_seconds=3600, **LIMITS)
        for number in range(5_000):
            attack(kind, client, number)
        client.flush()
        parsed = [parse(datagram) for datagram in listener.receive()]
        samples = [each for lines in parsed for each in lines.samples if each.name.startswith(("n", "m", OTHER_NAME))]
        client.close()
    lines = {(each.name, each.kind, tuple(each.tags.items())) for each in samples}
    assert len(lines) <= BOUND
    per_name = Counter(name for name, _, _ in lines)
    assert max(per_name.values()) <= LIMITS["max_series"] + len(ALL)
    if kind not in ("names with tags", "kinds", "rates"):
        # One line a series: a gauge keeps its last value, a counter its sum.
        assert len(samples) == len(lines)
    if samples[0].kind == "c" and kind not in ("kinds", "rates"):
        assert sum(float(each.value) for each in samples) == 5_000


@pytest.mark.parametrize("kind", KINDS)
def test_the_memory_of_the_guard_and_the_client_is_bounded(kind: str) -> None:
    with agent() as listener:
        client = client_of(listener, flush_seconds=3600, **LIMITS)
        for number in range(3_000):
            attack(kind, client, number)
        guard = client._guard
        client.close()
    assert len(guard._series) <= LIMITS["max_names"] + len(catalog.METRICS)
    assert all(len(known) <= LIMITS["max_series"] + len(ALL) for known in guard._series.values())
    assert all(len(keys) <= LIMITS["max_tag_keys"] for keys in guard._values.values())
    assert all(len(each) <= LIMITS["max_tag_values"] for keys in guard._values.values() for each in keys.values())
    # Each rate has series of its own.
    rates = MAX_RATES + 64 if kind == "rates" else 1
    assert len(client._series) <= 2 * BOUND * rates
    assert len(client._caches) <= len(ALL) * rates


def test_each_excess_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    with agent() as listener:
        client = client_of(listener, flush_seconds=3600, **LIMITS)
        for number in range(200):
            client.incr("n", user=number)
            client.incr("m", **{f"k{number}": "v"})
            client.incr(f"name.{number}")
        client.close()
    texts = [record.getMessage() for record in caplog.records]
    assert texts == [
        "Metric m has too many tag keys. Further ones are left out",
        "Metric n has too many values of tag user. Further values become _other",
        f"Too many metric names. Further ones become {OTHER_NAME}",
    ]


def test_what_was_known_before_the_limit_goes_on() -> None:
    guard = SeriesGuard(Limits(names=2, series=2, tag_keys=2, tag_values=2))
    assert guard.admit(COUNTER, "a", {"x": "1"}) == ("a", {"x": "1"}, [])
    assert guard.admit(COUNTER, "b", {}) == ("b", {}, [])
    assert guard.admit(COUNTER, "c", {"x": "1"}) == (OTHER_NAME, {}, [(OTHER_NAME, OTHER)])
    assert guard.admit(COUNTER, "d", {}) == (OTHER_NAME, {}, [])
    assert guard.admit(COUNTER, "a", {"x": "1", "y": "1", "z": "1"}) == ("a", {"x": "1", "y": "1"}, [("a", OTHER)])
    assert guard.admit(COUNTER, "a", {"x": "1"}) == ("a", {"x": "1"}, [])
    assert (
        guard.admit(COUNTER, "a", {"x": "2", "y": "2"}).tags["x"] == OTHER
        or guard.admit(COUNTER, "a", {"x": "1"}).exceeded == []
    )


def test_what_the_client_remembers_of_its_calls_is_bounded_over_all_kinds_and_rates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("zemanta_ops.metrics.client.MAX_CACHED", 200)
    with agent() as listener:
        client = client_of(listener, flush_seconds=3600, **LIMITS)
        for number in range(5_000):
            client.emit(ALL[number % 5], "n", 1, {"text": f"u{number}"}, every=1 << number % 6)
        # A call is remembered as it was given, and as it was cleaned.
        assert sum(map(len, client._caches.values())) <= 202
        client.close()


def test_the_series_beyond_every_limit_has_the_tag_keys_of_the_first_such_call() -> None:
    guard = SeriesGuard(Limits(names=9, series=1, tag_keys=9, tag_values=9))
    assert guard.admit(COUNTER, "a", {"x": "1"}).tags == {"x": "1"}
    assert guard.admit(COUNTER, "a", {"x": "2", "y": "1"}).tags == {"x": OTHER, "y": OTHER}
    assert guard.admit(COUNTER, "a", {"z": "1"}) == ("a", {"x": OTHER, "y": OTHER}, [("a", "z")])
    assert guard.admit(TIMING, "a", {"z": "1"}) == ("a", {"x": OTHER, "y": OTHER}, [])
    assert guard.admit(COUNTER, "a", {"x": "1"}).tags == {"x": "1"}


def test_rates_beyond_the_limit_are_powers_of_two() -> None:
    guard = RateGuard(limit=4)
    assert [guard.admit(each) for each in (0, 1, 7, 1000, 1001, 3, 7, 2**40 + 1)] == [0, 1, 7, 1000, 512, 2, 7, 2**40]


def test_rates_of_none_and_all_are_always_known() -> None:
    guard = RateGuard(limit=2)
    assert [guard.admit(each) for each in (2, 3, 4, 0, 1)] == [2, 2, 4, 0, 1]


@pytest.mark.parametrize("wide", ["a", "z"])
def test_the_tag_with_the_most_values_is_replaced_first(wide: str) -> None:
    guard = SeriesGuard(Limits(names=9, series=4, tag_keys=9, tag_values=3))
    for number in range(4):
        guard.admit(COUNTER, "n", {wide: str(number), "m": "2" if number == 3 else "1"})
    # The fourth value is one too many, so this series is known without it, and no further one fits.
    assert guard.admit(COUNTER, "n", {wide: "0", "m": "2"}).tags == {wide: OTHER, "m": "2"}


def test_the_series_beyond_every_limit_are_those_of_their_name() -> None:
    guard = SeriesGuard(Limits(names=9, series=1, tag_keys=9, tag_values=9))
    for name, key in (("a", "x"), ("b", "y")):
        guard.admit(COUNTER, name, {key: "1"})
        guard.admit(COUNTER, name, {key: "2"})
        assert guard.admit(COUNTER, name, {"z": "3"}).tags == {key: OTHER}
