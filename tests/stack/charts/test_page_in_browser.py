"""The page of show_dashboards in headless Chromium: read at two widths, light and dark, by eye, keyboard and axe."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.servers.fixtures import require, require_package
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.npm import install_packages
from tests.servers.telegraf import influxdb1_output
from tests.stack.charts.test_drawing import LIMITS, WINDOW, panel, result
from tests.stack.generate.grafana.test_panels_on_servers import count_series, fill
from tests.stack.generate.grafana.traffic import configured
from zemanta_ops.stack.charts.drawing import Deploy
from zemanta_ops.stack.charts.interpolation import Choice, Window
from zemanta_ops.stack.charts.page import Drawn, render_page
from zemanta_ops.stack.charts.results import Line, PanelResult
from zemanta_ops.stack.charts.show import draw_all
from zemanta_ops.stack.databases import connect
from zemanta_ops.stack.generate.grafana import build_dashboards, read_sources

pytestmark = pytest.mark.second_tier

BROWSER = Path(__file__).with_name("browser")
Json = dict[str, Any]
VIEWS = ("light 400", "light 1600", "dark 400", "dark 1600")
LONG = "a.view.whose.name.has.no.blank." * 8
# WCAG's level AA for text of this size.
CONTRAST = 4.5
SMALLEST = 12


def look(page: Path) -> Json:
    """Return what a reader finds on a page."""
    require_package("chromium")
    node = shutil.which("node")
    packages = install_packages(BROWSER / "package.json")
    assert node, "npm is here without node"
    command: list[str | Path] = [node, BROWSER / "look.mjs", packages, shutil.which("chromium") or "", page]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    found: Json = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def real(influxdb1: InfluxDB1, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Json]:
    """Return what is found on the page of the traffic that Telegraf has written."""
    require("telegraf")
    require_package("chromium")
    folder = tmp_path_factory.mktemp("page")
    with ExitStack() as stack, configured():
        name = influxdb1.create("page_in_browser")
        output = influxdb1_output(influxdb1.url, name)
        window = fill(stack, folder, output, lambda: count_series(influxdb1, name) == 4)
        influxdb1.write(
            f'zemanta_ops_deploy,app=print-shop,env=test,version=2 title="2" {window.end - 20_000}000000', name
        )
        dashboards = build_dashboards(read_sources()[0], "influxql")
        with connect(influxdb1.url, database=name) as database:
            # Points at every second draw lines; the traffic is of one moment.
            short = Window(window.start, window.end, 90)
            shown = draw_all(
                dashboards, database, short, Choice({"view": ["shop_detail"]}, name), "print-shop: dashboards"
            )
    path = folder / "index.html"
    path.write_bytes(shown.files["index.html"])
    yield {"titles": list_titles(dashboards), **look(path)}


def list_titles(dashboards: Mapping[str, Json]) -> set[str]:
    """Return the titles of all panels that draw something; those of a repeated row are there for every value."""
    rows = [each for dashboard in dashboards.values() for each in dashboard["panels"]]
    panels = [each for row in rows for each in (row, *row.get("panels", ()))]
    return {each["title"] for each in panels if each["type"] not in ("row", "text")}


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Json:
    """Return what is found on a page with long names, many lines, wide numbers and many panels without data."""
    lines = [Line(LONG + str(number), {}, [(WINDOW.start + 60_000, 1e9 * number)]) for number in range(14)]
    found = {
        1: PanelResult(lines),
        2: PanelResult(rows=[{"view": LONG, **{f"column {number}": 1.5e9 for number in range(9)}}]),
        3: result(-1e-9, 2e15),
        4: result(6),
        5: result(1, 2, 3, lines=9),
    }
    panels = [
        {**panel(limits=LIMITS), "id": 1, "title": LONG, "description": f"`{LONG}`"},
        {**panel("table"), "id": 2},
        {**panel(limits=LIMITS), "id": 3},
        {**panel("stat", limits=LIMITS), "id": 4},
        {**panel("heatmap"), "id": 5},
        {**panel(), "id": 6},
    ]
    drawn = Drawn("odd", {"title": f"shop: {LONG}", "panels": panels}, found, [Deploy(WINDOW.start, LONG)], LONG)
    path = tmp_path_factory.mktemp("odd") / "index.html"
    path.write_text(render_page(LONG, [drawn], WINDOW))
    return look(path)


@pytest.fixture(params=["real", "odd"])
def page(request: pytest.FixtureRequest) -> Json:
    found: Json = request.getfixturevalue(request.param)
    return found


def test_the_console_is_empty_and_nothing_is_loaded(page: Json) -> None:
    assert page["console"] == []
    assert {url.rpartition("/")[2] for url in page["requests"]} == {"index.html"}


@pytest.mark.parametrize("view", VIEWS)
def test_every_panel_is_drawn(real: Json, view: str) -> None:
    panels = real["views"][view]["panels"]
    assert {each["title"] for each in panels} == real["titles"]
    width = int(view.split()[1])
    for each in panels:
        # A week before this database there was nothing.
        if each["title"] == "The same a week ago":
            continue
        assert "No data" not in each["text"], each
        assert each["text"].strip() or len(each["pictures"]) == 1, each
        assert all(box["height"] > 80 and 0 <= box["left"] < box["right"] <= width for box in each["pictures"]), each


@pytest.mark.parametrize("view", VIEWS)
def test_it_is_readable(page: Json, view: str) -> None:
    found = page["views"][view]
    width = int(view.split()[1])
    assert (found["clientWidth"], found["scrollWidth"], found["openWidth"]) == (width, width, width)
    assert found["smallest"] >= SMALLEST
    assert found["contrast"] >= CONTRAST
    assert (found["cut"], found["overlapping"]) == ([], [])


def test_it_follows_the_colours_of_the_system(real: Json) -> None:
    colours = {view: real["views"][view]["background"] for view in VIEWS}
    assert colours["light 400"] == colours["light 1600"] != colours["dark 400"] == colours["dark 1600"]


@pytest.mark.parametrize("view", ["light 400", "dark 1600"])
def test_axe_finds_nothing(page: Json, view: str) -> None:
    assert page["views"][view]["violations"] == []


@pytest.mark.parametrize("view", VIEWS[:2])
def test_the_keyboard_reaches_everything(page: Json, view: str) -> None:
    found = page["views"][view]
    assert found["operated"] == {"skipped": "main", "isOpened": True}
    assert found["stops"][0]["name"] == "Skip to the dashboards"
    assert len(found["stops"]) == found["operable"]
    assert [stop for stop in found["stops"] if not (stop["isOutlined"] and stop["isInSight"])] == []
