"""The large numbers of the overview are those of the whole time, however unevenly its requests are spread."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.servers.stores import Store
from tests.servers.victoriametrics import VictoriaMetrics
from tests.stack.generate.grafana.traffic import configured
from zemanta_ops.stack.charts.interpolation import Choice, Window
from zemanta_ops.stack.charts.results import list_panels, run_panel
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


def test_one_request_weighs_as_much_as_another(uneven: Store) -> None:
    now = int(time.time())
    window = Window((now - MINUTES * 60) * 1_000, now * 1_000)
    with configured(**{uneven.section: uneven.settings}):
        sources, _ = read_sources()
        overview = build_dashboards(sources, choose_language())["overview"]
    choice = Choice({}, uneven.settings.get("BUCKET", ""))
    numbers = {}
    with uneven.connect() as database:
        for panel in list_panels(overview):
            if panel["type"] == "stat":
                [line] = run_panel(panel, database, window, choice).lines
                [(_, numbers[panel["title"]])] = line.points
    assert numbers == pytest.approx(
        {
            "Requests per second": 100 / (MINUTES * 60),
            "Requests that fail": 1 / 100,
            "Mean latency": (5_000 + 99 * 20) / 100,
            "Requests at once": (5_000 + 99 * 20) / (MINUTES * 60_000),
        }
    )
