"""Which spans are computed: whole ones on the grid, half open, once no point of them is missing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zemanta_ops.stack.evaluation import Span, list_spans, list_spans_between

NOON = 1_700_049_600


def test_the_newest_three_spans_end_on_the_grid() -> None:
    assert list_spans(NOON + 25, 60, 300, 20) == [
        Span(NOON - 420, NOON - 120),
        Span(NOON - 360, NOON - 60),
        Span(NOON - 300, NOON),
    ]


@pytest.mark.parametrize(("after", "newest"), [(19.9, NOON - 60), (20.0, NOON), (79.9, NOON)])
def test_a_span_is_computed_once_the_delay_has_passed(after: float, newest: int) -> None:
    assert list_spans(NOON + after, 60, 60, 20)[-1].end == newest


def test_a_back_fill_has_every_span_within_its_limits() -> None:
    spans = list(list_spans_between(NOON + 1, NOON + 240, 60, 120))
    assert spans == [Span(NOON + 60, NOON + 180), Span(NOON + 120, NOON + 240)]
    assert list(list_spans_between(NOON, NOON + 119, 60, 120)) == []


@given(
    now=st.floats(10**9, 2 * 10**9),
    every=st.sampled_from([1, 10, 60, 300, 3600, 86_400]),
    factor=st.integers(1, 10),
    delay=st.floats(0, 1_000),
)
def test_what_runs_once_a_span_computes_each_span_three_times(
    now: float, every: int, factor: int, delay: float
) -> None:
    runs = [list_spans(now + number * every, every, factor * every, delay) for number in range(5)]
    computed = [span for spans in runs for span in spans]
    assert computed.count(runs[2][-1]) == 3
    for number, spans in enumerate(runs):
        assert all(span.end % every == 0 and span.seconds == factor * every for span in spans)
        assert spans[-1].end <= now + number * every - delay < spans[-1].end + every
