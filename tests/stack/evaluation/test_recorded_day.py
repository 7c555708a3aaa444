"""Composites of the recorded day: by hand, by the evaluation, and by the queries of panels, on real databases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from tests.servers.stores import Store
from tests.servers.victoriametrics import VictoriaMetrics
from tests.stack.evaluation.by_hand import Hand, Key
from tests.stack.evaluation.day import (
    DEATH,
    DEPLOY,
    DEPLOYMENT,
    HOUR,
    INTERVAL,
    MISSING,
    OUTAGE,
    START,
    record_day,
    to_lines,
)
from tests.stack.evaluation.shop import compute_by_hand, declare, sum_cores
from zemanta_ops.stack.charts.interpolation import Choice, Window
from zemanta_ops.stack.charts.results import run_panel
from zemanta_ops.stack.declarations import Composite, Declarations, Objective, isolate, rate, sum_of, total
from zemanta_ops.stack.declarations.durations import DAY, parse_duration
from zemanta_ops.stack.evaluation import Reader, compute_composite, list_spans_between
from zemanta_ops.stack.evaluation.writing import CompositeWriter
from zemanta_ops.stack.generate.grafana.dashboards.common import draw_composite, draw_metric
from zemanta_ops.stack.generate.grafana.panels import Panel, render_panel
from zemanta_ops.stack.generate.grafana.sources import Sources

EVERY = 300
COMPOSITES = declare()
# The quiet night, the deploy, the outage, the death of a host, and the edges of the quarter of an hour without data.
MOMENTS = [3 * HOUR, DEPLOY.start, OUTAGE.start, OUTAGE.end, DEATH.start - EVERY, DEATH.start, DEATH.start + EVERY]
MOMENTS += [MISSING.start - EVERY, MISSING.start, MISSING.end]
PER_CORE = ["shop.requests_per_core", "shop.requests_per_core_of_cluster"]


@pytest.fixture(scope="module")
def hand() -> Hand:
    return Hand(record_day(), EVERY)


@pytest.fixture(scope="module")
def store(new_any_store: Callable[[], Store]) -> Store:
    """Return a store that has the day."""
    store = new_any_store()
    records = record_day()
    for first in range(0, len(records), 20_000):
        store.write(to_lines(records[first : first + 20_000]))
    flush(store)
    return store


@pytest.fixture(scope="module")
def reader(store: Store) -> Reader:
    return Reader(store.connect(), DEPLOYMENT)


def flush(store: Store) -> None:
    """Make visible what was written."""
    if isinstance(store.server, VictoriaMetrics):
        store.server.flush()


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


def draw(reader: Reader, panel: Panel, since: int, until: int) -> dict[int, dict[Key, float]]:
    """Return what a panel draws, by the start of its intervals."""
    language = reader.database.language
    rendered = render_panel(panel, "day", (0, 0), language, f"{INTERVAL}s")
    # In PromQL an interval has the time of its end.
    late = parse_duration(rendered["interval"]) if language == "promql" else 0
    window = Window((since + late) * 1_000, (until + late) * 1_000 - 1)
    found: dict[int, dict[Key, float]] = {}
    for line in run_panel(rendered, reader.database, window, Choice({}, reader.database.bucket)).lines:
        for moment, number in line.points:
            if number is not None:
                found.setdefault(moment // 1_000 - late, {})[tuple(line.labels.values())] = number
    return found


def build_sources(reader: Reader, *objectives: Objective) -> Sources:
    composites = list(COMPOSITES.values())
    declared = Declarations(composites=composites, objectives=list(objectives))
    return Sources(declared, DEPLOYMENT, "shop", reader.database.labels)


def expect(hand: Hand, name: str, since: int, until: int) -> dict[int, object]:
    """Return what a panel draws of a composite; an interval without values is a gap."""
    values = {start: compute_by_hand(hand, start)[name] for start in range(since, until, EVERY)}
    return {start: pytest.approx(each) for start, each in values.items() if each}


def test_a_panel_draws_what_a_hand_computes_in_every_window_of_the_day(reader: Reader, hand: Hand) -> None:
    panel = draw_composite(build_sources(reader), COMPOSITES["shop.error_ratio"])
    expected = expect(hand, "shop.error_ratio", START, START + DAY)
    assert 150 < len(expected) < DAY // EVERY
    assert draw(reader, panel, START, START + DAY) == expected


@pytest.mark.parametrize(
    ("first", "last"),
    [(MISSING.start - HOUR, MISSING.end + HOUR), pytest.param(0, MISSING.start - HOUR, marks=pytest.mark.more)],
    ids=["around missing data", "the day before"],
)
@pytest.mark.parametrize("name", PER_CORE)
def test_a_panel_draws_what_was_written_back(
    store: Store, reader: Reader, hand: Hand, name: str, first: int, last: int
) -> None:
    composite = COMPOSITES[name]
    since, until = START + first, START + last
    [*steps] = CompositeWriter(reader, [composite]).fill_back(since, until, START + DAY)
    assert not any(result.error for _, results in steps for result in results)
    flush(store)
    found = draw(reader, draw_composite(build_sources(reader), composite), since, until)
    assert found == expect(hand, composite.name, since, until)


def test_a_panel_draws_the_sum_over_hosts_while_they_live(reader: Reader, hand: Hand) -> None:
    since, until = START + DEATH.start - HOUR, START + MISSING.end + HOUR
    panel = draw_metric(build_sources(reader), sum_of("cpu.cores"), "Cores", ("cluster",))
    expected = {start: each for start in range(since, until, EVERY) if (each := sum_cores(hand, start))}
    assert [each["west",] for each in expected.values()] == [12.0] * 13 + [4.0] * 36
    assert draw(reader, replace(panel, interval="5m"), since, until) == expected


def test_the_minimum_of_a_rate_is_one_per_second_in_panels_too(reader: Reader) -> None:
    requests, failed = "http.request.count", {"status": "5*"}
    with isolate():
        composite = Composite(
            "shop.failed",
            numerator=rate(requests, **failed),
            denominator=rate(requests),
            min_denominator=0.5,
            every="5m",
        )
    since, until = START + 5 * HOUR, START + 9 * HOUR
    computed = {start: values for start, values in compute(reader, composite, since, until).items() if values}
    assert 0 < len(computed) < 4 * HOUR // EVERY
    drawn = draw(reader, draw_composite(build_sources(reader), composite), since, until)
    assert drawn == {start: pytest.approx(values) for start, values in computed.items()}


def test_windows_that_overlap_are_what_a_hand_computes(reader: Reader) -> None:
    with isolate():
        composite = Composite("shop.requests", value=total("http.request.count"), every="5m", window="15m")
    since = START + OUTAGE.start
    found = [
        (span.start, each.value)
        for span in list_spans_between(since, since + HOUR, EVERY, composite.window_seconds)
        for each in compute_composite(reader, composite, span)
    ]
    sums = Hand(record_day(), EVERY)
    expected = [
        (start, sum(sums.total("http_request_count", start + part, ())[()] for part in range(0, 3 * EVERY, EVERY)))
        for start in range(since, since + HOUR - 2 * EVERY, EVERY)
    ]
    assert found == expected
