"""Draw panels with matplotlib: as SVG for the page, and a whole dashboard as PNG."""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from zemanta_ops.extras import MissingExtraError
from zemanta_ops.stack.charts.interpolation import Window
from zemanta_ops.stack.charts.numbers import format_number
from zemanta_ops.stack.charts.results import Line, PanelResult, fit_window

try:
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, MaxNLocator
except ImportError:
    raise MissingExtraError("Drawing dashboards", "charts") from None

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Json = Mapping[str, Any]

# Okabe and Ito's colours, which people with any kind of colour vision can tell apart, in an order that keeps neighbours
# different in lightness; each is readable on white and on near black.
COLOURS = ("#1f83c4", "#d55e00", "#009e73", "#cc79a7", "#b58900", "#56b4e9", "#8f6ad6", "#8c8c8c")
STYLES = ("-", "--", "-.", ":")
AREAS = {"green": "#2e9e4f", "yellow": "#d9a400", "red": "#d43a3a"}
# Placeholders of the page's own colours, which follow its theme.
INK, GRID = "#010203", "#010204"
_DPI = 100
_ROW, _COLUMN = 38, 50
_MAX_LINES = 12
_IN_LEGEND = 4
# The width of axes below which there is no room for five times with seconds.
_FIVE_TIMES = 330
# The height of the times below the axes, under which the legend begins.
_TIMES = 24
_SVG = {"svg.fonttype": "none", "svg.hashsalt": "zemanta_ops", "path.simplify": True}


@dataclass(frozen=True)
class Deploy:
    """A moment at which a version was deployed, in milliseconds since 1970."""

    moment: int
    title: str


def draw_svg(panel: Json, result: PanelResult, window: Window, deploys: Sequence[Deploy], size: tuple[int, int]) -> str:
    """Return a panel of lines or a heat map as an SVG element; its text takes the page's colour and font."""
    with rc_context(_write_style(INK, GRID, _SVG)):
        figure = Figure(figsize=(size[0] / _DPI, size[1] / _DPI), layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        _draw_axes(axes, panel, result, window, deploys)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor").replace(GRID, "var(--grid)")
    return text.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)


def draw_png(
    dashboard: Json, results: Mapping[int, PanelResult], window: Window, deploys: Sequence[Deploy], chosen: str = ""
) -> bytes:
    """Return a whole dashboard as a picture, each panel where Grafana would put it."""
    title = f"{dashboard['title']} ({chosen})" if chosen else dashboard["title"]
    panels = [each for panel in dashboard["panels"] for each in (panel, *panel.get("panels", ()))]
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels) * _ROW + 40
    width = 24 * _COLUMN
    with rc_context(_write_style("#24292f", "#d8dee4")):
        figure = Figure(figsize=(width / _DPI, height / _DPI), facecolor="#ffffff")
        figure.text(0.01, 1 - 24 / height, title, fontsize=14, fontweight="bold")
        for panel in panels:
            _draw_in_grid(figure, panel, results.get(panel["id"]), (width, height), window, deploys)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    return buffer.getvalue()


def _write_style(ink: str, grid: str, more: Mapping[str, Any] = MappingProxyType({})) -> Any:
    return {"font.size": 9.0, "axes.edgecolor": grid, "grid.color": grid, **dict.fromkeys(_INKED, ink), **more}


_INKED = ("text.color", "axes.labelcolor", "xtick.color", "ytick.color")


def _draw_in_grid(
    figure: Figure,
    panel: Json,
    result: PanelResult | None,
    size: tuple[int, int],
    window: Window,
    deploys: Sequence[Deploy],
) -> None:
    grid, (width, height) = panel["gridPos"], size
    left, top = grid["x"] * _COLUMN / width, 1 - (40 + grid["y"] * _ROW) / height
    title_size = 12 if panel["type"] == "row" else 10
    figure.text(left + 10 / width, top - 16 / height, panel["title"], fontsize=title_size, fontweight="bold")
    if panel["type"] == "text":
        words = textwrap.fill(panel["options"]["content"].replace("**", "").replace("`", ""), 165)
        figure.text(left + 10 / width, top - 10 / height, words, va="top", linespacing=1.5)
    if result is None:
        return
    if panel["type"] in ("stat", "table"):
        lines = _write_stat(panel, result) if panel["type"] == "stat" else _write_table(panel, result)
        size_ = 20 if panel["type"] == "stat" else 8
        figure.text(
            left + 10 / width, top - 34 / height, lines, va="top", family="monospace", fontsize=size_, linespacing=1.4
        )
        return
    box = (
        left + 78 / width,
        top - (grid["h"] * _ROW - 62) / height,
        (grid["w"] * _COLUMN - 100) / width,
        (grid["h"] * _ROW - 94) / height,
    )
    axes = figure.add_axes(box)
    _draw_axes(axes, panel, result, window, deploys)
    if panel["type"] == "timeseries" and result.lines:
        names = [line.name for line in result.lines[:_IN_LEGEND]]
        axes.legend(
            axes.get_lines()[: len(names)],
            names,
            loc="upper left",
            bbox_to_anchor=(0, -_TIMES / (grid["h"] * _ROW - 94)),
            ncols=_IN_LEGEND,
            frameon=False,
            fontsize=8,
            borderaxespad=0.4,
        )


def _draw_axes(axes: Axes, panel: Json, result: PanelResult, window: Window, deploys: Sequence[Deploy]) -> None:
    window = fit_window(panel, window)
    defaults = panel["fieldConfig"]["defaults"]
    unit = defaults["unit"]
    axes.grid(visible=True, linewidth=0.6)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0)
    # Otherwise the first time and the lowest number overlap.
    axes.tick_params(axis="x", pad=8)
    axes.set_xlim(window.start, window.end)
    # A time at the very edge would be cut, and five would run into each other in a narrow picture.
    wide = axes.get_window_extent().width > _FIVE_TIMES
    axes.xaxis.set_major_locator(MaxNLocator(5 if wide else 3, prune="upper"))
    axes.xaxis.set_major_formatter(FuncFormatter(_clock(window)))
    if panel["type"] == "heatmap":
        _draw_heatmap(axes, result)
    else:
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_number(value, unit)))
        _draw_lines(axes, result.lines)
        _limit(axes, result.lines, defaults)
        _draw_areas(axes, defaults)
    for deploy in () if result.is_empty else deploys:
        axes.axvline(deploy.moment, color="#3b6fd4", linewidth=1.2, linestyle=(0, (4, 2)))
    if result.is_empty:
        axes.text(
            0.5,
            0.5,
            "query refused" if result.refusal else textwrap.fill(defaults.get("noValue", "no data"), 40),
            transform=axes.transAxes,
            ha="center",
            va="center",
        )


def _clock(window: Window) -> Any:
    form = "%H:%M" if window.end - window.start < 2 * 86_400_000 else "%d %b"
    form = "%H:%M:%S" if window.end - window.start < 600_000 else form
    return lambda value, _: datetime.fromtimestamp(value / 1_000, timezone.utc).strftime(form)


def _draw_lines(axes: Axes, lines: Sequence[Line]) -> None:
    for number, line in enumerate(lines[:_MAX_LINES]):
        moments = [moment for moment, _ in line.points]
        values = [math.nan if value is None else value for _, value in line.points]
        style = STYLES[number // len(COLOURS) % len(STYLES)]
        marker = "o" if len(values) < 3 else ""
        axes.plot(
            moments, values, style, color=COLOURS[number % len(COLOURS)], linewidth=1.4, marker=marker, markersize=3
        )


def _limit(axes: Axes, lines: Sequence[Line], defaults: Json) -> None:
    values = [value for line in lines for _, value in line.points if value is not None]
    low = min([defaults["min"]] if "min" in defaults else values, default=0)
    steps = [step["value"] for step in defaults["thresholds"]["steps"] if step["value"] is not None]
    high = max(values, default=0 if steps else 1)
    if defaults["custom"].get("thresholdsStyle", {}).get("mode") == "area" and steps:
        # The area in which an alert fires is always in sight.
        high = max(high, max(steps) * 1.2)
    margin = (high - low) * 0.08 or abs(high) * 0.1 or 1
    # A line of one value is drawn in the middle, unless the axis begins at a number that is declared.
    axes.set_ylim(low - margin if low == high and "min" not in defaults else low, high + margin)


def _draw_areas(axes: Axes, defaults: Json) -> None:
    if defaults["custom"].get("thresholdsStyle", {}).get("mode") != "area":
        return
    steps = defaults["thresholds"]["steps"]
    low, high = axes.get_ylim()
    for step, following in zip(steps, [*steps[1:], {"value": None}], strict=True):
        start = low if step["value"] is None else step["value"]
        end = high if following["value"] is None else following["value"]
        axes.axhspan(max(start, low), min(end, high), color=AREAS[step["color"]], alpha=0.13, linewidth=0, zorder=0)


def _draw_heatmap(axes: Axes, result: PanelResult) -> None:
    """Colour each cell by the root of its count: a single slow request is seen beside thousands of fast ones."""
    lines = result.lines
    axes.grid(visible=False)
    axes.set_yticks(range(len(lines)), [f"≤ {line.name} ms" if line.name != "+Inf" else "slower" for line in lines])
    axes.set_ylim(-0.5, max(len(lines), 1) - 0.5)
    most = max((value or 0 for line in lines for _, value in line.points), default=0)
    if most <= 0:
        return
    moments = [moment for moment, _ in lines[0].points]
    step = moments[1] - moments[0] if len(moments) > 1 else 60_000
    for row, line in enumerate(lines):
        cells = [(moment, value) for moment, value in line.points if value and value > 0]
        colours = [(0.84, 0.37, 0.0, 0.12 + 0.88 * math.sqrt(value / most)) for _, value in cells]
        axes.broken_barh([(moment, step) for moment, _ in cells], (row - 0.47, 0.94), facecolors=colours, linewidth=0)


def find_stat(result: PanelResult) -> float | None:
    """Return the number of a stat panel, whose query is of the whole time."""
    return next((value for line in result.lines for _, value in line.points if value is not None), None)


def find_colour(panel: Json, number: float | None) -> str:
    """Return the name of the area that a number is in; none if there is no number."""
    if number is None:
        return ""
    colour = "green"
    for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]:
        if step["value"] is None or number >= step["value"]:
            colour = step["color"]
    return colour


def list_columns(panel: Json, result: PanelResult) -> list[tuple[str, str]]:
    """Return the columns of a table and their units: the tags first, then the queries in their order."""
    units = {over["matcher"]["options"]: over["properties"][0] for over in panel["fieldConfig"]["overrides"]}
    known = {name: each["value"] for name, each in units.items() if each["id"] == "unit"}
    tags = [name for name in dict.fromkeys(key for row in result.rows for key in row) if name not in known]
    return [(name, "") for name in tags] + list(known.items())


def sort_rows(panel: Json, result: PanelResult) -> list[dict[str, Any]]:
    """Return the rows of a table with the largest value of its sorted column first."""
    sort = panel["options"].get("sortBy") or [{"displayName": ""}]
    name = sort[0]["displayName"]
    return sorted(result.rows, key=lambda row: -(row.get(name) or 0)) if name else list(result.rows)


def format_cell(value: Any, unit: str) -> str:
    """Return a cell of a table as text."""
    return value if isinstance(value, str) else format_number(value, unit)


def _write_stat(panel: Json, result: PanelResult) -> str:
    return format_number(find_stat(result), panel["fieldConfig"]["defaults"]["unit"])


def _write_table(panel: Json, result: PanelResult) -> str:
    columns = list_columns(panel, result)
    rows = [[name for name, _ in columns]]
    rows += [[format_cell(row.get(name), unit) for name, unit in columns] for row in sort_rows(panel, result)[:14]]
    widths = [max(len(row[number]) for row in rows) for number in range(len(columns))]
    return "\n".join("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
