"""Numbers of the overview are right in each language, however unevenly requests are spread over time and buckets."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.servers.stores import Store
from tests.servers.victoriametrics import VictoriaMetrics
from tests.stack.generate.grafana.traffic import BUCKETS, configured
from zemanta_ops.stack.charts.interpolation import Choice, Window
from zemanta_ops.stack.charts.results import Line, list_panels, run_panel
from zemanta_ops.stack.generate.grafana import build_dashboards, choose_language, read_sources

MINUTES = 30
TAGS = "app=print-shop,env=test,host=web-1,method=GET,view=home"


def write_requests(store: Store, seconds_ago: int, status: int, count: int, milliseconds: float) -> None:
    moment = (int(time.time()) - seconds_ago) * 10**9
    store.write(f"http_request_count,{TAGS},status={status} value={count} {moment}")
    fields = f"count={count},sum={count * milliseconds},mean={milliseconds},upper={milliseconds}"
    store.write(f"http_request_duration,{TAGS},status={status} {fields} {moment}")


@pytest.fixture
def uneven(new_any_store: Callable[[], Store]) -> Store:
    """Return a store in which one slow request failed at night, and 99 fast ones followed in the morning."""
    store = new_any_store()
    write_requests(store, 1500, 500, 1, 5_000)
    write_requests(store, 300, 200, 99, 20)
    if isinstance(store.server, VictoriaMetrics):
        store.server.flush()
    return store


def run_panels(store: Store, wanted: Callable[[Mapping[str, Any]], bool]) -> dict[str, list[Line]]:
    """Return the lines of panels of the overview, by title."""
    now = int(time.time())
    window = Window((now - MINUTES * 60) * 1_000, now * 1_000)
    with configured(**{store.section: store.settings}):
        sources, _ = read_sources()
        overview = build_dashboards(sources, choose_language())["overview"]
    choice = Choice({}, store.settings.get("BUCKET", ""))
    with store.connect() as database:
        panels = [panel for panel in list_panels(overview) if wanted(panel)]
        return {panel["title"]: run_panel(panel, database, window, choice).lines for panel in panels}


def test_one_request_weighs_as_much_as_another(uneven: Store) -> None:
    numbers = {title: line.points[0][1] for title, [line] in run_panels(uneven, lambda p: p["type"] == "stat").items()}
    assert numbers == pytest.approx(
        {
            "Requests per second": 100 / (MINUTES * 60),
            "Requests that fail": 1 / 100,
            "Mean latency": (5_000 + 99 * 20) / 100,
            "Requests at once": (5_000 + 99 * 20) / (MINUTES * 60_000),
        }
    )


@pytest.mark.parametrize(("lowest", "median"), [("25", 12.5), ("100", 75), ("1000", 750), ("+Inf", 1_000)])
def test_a_bucket_that_was_never_written_is_a_limit_all_the_same(
    new_any_store: Callable[[], Store], lowest: str, median: float
) -> None:
    """If every request took between 50 and 100 ms, nothing has counted those within 25 or 50 ms."""
    store = new_any_store()
    limits = [*(f"{bound:g}" for bound in BUCKETS), "+Inf"]
    moment = (int(time.time()) - 300) * 10**9
    for le in limits[limits.index(lowest) :]:
        store.write(f"http_request_bucket,{TAGS},le={le} value=10 {moment}")
    if isinstance(store.server, VictoriaMetrics):
        store.server.flush()
    lines = {line.name: line for line in run_panels(store, lambda p: p["title"] == "Latency")["Latency"]}
    assert [value for _, value in lines["p50"].points] == [pytest.approx(median)]
