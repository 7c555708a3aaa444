"""Composites of the recorded day: by hand, by the evaluation, and by the queries of panels, on real databases."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from tests.servers.stores import Store
from tests.servers.victoriametrics import VictoriaMetrics
from tests.stack.evaluation.by_hand import Hand, Key
from tests.stack.evaluation.day import DEPLOY, DEPLOYMENT, HOUR, MISSING, OUTAGE, START, record_day, to_lines
from tests.stack.evaluation.shop import compute_by_hand, declare
from zemanta_ops.stack.declarations import Composite
from zemanta_ops.stack.declarations.durations import DAY
from zemanta_ops.stack.evaluation import Reader, compute_composite, list_spans_between

EVERY = 300
COMPOSITES = declare()
# The quiet night, the deploy, the outage, and the edges of the quarter of an hour without data.
MOMENTS = [3 * HOUR, DEPLOY.start, OUTAGE.start, OUTAGE.end, MISSING.start - EVERY, MISSING.start, MISSING.end]


@pytest.fixture(scope="module")
def hand() -> Hand:
    return Hand(record_day(), EVERY)


@pytest.fixture(scope="module")
def reader(new_any_store: Callable[[], Store]) -> Reader:
    store = new_any_store()
    records = record_day()
    for first in range(0, len(records), 20_000):
        store.write(to_lines(records[first : first + 20_000]))
    if isinstance(store.server, VictoriaMetrics):
        store.server.flush()
    return Reader(store.connect(), DEPLOYMENT)


def compute(reader: Reader, composite: Composite, since: int, until: int) -> dict[int, Mapping[Key, float]]:
    """Return the values by the start of their window, those without a value left out."""
    return {
        span.start: {
            tuple(each.tags.values()): each.value
            for each in compute_composite(reader, composite, span)
            if each.value is not None
        }
        for span in list_spans_between(since, until, EVERY, composite.window_seconds)
    }


@pytest.mark.parametrize("name", COMPOSITES)
def test_what_is_computed_is_what_a_hand_computes(reader: Reader, hand: Hand, name: str) -> None:
    for moment in MOMENTS:
        start = START + moment
        found = compute(reader, COMPOSITES[name], start, start + EVERY)
        assert found == {start: pytest.approx(compute_by_hand(hand, start)[name])}, moment


@pytest.mark.more
@pytest.mark.parametrize("name", COMPOSITES)
def test_what_is_computed_in_every_window_of_the_day_is_what_a_hand_computes(
    reader: Reader, hand: Hand, name: str
) -> None:
    found = compute(reader, COMPOSITES[name], START, START + DAY)
    assert len(found) == DAY // EVERY
    for start, values in found.items():
        assert values == pytest.approx(compute_by_hand(hand, start)[name]), start
