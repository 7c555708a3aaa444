"""Draws docs/map.svg, the map of the package, from its imports. Run: ``python docs/draw_map.py``.

An arrow means "imports". An import that follows from two others is left out. Rows come from the imports too: a box is
one row above the highest box that it imports.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from pathlib import Path

import grimp

PACKAGE = "zemanta_ops"
TARGET = Path(__file__).with_name("map.svg")

# The rooms, and what each is for.
ROOMS = {
    "stack": "run by operators, around the application",
    "secrets": "runs before Django's settings exist",
    "metrics": "runs during requests",
}
# Packages to which a plug-in is added as one module or package.
PLUGINS = {
    *("secrets.backends", "secrets.verbs", "metrics.instrumentation"),
    *("stack.databases", "stack.generate", "stack.alerting.receivers", "checks", "management"),
}
HIDDEN = {"migrations", "models"}

# In pixels.
WIDTH, MARGIN = 1180, 20
BOX, ROW, GAP, TITLE = 30, 68, 14, 44

STYLE = """
svg { background: #ffffff; font: 13px system-ui, "Segoe UI", Helvetica, Arial, sans-serif }
text { fill: #1f2328; text-anchor: middle } .title { font-weight: 600; font-size: 16px; text-anchor: start }
.note { fill: #59636e; font-size: 11.5px } .left { text-anchor: start }
.room { fill: #f6f8fa; stroke: #d1d9e0 } .box { fill: #ffffff; stroke: #818b98 }
.plugin { fill: #ddf4ff; stroke: #0969da } .arrow { fill: none; stroke: #818b98; stroke-width: 1.3 }
.head { fill: #818b98 } .wide { stroke: #0969da; stroke-width: 2.5 } .wide-head { fill: #0969da }
@media (prefers-color-scheme: dark) {
  svg { background: #0d1117 } text { fill: #f0f6fc } .note { fill: #9198a1 }
  .room { fill: #151b23; stroke: #3d444d } .box { fill: #0d1117; stroke: #656c76 }
  .plugin { fill: #0c2d4e; stroke: #4493f8 } .arrow { stroke: #656c76 } .head { fill: #656c76 }
  .wide { stroke: #4493f8 } .wide-head { fill: #4493f8 }
}
"""

Imports = Mapping[str, set[str]]


@dataclass
class Box:
    """A module or package of a room, or a point of an arrow that passes a row; ``x`` is its centre."""

    name: str
    label: str = ""
    x: float = 0
    y: float = 0
    above: list[str] = field(default_factory=list)
    below: list[str] = field(default_factory=list)

    @property
    def width(self) -> float:
        """The width, by the length of the label."""
        return 20 + 7.4 * len(self.label) if self.label else 6


def build_graph() -> grimp.ImportGraph:
    """Return the imports of the package, as they are now."""
    return grimp.build_graph(PACKAGE, cache_dir=None)


def read_imports(graph: grimp.ImportGraph, parent: str) -> dict[str, set[str]]:
    """Return what the children of a package import of each other, by their names in it."""
    found: dict[str, set[str]] = {child: set() for child in graph.find_children(parent)}
    for child in found:
        for module in {child} | graph.find_descendants(child):
            for imported in graph.find_modules_directly_imported_by(module):
                found[child] |= {other for other in found if f"{imported}.".startswith(f"{other}.")}
        found[child].discard(child)
    return {_last(child): {_last(other) for other in others} for child, others in found.items()}


def drop_implied(imports: Imports) -> dict[str, set[str]]:
    """Return the imports without those that follow from two others."""
    return {
        name: {other for other in others if not any(other in _reach(imports, between) for between in others - {other})}
        for name, others in imports.items()
    }


def rank(imports: Imports) -> dict[str, int]:
    """Return the row of each name, counted from below."""
    rows: dict[str, int] = {}

    def place(name: str) -> int:
        if name not in rows:
            rows[name] = 1 + max(map(place, imports[name]), default=-1)
        return rows[name]

    for name in imports:
        place(name)
    return rows


def arrange(imports: Imports, labels: Mapping[str, str]) -> list[list[Box]]:
    """Return the rows of boxes, from above, in an order with few crossings."""
    rows = rank(imports)
    boxes = {name: Box(name, labels[name]) for name in imports}
    grid: list[list[Box]] = [[] for _ in range(max(rows.values()) + 1)]
    for name in sorted(imports):
        grid[rows[name]].append(boxes[name])
    for upper, lower in sorted((name, other) for name, others in drop_implied(imports).items() for other in others):
        chain = [upper, *(f"{upper}>{lower}@{row}" for row in range(rows[upper] - 1, rows[lower], -1)), lower]
        for offset, point in enumerate(chain[1:-1], 1):
            boxes[point] = Box(point)
            grid[rows[upper] - offset].append(boxes[point])
        for one, next_one in pairwise(chain):
            boxes[one].below.append(next_one)
            boxes[next_one].above.append(one)
    _reorder(grid, boxes)
    return grid[::-1]


def _reorder(grid: list[list[Box]], boxes: Mapping[str, Box]) -> None:
    for sweep in range(12):
        _spread(grid, 0, 1000)
        downward = sweep % 2 == 0
        for row in grid[::-1] if downward else grid:
            for box in row:
                box.x = _mean([boxes[other].x for other in (box.above if downward else box.below)], box.x)
            row.sort(key=lambda box: (box.x, box.name))
            _spread([row], 0, 1000)


def _spread(rows: Iterable[list[Box]], left: float, width: float) -> None:
    """Distribute the boxes of each row evenly."""
    for row in rows:
        space = (width - sum(box.width for box in row)) / (len(row) + 1)
        x = left
        for box in row:
            box.x = x + space + box.width / 2
            x += space + box.width


def _straighten(rows: list[list[Box]], left: float, width: float) -> None:
    """Move each box below and above its neighbours, as far as its row has room."""
    boxes = {box.name: box for row in rows for box in row}
    for _ in range(40):
        for row in rows:
            for box in row:
                wanted = _mean([boxes[other].x for other in box.above + box.below], box.x)
                box.x += (wanted - box.x) / 2
            _separate(row, left + GAP, left + width - GAP)
    _center(list(boxes.values()), left + width / 2, width - 2 * GAP)


def _center(boxes: list[Box], middle: float, width: float) -> None:
    """Move and stretch the boxes so that they fill the width."""
    first = min(box.x - box.width / 2 for box in boxes)
    last = max(box.x + box.width / 2 for box in boxes)
    factor = min(width / (last - first), 1.6)
    for box in boxes:
        box.x = middle + (box.x - (first + last) / 2) * factor


def _separate(row: list[Box], left: float, right: float) -> None:
    for box in row:
        box.x = max(box.x, left + box.width / 2)
        left = box.x + box.width / 2 + GAP
    for box in reversed(row):
        box.x = min(box.x, right - box.width / 2)
        right = box.x - box.width / 2 - GAP


def _mean(numbers: list[float], default: float) -> float:
    return sum(numbers) / len(numbers) if numbers else default


def draw_room(graph: grimp.ImportGraph, name: str, place: tuple[float, float, float]) -> tuple[list[str], float]:
    """Return the shapes of a room whose upper left corner and width are given, and its height."""
    left, top, width = place
    parent = f"{PACKAGE}.{name}"
    labels = {_last(child): _label(graph, child) for child in graph.find_children(parent)}
    rows = arrange(read_imports(graph, parent), labels)
    _spread(rows, left, width)
    _straighten(rows, left, width)
    for index, row in enumerate(rows):
        for box in row:
            box.y = top + TITLE + index * ROW
    height = TITLE + len(rows) * ROW - (ROW - BOX) + GAP
    boxes = {box.name: box for row in rows for box in row}
    return [
        f'<rect class="room" x="{left}" y="{top}" width="{width}" height="{height}" rx="10"/>',
        f'<text class="title" x="{left + GAP}" y="{top + 24}">{name}/</text>',
        f'<text class="note left" x="{left + 34 + 9 * len(name)}" y="{top + 24}">{escape(ROOMS[name])}</text>',
        *(_arrow(box, boxes[other]) for box in boxes.values() for other in box.below),
        *(_shape(box, plugin=f"{name}.{box.name}" in PLUGINS) for box in boxes.values() if box.label),
    ], height


def draw_house(graph: grimp.ImportGraph, names: list[str], top: float, *, above: bool) -> Iterator[str]:
    """Return the shapes of a row of modules outside of the rooms, each with the rooms that it imports or serves."""
    house = read_imports(graph, PACKAGE)
    row = [Box(name, _label(graph, f"{PACKAGE}.{name}"), y=top) for name in names]
    _spread([row], MARGIN, WIDTH - 2 * MARGIN)
    for box in row:
        others = sorted(house[box.name] if above else {name for name in house if box.name in house[name]})
        note = ", ".join([room for room in ROOMS if room in others] or others)
        yield _shape(box, plugin=box.name in PLUGINS)
        yield f'<text class="note" x="{box.x:.0f}" y="{top + BOX + 16}">{"↓" if above else "↑"} {note}</text>'


def draw_map(graph: grimp.ImportGraph) -> str:
    """Return the map as SVG."""
    house = read_imports(graph, PACKAGE)
    rows = rank(house)
    modules = sorted(set(house) - set(ROOMS) - HIDDEN, key=lambda name: (-rows[name], name))
    upper = [name for name in modules if set(ROOMS) & _reach(house, name)]
    half = (WIDTH - 3 * MARGIN) / 2
    stack, height = draw_room(graph, "stack", (MARGIN, 124, WIDTH - 2 * MARGIN))
    top = 124 + height + 34
    secrets, left = draw_room(graph, "secrets", (MARGIN, top, half))
    metrics, right = draw_room(graph, "metrics", (2 * MARGIN + half, top, half))
    bottom = top + max(left, right) + 24
    shapes = [*_legend(), *draw_house(graph, upper, 60, above=True), *stack, *secrets, *metrics]
    shapes += _between(house, top, half)
    shapes += draw_house(graph, [name for name in modules if name not in upper], bottom, above=False)
    return _document(shapes, int(bottom + BOX + 34))


def _between(house: Imports, top: float, half: float) -> Iterator[str]:
    """Return the arrows from the stack to the rooms below it, and a note if these two never meet."""
    for room, x in {"secrets": MARGIN + half / 2, "metrics": 2 * MARGIN + half * 1.5}.items():
        if room in house["stack"]:
            yield f'<path class="arrow wide" d="M{x} {top - 34}V{top - 8}" marker-end="url(#wide)"/>'
    if "secrets" not in house["metrics"] and "metrics" not in house["secrets"]:
        note = "secrets and metrics never import each other"
        yield f'<text class="note" x="{WIDTH / 2}" y="{top - 12}">{note}</text>'


def _legend() -> Iterator[str]:
    text = "An arrow means “imports”; it always points down. Blue: add a plug-in here, as one module or package."
    yield f'<text class="title" x="{MARGIN}" y="32">{PACKAGE}</text>'
    yield f'<text class="note left" x="{MARGIN + 124}" y="32">{text}</text>'


def _shape(box: Box, *, plugin: bool) -> str:
    kind = "plugin" if plugin else "box"
    return (
        f'<rect class="{kind}" x="{box.x - box.width / 2:.0f}" y="{box.y:.0f}" width="{box.width:.0f}" height="{BOX}" '
        f'rx="6"/><text x="{box.x:.0f}" y="{box.y + 20:.0f}">{escape(box.label)}</text>'
    )


def _arrow(upper: Box, lower: Box) -> str:
    start = upper.y + BOX
    end = lower.y - (5 if lower.label else 0)
    middle = (start + end) / 2
    path = f"M{upper.x:.0f} {start:.0f}C{upper.x:.0f} {middle:.0f} {lower.x:.0f} {middle:.0f} {lower.x:.0f} {end:.0f}"
    path += "" if lower.label else f"V{lower.y + BOX:.0f}"
    head = ' marker-end="url(#head)"' if lower.label else ""
    return f'<path class="arrow" d="{path}"{head}/>'


def _document(shapes: Iterable[str], height: int) -> str:
    markers = "".join(
        f'<marker id="{name}" viewBox="0 0 8 8" refX="4" refY="4" markerWidth="{size}" markerHeight="{size}" '
        f'orient="auto"><path class="{kind}" d="M0 0L8 4L0 8z"/></marker>'
        for name, kind, size in (("head", "head", 6), ("wide", "wide-head", 4))
    )
    start = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">'
    return "\n".join([start, f"<style>{STYLE}</style>", f"<defs>{markers}</defs>", *shapes, "</svg>", ""])


def _label(graph: grimp.ImportGraph, module: str) -> str:
    return _last(module) + ("/" if graph.find_children(module) else "")


def _last(module: str) -> str:
    return module.rpartition(".")[2]


def _reach(imports: Imports, name: str) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        new = imports[waiting.pop()] - found
        found |= new
        waiting += new
    return found


if __name__ == "__main__":
    TARGET.write_text(draw_map(build_graph()), encoding="utf-8")
