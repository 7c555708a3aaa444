"""The page: every dashboard in one HTML file, with nothing to load from anywhere."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.resources import files
from typing import Any

from zemanta_ops.stack.charts import drawing
from zemanta_ops.stack.charts.drawing import COLOURS, STYLES, Deploy, draw_svg
from zemanta_ops.stack.charts.interpolation import Window
from zemanta_ops.stack.charts.numbers import format_number
from zemanta_ops.stack.charts.results import Line, PanelResult

Json = Mapping[str, Any]

_WIDE, _NARROW = (620, 230), (350, 220)
_FULL = (1_240, 260)
_DASHES = {"-": "solid", "--": "dashed", "-.": "dashed", ":": "dotted"}


@dataclass(frozen=True)
class Drawn:
    """A dashboard with what its panels found."""

    name: str
    dashboard: Json
    results: Mapping[int, PanelResult]
    deploys: Sequence[Deploy]
    chosen: str = ""


def render_page(title: str, drawn: Sequence[Drawn], window: Window) -> str:
    """Return the page."""
    style = files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    links = "".join(f'<li><a href="#{each.name}">{_text(_short(each))}</a></li>' for each in drawn)
    sections = "\n".join(_render_dashboard(each, window) for each in drawn)
    shown = f"{_moment(window.start)} to {_moment(window.end)} UTC"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{_text(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        '<a class="skip" href="#main">Skip to the dashboards</a>\n'
        f"<header><h1>{_text(title)}</h1><p>{shown}</p>"
        f'<nav aria-label="Dashboards"><ul>{links}</ul></nav></header>\n'
        f'<main id="main" tabindex="-1">\n{sections}\n</main>\n</body>\n</html>\n'
    )


def _render_dashboard(drawn: Drawn, window: Window) -> str:
    chosen = f" <small>{_text(drawn.chosen)}</small>" if drawn.chosen else ""
    parts = [f'<section id="{drawn.name}"><h2>{_text(_short(drawn))}{chosen}</h2>']
    if drawn.deploys:
        deploys = ", ".join(f"{_text(each.title)} at {_moment(each.moment)}" for each in drawn.deploys)
        parts.append(f'<p class="deploys">Deploys: {deploys}</p>')
    is_open, level = False, 3
    for panel in _list_with_rows(drawn.dashboard):
        if panel["type"] == "row":
            parts.append(("</div>" if is_open else "") + f"<h3>{_text(panel['title'])}</h3>")
            is_open, level = False, 4
            continue
        if not is_open:
            parts.append('<div class="panels">')
            is_open = True
        parts.append(_render_panel(panel, drawn.results.get(panel["id"]), window, drawn.deploys, level))
    return "\n".join([*parts, "</div>" if is_open else "", "</section>"])


def _list_with_rows(dashboard: Json) -> Iterator[Json]:
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", ())


def _render_panel(
    panel: Json, result: PanelResult | None, window: Window, deploys: Sequence[Deploy], level: int
) -> str:
    if panel["type"] == "text":
        return f'<div class="panel full">{_markdown(panel["options"]["content"])}</div>'
    result = result or PanelResult()
    size = "full" if panel["gridPos"]["w"] > 16 or panel["type"] == "table" else ""
    size = "small" if panel["type"] == "stat" else size
    period = f'<p class="period">The last {panel["timeFrom"]}</p>' if "timeFrom" in panel else ""
    about = f"<details><summary>About</summary>{_markdown(panel['description'])}</details>"
    return (
        f'<article class="panel {size}"><h{level}>{_text(panel["title"])}</h{level}>{period}'
        f"{_render_body(panel, result, window, deploys, is_full=size == 'full')}"
        f"{about if panel['description'] else ''}</article>"
    )


def _render_body(panel: Json, result: PanelResult, window: Window, deploys: Sequence[Deploy], *, is_full: bool) -> str:
    if result.refusal:
        return f'<p class="empty">The database refuses the query: {_text(result.refusal)}</p>'
    if panel["type"] == "stat":
        number = drawing.find_stat(result)
        colour = drawing.find_colour(panel, number)
        return f'<p class="stat {colour}">{_text(format_number(number, panel["fieldConfig"]["defaults"]["unit"]))}</p>'
    if result.is_empty:
        why = panel["fieldConfig"]["defaults"].get("noValue", "No data in the time shown")
        return f'<p class="empty">{_text(why)}.</p>'
    if panel["type"] == "table":
        return _render_table(panel, result)
    sizes = {"wide": _FULL if is_full else _WIDE, "narrow": _NARROW}
    pictures = "".join(
        f'<div class="{name}">{_prefix_ids(draw_svg(panel, result, window, deploys, size), panel["id"], name)}</div>'
        for name, size in sizes.items()
    )
    legend = "" if panel["type"] == "heatmap" else _render_legend(panel, result.lines)
    return f'<figure aria-label="{_text(_describe(panel, result))}">{pictures}{legend}</figure>'


def _prefix_ids(svg: str, panel_id: int, size: str) -> str:
    """Give the ids within a picture a prefix: several pictures are in one page."""
    prefix = f"{panel_id}{size}"
    svg = re.sub(r'\bid="', f'id="p{prefix}-', svg)
    svg = re.sub(r'href="#', f'href="#p{prefix}-', svg)
    return re.sub(r"url\(#", f"url(#p{prefix}-", svg)


def _describe(panel: Json, result: PanelResult) -> str:
    """Return what a picture shows, for those who do not see it; the legend has the numbers."""
    return f"{panel['title']}: {len(result.lines)} {'line' if len(result.lines) == 1 else 'lines'} over time"


def _render_legend(panel: Json, lines: Sequence[Line]) -> str:
    unit = panel["fieldConfig"]["defaults"]["unit"]
    rows = "".join(_render_legend_row(number, line, unit) for number, line in enumerate(lines[:12]))
    more = f"<tr><td colspan='4'>and {len(lines) - 12} more</td></tr>" if len(lines) > 12 else ""
    head = "".join(f'<th scope="col">{word}</th>' for word in ("line", "mean", "most", "last"))
    return f'<table class="legend"><thead><tr>{head}</tr></thead><tbody>{rows}{more}</tbody></table>'


def _render_legend_row(number: int, line: Line, unit: str) -> str:
    values = [value for _, value in line.points if value is not None]
    numbers = [sum(values) / len(values), max(values), values[-1]] if values else [None] * 3
    cells = "".join(f"<td>{_text(format_number(each, unit))}</td>" for each in numbers)
    style = _DASHES[STYLES[number // len(COLOURS) % len(STYLES)]]
    key = f'<span class="key" style="border-top:3px {style} {COLOURS[number % len(COLOURS)]}"></span>'
    return f'<tr><th scope="row">{key}{_text(line.name)}</th>{cells}</tr>'


def _render_table(panel: Json, result: PanelResult) -> str:
    columns = drawing.list_columns(panel, result)
    head = "".join(f'<th scope="col">{_text(name)}</th>' for name, _ in columns)
    rows = []
    for row in drawing.sort_rows(panel, result):
        first, *rest = (_text(drawing.format_cell(row.get(name), unit)) for name, unit in columns)
        rows.append(f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>')
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{_text(panel["title"])}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _markdown(text: str) -> str:
    """Return the little Markdown that descriptions use as HTML: paragraphs, bold, code."""
    escaped = _text(text)
    escaped = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escaped)
    escaped = re.sub(r"`(.+?)`", r"<code>\1</code>", escaped)
    return "".join(f"<p>{part}</p>" for part in escaped.split("\n\n") if part.strip())


def _short(drawn: Drawn) -> str:
    return str(drawn.dashboard["title"]).split(": ", 1)[-1]


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1_000, timezone.utc).strftime("%Y-%m-%d %H:%M")


def _text(text: str) -> str:
    return html.escape(text, quote=True)
