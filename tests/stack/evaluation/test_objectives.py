"""Burn rates and budgets of the recorded day, against a hand computation; little traffic calls nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.servers.influxdb1 import InfluxDB1
from tests.servers.stores import Store
from tests.servers.victoriametrics import VictoriaMetrics
from tests.stack.evaluation.by_hand import Hand
from tests.stack.evaluation.day import DEPLOYMENT, HOUR, MINUTE, OUTAGE, SLOW, START, record_day, to_lines
from zemanta_ops.stack.charts.interpolation import Choice, Window
from zemanta_ops.stack.charts.results import run_panel
from zemanta_ops.stack.databases import connect
from zemanta_ops.stack.declarations import Declarations, Objective, isolate, total
from zemanta_ops.stack.declarations.durations import DAY, parse_duration
from zemanta_ops.stack.evaluation import Reader, compute_burn_rates
from zemanta_ops.stack.evaluation.objectives import BURN_SPANS, compute_budget
from zemanta_ops.stack.generate.grafana.dashboards.objectives import draw_objective
from zemanta_ops.stack.generate.grafana.panels import Panel, render_panel
from zemanta_ops.stack.generate.grafana.sources import Sources

REQUESTS = total("http.request.count")


def declare(**given: Any) -> Objective:
    with isolate():
        return Objective("checkout", **{"total": REQUESTS, "target": 0.99, "min_events": 50, **given})


AVAILABLE = declare(total=total("http.request.count", view="checkout"), bad={"status": "5*"})
FAST = declare(total=total("http.request.count", view="checkout"), within=500, target=0.9)
# The events that count as bad are of another metric.
QUERIES = declare(bad=total("db.query.duration"), target=0.5)


@pytest.fixture(scope="module")
def hand() -> Hand:
    return Hand(record_day(), MINUTE)


@pytest.fixture(scope="module")
def reader(new_any_store: Callable[[], Store]) -> Reader:
    store = new_any_store()
    store.write(to_lines([each for each in record_day() if each.point.measurement != "http_request_duration"]))
    if isinstance(store.server, VictoriaMetrics):
        store.server.flush()
    return Reader(store.connect(), DEPLOYMENT)


def count(hand: Hand, objective: Objective, start: int, end: int) -> tuple[float, float]:
    """Return all events and the bad ones, minute by minute."""

    def add(measurement: str, wanted: Callable[[Mapping[str, str]], bool], field: str = "value") -> float:
        return sum(
            hand.total(measurement, minute, (), wanted, field).get((), 0) for minute in range(start, end, MINUTE)
        )

    if objective is FAST:
        every = add("http_request_bucket", lambda tags: tags["le"] == "+Inf")
        return every, every - add("http_request_bucket", lambda tags: tags["le"] == "500")
    if objective is QUERIES:
        return add("http_request_count", lambda _: True), add("db_query_duration", lambda _: True, "count")
    mine = add("http_request_count", lambda tags: tags["view"] == "checkout")
    return mine, add("http_request_count", lambda tags: tags["view"] == "checkout" and tags["status"] == "500")


MOMENTS = {"at night": 3 * HOUR, "in the outage": OUTAGE.end, "while it is slow": SLOW.end, "at noon": 12 * HOUR}


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=list(MOMENTS))
@pytest.mark.parametrize("objective", [AVAILABLE, FAST, QUERIES], ids=["available", "fast", "two metrics"])
def test_burn_rates_are_what_a_hand_computes(reader: Reader, hand: Hand, objective: Objective, moment: int) -> None:
    end = START + moment
    rates = compute_burn_rates(reader, objective, end + reader.find_delay(objective.terms))
    assert [(each.severity, each.long.span.seconds, each.short.span.seconds, each.factor) for each in rates] == list(
        BURN_SPANS
    )
    for rate in rates:
        for found, burn in ((rate.long, rate.long_burn), (rate.short, rate.short_burn)):
            assert found.span.end == end
            every, bad = count(hand, objective, max(found.span.start, START), end)
            assert (found.total, found.bad) == (every, bad)
            expected = bad / every / (1 - objective.target) if every >= objective.min_events else None
            assert burn == (None if expected is None else pytest.approx(expected))


def test_an_outage_pages_and_a_quiet_night_does_not(reader: Reader) -> None:
    def find(objective: Objective, moment: int) -> list[tuple[str, float]]:
        rates = compute_burn_rates(reader, objective, START + moment + reader.find_delay(objective.terms))
        return [(each.severity, each.factor) for each in rates if each.is_burning]

    assert ("page", 14.4) in find(AVAILABLE, OUTAGE.end)
    assert find(AVAILABLE, 3 * HOUR) == find(AVAILABLE, 12 * HOUR) == []
    # Once it is over, the long window alone still burns, and that calls nobody.
    over = OUTAGE.end + 20 * MINUTE
    [first, *_] = compute_burn_rates(reader, AVAILABLE, START + over + reader.find_delay(AVAILABLE.terms))
    assert (first.severity, first.is_burning) == ("page", False)
    assert (first.long_burn or 0) > first.factor > (first.short_burn or 0)
    # An hour later what is left is a matter for office hours.
    assert {severity for severity, _ in find(AVAILABLE, OUTAGE.end + HOUR)} <= {"ticket"}


def test_the_budget_is_what_a_hand_computes(reader: Reader, hand: Hand) -> None:
    objective = declare(total=AVAILABLE.total, bad={"status": "5*"}, period="7d")
    end = START + 20 * HOUR
    budget = compute_budget(reader, objective, end + reader.find_delay(objective.terms))
    every, bad = count(hand, AVAILABLE, START, end)
    assert (budget.period.total, budget.period.bad) == (every, bad)
    assert budget.left == pytest.approx(1 - bad / every / 0.01)
    assert budget.today_burn == pytest.approx(bad / every / 0.01)
    assert budget.seconds_left == 0


def test_a_budget_runs_out_at_the_rate_of_the_last_day(influxdb1: InfluxDB1, database: str) -> None:
    """1,000 events a day: 10 of them bad in each of nine days, and 20 on the tenth; the objective allows 20."""
    reader = Reader(connect(influxdb1.url, database=database), DEPLOYMENT)
    tags = "http_request_count,env=production,app=shop,view=a"
    lines = [
        f"{tags},status={status} value={number} {(START + day * DAY + 60) * 10**9}"
        for day in range(10)
        for status, number in (("500", 20 if day == 9 else 10), ("200", 980 if day == 9 else 990))
    ]
    influxdb1.write("\n".join(lines), database)
    objective = declare(bad={"status": "5*"}, target=0.98, period="10d")
    now = START + 10 * DAY + 60 + 1
    budget = compute_budget(reader, objective, now)
    assert (budget.period.total, budget.period.bad) == (10_000, 110)
    assert budget.today_burn == pytest.approx(1)
    assert budget.left == pytest.approx(1 - 110 / 200)
    assert budget.seconds_left == pytest.approx(0.45 * 10 * DAY)
    nothing = compute_budget(reader, objective, now + 30 * DAY)
    assert (nothing.left, nothing.today_burn, nothing.seconds_left) == (None, None, None)
    calm = compute_budget(reader, objective, now + 5 * DAY)
    assert (calm.today_burn, calm.seconds_left) == (None, None)


def test_a_day_of_little_traffic_pages_nobody(influxdb1: InfluxDB1, database: str) -> None:
    """A request every ten minutes, of which each third fails: an error ratio that would page, of too few events."""
    tags = "http_request_count,env=production,app=shop,view=a"
    lines = [
        f"{tags},status={'500' if number % 3 == 0 else '200'} value=1 {(START + number * 600) * 10**9}"
        for number in range(1, DAY // 600)
    ]
    influxdb1.write("\n".join(lines), database)
    reader = Reader(connect(influxdb1.url, database=database), DEPLOYMENT)
    few, any_number = declare(bad={"status": "5*"}, min_events=150), declare(bad={"status": "5*"}, min_events=0)
    moments = range(START + HOUR, START + DAY + 1, HOUR)
    assert not any(rate.is_burning for now in moments for rate in compute_burn_rates(reader, few, now))
    assert all(
        any(rate.is_burning and rate.severity == "page" for rate in compute_burn_rates(reader, any_number, now + 660))
        for now in moments[1:3]
    )


def test_no_traffic_at_all_is_no_burn_rate(influxdb1: InfluxDB1, database: str) -> None:
    reader = Reader(connect(influxdb1.url, database=database), DEPLOYMENT)
    for rate in compute_burn_rates(reader, declare(bad={"status": "5*"}, min_events=0), START):
        assert (rate.long_burn, rate.short_burn, rate.is_burning) == (None, None, False)


def draw(reader: Reader, panel: Panel, since: int, until: int) -> dict[int, float]:
    """Return the one line of a panel, by the start of its intervals."""
    language = reader.database.language
    rendered = render_panel(panel, "day", (0, 0), language, "30s")
    # In PromQL an interval has the time of its end.
    late = parse_duration(rendered["interval"]) if language == "promql" else 0
    window = Window((since + late) * 1_000, (until + late) * 1_000 - 1)
    if panel.type == "stat":
        window = Window(since * 1_000, until * 1_000 - 1)
    result = run_panel(rendered, reader.database, window, Choice({}, reader.database.bucket))
    return {
        moment // 1_000 - late: value for line in result.lines for moment, value in line.points if value is not None
    }


@pytest.mark.parametrize("objective", [AVAILABLE, FAST], ids=["available", "fast"])
def test_the_panels_of_an_objective_draw_what_a_hand_computes(reader: Reader, hand: Hand, objective: Objective) -> None:
    of_a_day = declare(
        total=objective.total, target=objective.target, period="1d", bad=objective.bad, within=objective.within
    )
    sources = Sources(Declarations(objectives=[of_a_day]), DEPLOYMENT, "shop", reader.database.labels)
    share, budget, burn = draw_objective(sources, of_a_day)
    since, until, allowed = START + 3 * HOUR, START + SLOW.end + 15 * MINUTE, 1 - objective.target

    every, bad = count(hand, objective, START, until)
    assert list(draw(reader, budget, until - HOUR, until).values()) == [pytest.approx(1 - bad / every / allowed)]

    counts = {hour: count(hand, objective, hour, hour + HOUR) for hour in range(since, until, HOUR)}
    expected = {hour: bad / every / allowed for hour, (every, bad) in counts.items() if every >= objective.min_events}
    assert draw(reader, burn, since, until) == pytest.approx(expected)
    assert len(expected) < len(counts)
    assert max(expected.values()) > 3
    drawn = draw(reader, replace(share, interval="1h"), since, until)
    shares = {hour: (every - bad if objective is FAST else bad) / every for hour, (every, bad) in counts.items()}
    assert drawn == pytest.approx(shares)


def test_events_of_two_metrics_are_drawn_as_counts(reader: Reader) -> None:
    sources = Sources(Declarations(objectives=[QUERIES]), DEPLOYMENT, "shop", reader.database.labels)
    [panel] = draw_objective(sources, QUERIES)
    assert [asked.label for asked in panel.asked] == ["all", "bad"]
    assert draw(reader, panel, START + 12 * HOUR, START + 13 * HOUR) != {}
