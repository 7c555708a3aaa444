"""What the encoder writes the parser reads back, whatever the caller gives."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.delivery.batch import DeliveryCounts, pack
from zemanta_ops.metrics.delivery.statsd_writer import CONTAINER_FIELD
from zemanta_ops.metrics.options import Options
from zemanta_ops.metrics.series.series import COUNTER, GAUGE, HISTOGRAM, KIND_NAMES, SET, TIMING
from zemanta_ops.metrics.series.tags import clean_name, clean_tags
from zemanta_ops.metrics.series.values import to_member, to_number
from zemanta_ops.stack.statsd import parse


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __hash__ = None  # type: ignore[assignment]


texts = st.text(st.characters(codec=None, exclude_categories=()), max_size=30)
numbers = st.one_of(st.integers(), st.floats(), st.booleans(), st.decimals(), st.just(10**400))
anything = st.one_of(texts, numbers, st.none(), st.builds(Hostile), st.lists(st.integers(), max_size=2))
tag_sets = st.dictionaries(texts, anything, max_size=5)


def emitted(kind: str, name: Any, value: Any, tags: dict[str, Any], dialect: str) -> tuple[list[Any], dict[str, int]]:
    """Emit one call; return the samples that the parser reads and the drops that were counted."""
    client = Client(Options(host_tag="web-1", dialect=dialect, datagram_bytes=8192))
    batch: list[Any] = []
    with client.capture(lambda series, given: batch.append((series, given))):
        client.emit(kind, name, value, tags)
    counts = DeliveryCounts()
    packets = pack(batch, 8192, counts)
    parsed = [parse(packet, dogstatsd=dialect == "dogstatsd") for packet, _ in packets]
    assert not any(part.rejected for part in parsed)
    assert sum(samples for _, samples in packets) + sum(counts.dropped.values()) == 1
    return [sample for part in parsed for sample in part.samples], counts.dropped


@pytest.mark.parametrize("dialect", ["influx", "dogstatsd"])
@given(name=st.one_of(texts, anything), tags=tag_sets)
@example(name="c", tags={})
def test_tags_come_back_as_the_documented_sanitised_input(dialect: str, name: Any, tags: dict[str, Any]) -> None:
    samples, dropped = emitted(COUNTER, name, 1, tags, dialect)
    if not clean_name(name) or (dialect == "dogstatsd" and clean_name(name) == CONTAINER_FIELD):
        assert (samples, dropped) == ([], {"invalid_name": 1})
        return
    (sample,) = samples
    expected = {"host": "web-1", **clean_tags(tags)}
    assert (sample.name, sample.value, sample.tags) == (clean_name(name), 1, expected)


@given(value=anything)
def test_a_counter_is_cut_to_an_integer_or_counted_as_dropped(value: Any) -> None:
    samples, dropped = emitted(COUNTER, "n", value, {}, "influx")
    expected = to_number(value)
    if not -(2**63) < expected < 2**63:
        assert (samples, dropped) == ([], {"invalid_value": 1})
    else:
        assert [sample.value for sample in samples] == [int(expected)]


@given(value=anything, delta=st.booleans())
def test_a_gauge_reaches_the_agent_with_its_value(value: Any, delta: bool) -> None:
    expected = to_number(value)
    samples, dropped = emitted(GAUGE, "n", (expected,) if delta else expected, {}, "influx")
    if not abs(expected) < 2**1024:
        assert (samples, dropped) == ([], {"invalid_value": 1})
        return
    state = 0.0
    for sample in samples:
        state = state + sample.value if sample.delta else sample.value
    assert state == pytest.approx(float(expected), rel=1e-15)
    assert samples[0].delta is delta


@pytest.mark.parametrize("kind", [TIMING, HISTOGRAM])
@given(value=st.one_of(anything, st.floats(min_value=0, max_value=1e9)))
def test_a_timing_keeps_its_microseconds_or_is_counted_as_dropped(kind: str, value: Any) -> None:
    samples, dropped = emitted(kind, "n", value, {}, "influx")
    expected = to_number(value)
    if not 0 <= expected < 2**1024:
        assert (samples, dropped) == ([], {"invalid_value": 1})
    else:
        (sample,) = samples
        assert sample.kind_name == KIND_NAMES[kind]
        assert sample.value == pytest.approx(float(expected), abs=0.00051, rel=1e-14)


@given(value=anything)
def test_a_set_member_comes_back_as_the_documented_text(value: Any) -> None:
    samples, dropped = emitted(SET, "n", value, {}, "influx")
    if to_member(value):
        assert [sample.value for sample in samples] == [to_member(value)]
    else:
        assert (samples, dropped) == ([], {"invalid_value": 1})


def test_decimals_are_numbers() -> None:
    assert emitted(GAUGE, "n", Decimal("1.5"), {}, "influx")[0][0].value == 1.5
