"""Panels are drawn as SVG, as HTML and as PNG."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from zemanta_ops.stack.charts.drawing import COLOURS, Deploy, draw_svg, find_colour, find_stat
from zemanta_ops.stack.charts.interpolation import Window
from zemanta_ops.stack.charts.numbers import format_number
from zemanta_ops.stack.charts.page import Drawn, render_page
from zemanta_ops.stack.charts.results import Line, PanelResult
from zemanta_ops.stack.declarations.terms import above, below
from zemanta_ops.stack.generate.grafana.panels import Asked, Limits, Panel, PanelType, render_panel
from zemanta_ops.stack.queries import Selection, SeriesQuery

WINDOW = Window(1_700_000_000_000, 1_700_003_600_000)
# Half the height of the axes in a picture of 200 pixels.
MIDDLE = 63.5
LIMITS = Limits(above(5), above(10))


def panel(type_: PanelType = "timeseries", **more: Any) -> dict[str, Any]:
    asked = [Asked("n", SeriesQuery(Selection("m")))]
    drawn = Panel("k", "A & B", "**Bold** `code`", asked, type_, "ms", **more)
    return render_panel(drawn, "u", (0, 0), "influxql", "10s")


def result(*values: float | None, lines: int = 1) -> PanelResult:
    points = [(WINDOW.start + number * 60_000, value) for number, value in enumerate(values)]
    return PanelResult([Line(f"line {number}", {}, list(points)) for number in range(lines)])


def draw(found: PanelResult, **more: Any) -> str:
    return draw_svg(panel(**more), found, WINDOW, [Deploy(WINDOW.start + 600_000, "1.0")], (600, 200))


def find_lines(svg: str) -> list[str]:
    """Return the paths of the lines that have the first colour."""
    return re.findall(rf'<path d="([^"]*)"[^>]*stroke: {COLOURS[0]}; stroke-width: 1.4', svg)


def test_a_picture_is_one_svg_element_that_takes_the_colours_of_its_page() -> None:
    svg = draw(result(1, 2, None, 4), limits=LIMITS)
    ET.fromstring(svg)
    assert "currentColor" in svg and "var(--grid)" in svg
    assert not re.search(r"#01020[34]", svg)


def test_the_areas_of_an_alert_are_drawn_though_no_value_is_near() -> None:
    svg = draw(result(1, 1), limits=LIMITS)
    assert all(colour in svg for colour in ("#2e9e4f", "#d9a400", "#d43a3a"))
    assert "#d43a3a" not in draw(result(1, 1))


@pytest.mark.parametrize("values", [(), (None, None), (0, 0), (5,), (-3, 4), (1e15, 1e-9)])
def test_any_values_are_drawn(values: tuple[float | None, ...]) -> None:
    lines, heat_map = draw(result(*values)), draw(result(*values, lines=3), type_="heatmap")
    has_values = any(value is not None for value in values)
    for svg in (lines, heat_map):
        assert ET.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
        assert ("no data" in svg) == (not has_values)
        assert '"nan' not in svg and " nan" not in svg
    assert len(find_lines(lines)) == has_values
    assert heat_map.count("PolyCollection") == (3 if any(values) else 0)


@pytest.mark.filterwarnings("error")
def test_a_heat_map_of_nothing_is_drawn_without_a_warning() -> None:
    svg = draw(result(lines=0), type_="heatmap")
    assert "no data" in svg and "PolyCollection" not in svg


@pytest.mark.parametrize("value", [7.5, -3, 0, 1e15])
def test_a_line_of_one_value_is_drawn_on_an_axis_without_a_declared_start(value: float) -> None:
    drawn = panel()
    del drawn["fieldConfig"]["defaults"]["min"]
    (path,) = find_lines(draw_svg(drawn, result(value, value), WINDOW, [], (600, 200)))
    heights = [float(height) for height in re.findall(r"[ML] \S+ (\S+)", path)]
    assert heights == pytest.approx([MIDDLE, MIDDLE], abs=2)


def test_a_panel_with_a_time_of_its_own_is_drawn_over_it() -> None:
    weeks_ago = PanelResult([Line("n", {}, [(WINDOW.end - days * 86_400_000, 5) for days in (29, 15, 1)])])
    svg = draw(weeks_ago, period="30d")
    (path,) = find_lines(svg)
    left, middle, right = (float(place) for place in re.findall(r"[ML] (\S+)", path))
    assert 0 < left < middle < right < 600 * 0.72
    assert re.search(r">\d\d [A-Z][a-z]{2}<", svg)
    drawn = panel(period="30d")
    page = render_page(
        "shop", [Drawn("aws", {"title": "shop: AWS", "panels": [drawn]}, {drawn["id"]: weeks_ago}, [])], WINDOW
    )
    assert '<p class="period">The last 30d</p>' in page


@pytest.mark.parametrize(("width", "most"), [(350, 3), (620, 5)])
def test_a_narrow_picture_has_fewer_times(width: int, most: int) -> None:
    window = Window(WINDOW.start, WINDOW.start + 300_000)
    svg = draw_svg(panel(), result(1, 2, 3), window, [], (width, 220))
    assert 2 <= len(re.findall(r">\d\d:\d\d:\d\d<", svg)) <= most


def test_one_picture_drawn_twice_is_the_same() -> None:
    assert draw(result(1, 2)) == draw(result(1, 2))


@pytest.mark.parametrize(
    ("limits", "number", "colour"),
    [
        (LIMITS, 4.9, "green"),
        (LIMITS, 5, "yellow"),
        (LIMITS, 99, "red"),
        (Limits(below(10), below(5)), 4, "red"),
        (Limits(below(10), below(5)), 7, "yellow"),
        (Limits(below(10), below(5)), 70, "green"),
        (None, 70, "green"),
        (Limits(below(10), below(5)), None, ""),
    ],
)
def test_a_number_has_the_colour_of_its_area(limits: Limits | None, number: float | None, colour: str) -> None:
    assert find_colour(panel("stat", limits=limits), number) == colour


def test_a_stat_is_the_number_that_its_query_answers() -> None:
    assert find_stat(result(None, 3)) == 3
    assert find_stat(result()) is None


@pytest.mark.parametrize(
    ("number", "unit", "text"),
    [
        (None, "ms", "-"), (0, "ms", "0 ms"), (0.0042, "ms", "4.2 µs"), (12.345, "ms", "12.3 ms"),
        (90_000, "ms", "1.5 min"), (0.0215, "percentunit", "2.15%"), (0, "percentunit", "0%"),
        (1.0, "percentunit", "100%"), (1536, "bytes", "1.5 KiB"), (1234, "short", "1.23k"), (0.5, "short", "0.5"),
        (-5, "short", "-5"), (31.9, "reqps", "31.9 req/s"), (1e30, "short", "1000000000000000000000G"),
    ],
)  # fmt: skip
def test_numbers_are_written_with_their_unit(number: float | None, unit: str, text: str) -> None:
    assert format_number(number, unit) == text


def test_the_page_has_headings_a_legend_and_documentation_and_no_id_twice() -> None:
    one = panel(limits=LIMITS)
    dashboard = {"title": "shop: Overview", "panels": [one, {**panel("stat"), "id": 7}]}
    results = {one["id"]: result(1, 2, lines=14), 7: result(6)}
    page = render_page("shop", [Drawn("overview", dashboard, results, [Deploy(WINDOW.start, "<1.0>")])], WINDOW)
    assert "<strong>Bold</strong> <code>code</code>" in page
    assert "A &amp; B" in page and "&lt;1.0&gt;" in page
    assert "and 2 more" in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    levels = [int(level) for level in re.findall(r"<h([1-6])", page)]
    assert levels[0] == 1 and all(after - before <= 1 for before, after in pairwise(levels))
