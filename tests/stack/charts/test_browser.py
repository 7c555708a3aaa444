"""The page in a browser: it fits a phone and a screen, light and dark, and nothing in a name is run."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from tests.servers.fixtures import require_package
from zemanta_ops.stack.charts.interpolation import Window
from zemanta_ops.stack.charts.page import Drawn, render_page
from zemanta_ops.stack.charts.results import Line, PanelResult
from zemanta_ops.stack.generate.grafana.layout import Dashboard, Row, render_dashboard
from zemanta_ops.stack.generate.grafana.panels import Asked, Panel
from zemanta_ops.stack.queries import Selection, SeriesQuery

pytestmark = pytest.mark.second_tier

WINDOW = Window(1_700_000_000_000, 1_700_003_600_000)
COLUMNS = ("requests", "errors", "mean", "p95 of the worst host", "queries", "most repeated query")
VIEWS = (
    "cart",
    "shop:checkout-confirmation",
    "</script><script>document.title='run'</script>",
    "<img onerror=alert(1)>",
)
# Appended to the page, which has no script: what it measures becomes the title.
MEASURE = """<script>document.title = JSON.stringify({
  names: [...document.querySelectorAll('.scroll th[scope=row]')].map(e => [e.clientWidth, e.clientHeight]),
  pictures: [...document.querySelectorAll('svg')].filter(e => e.clientWidth).length,
  overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  background: getComputedStyle(document.body).backgroundColor,
  scripts: document.scripts.length, images: document.images.length,
})</script>"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_package("chromium")
    asked = [Asked(name, SeriesQuery(Selection("m"), by=("view",), whole=True)) for name in COLUMNS]
    line = [Asked("requests", SeriesQuery(Selection("m")))]
    panels = [
        Panel("number", "Requests per second", "", line, "stat", width=6),
        Panel("lines", "Latency", "", line),
        Panel("table", "Views, slowest first", "", asked, "table", width=24),
    ]
    dashboard = render_dashboard(Dashboard("overview", "Overview", "shop", [Row("Views", panels)]), "influxql", "10s")
    _, *numbers = dashboard["panels"]
    results = {
        each["id"]: PanelResult([Line("requests", {}, [(WINDOW.start, 1), (WINDOW.end, 5)])]) for each in numbers
    }
    rows = [{"view": view, **dict.fromkeys(COLUMNS, 1234.5)} for view in VIEWS]
    results[numbers[-1]["id"]] = PanelResult([], rows)
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(render_page("shop: dashboards", [Drawn("overview", dashboard, results, [])], WINDOW) + MEASURE)
    return path


def measure(page: Path, width: int, *flags: str) -> Mapping[str, Any]:
    """Return what a browser window of this width measures."""
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},2000", *flags]
    profile = f"--user-data-dir={page.parent / 'profile'}"
    done = subprocess.run(
        [*command, profile, "--dump-dom", page.as_uri()], capture_output=True, text=True, check=True, timeout=60
    )
    found = re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL)
    assert found
    measured: Mapping[str, Any] = json.loads(unescape(found[1]))
    return measured


@pytest.mark.parametrize("width", [400, 1_600])
def test_the_page_is_as_wide_as_the_window_and_names_are_words(page: Path, width: int) -> None:
    measured = measure(page, width)
    assert measured["overflow"] <= 0
    assert measured["pictures"] == 1
    assert all(wide >= 100 for wide, _ in measured["names"])
    short = measured["names"][0]
    assert short[1] < 60, "a name of four letters is broken"
    # The script of the test itself is the only one, though a view is named like another.
    assert (measured["scripts"], measured["images"]) == (1, 0)


@pytest.mark.parametrize(("theme", "background"), [(0, "rgb(13, 17, 23)"), (1, "rgb(246, 248, 250)")])
def test_the_page_follows_the_theme(page: Path, theme: int, background: str) -> None:
    assert measure(page, 800, f"--blink-settings=preferredColorScheme={theme}")["background"] == background
