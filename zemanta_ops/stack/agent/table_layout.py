"""Lay out the live table for a terminal of any size: text lines of a given width, without colours."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from zemanta_ops.stack.agent.groups import OWN, REQUESTS, SECTIONS, FigureReader, Figures, Group, GroupedSeries, Line
from zemanta_ops.stack.agent.report_table import format_tags

# The columns are as wide as seven characters, in wide terminals wider; a label is as wide as this.
_LABEL_WIDTHS = (24, 90)
_COLUMN_WIDTHS = ((160, 11), (110, 9), (0, 7))
_ELLIPSIS = "…"
_UNITS = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k"))
AnyLine = TypeVar("AnyLine", bound=Line)

SORTS = ("per s", "count", "errors", "mean", "slowest", "name")


@dataclass
class ViewOptions:
    """What a person has chosen with the keys."""

    sort: int = 0
    is_reversed: bool = False
    filter: str = ""
    is_recent: bool = False
    shows_members: bool = False
    shows_own: bool = False


def build_headings(percentiles: Sequence[float]) -> list[str]:
    """Return the headings of the columns."""
    return ["per s", "count", "errors", "mean", *(f"p{each:g}" for each in percentiles)]


def build_lines(series: GroupedSeries, reader: FigureReader, options: ViewOptions) -> list[tuple[Line | None, str]]:
    """Return the lines below the headings: each with its label, and without a line if it is a title.

    The tags that all series share are left out. Percentiles are read only if they are what is sorted by.
    """
    lines: list[tuple[Line | None, str]] = []
    groups, shared = series.list_groups(), series.find_shared_tags()
    for section in SECTIONS:
        chosen = [found for group in groups if group.section == section and (found := _filter(group, options.filter))]
        if not chosen:
            continue
        if section == OWN and not options.shows_own:
            number = sum(len(group.members) for group in chosen)
            lines.append((None, f"{OWN}: {number:,} series folded"))
            continue
        lines.append((None, section))
        for group in _sort(chosen, reader, options):
            lines += _list_members(group, reader, options, shared)
    return lines


def format_row(label: str, figures: Figures | None, columns: int, width: int) -> str:
    """Return one line of the table: the label, cut to the room that it has, and as many columns as fit."""
    shown, column, room = _divide(columns, width)
    cells = _list_cells(figures)[:shown] if figures else []
    return fit(fit(label, room if cells else width) + "".join(cell.rjust(column) for cell in cells), width)


def format_heading(headings: Sequence[str], window: str, recent: str, width: int) -> list[str]:
    """Return the two lines above the columns; the first says which time the figures are of."""
    shown, column, room = _divide(len(headings), width)
    spans = recent.rjust(room + column) + f" | {window}, times in ms" if shown > 1 else recent.rjust(width)
    return [fit(each, width) for each in (spans, " " * room + "".join(each.rjust(column) for each in headings[:shown]))]


def format_figure(number: float | None) -> str:
    """Return a number in at most six characters and a sign, or "" for None."""
    if number is None:
        return ""
    if not math.isfinite(number):
        return str(number)
    size = abs(number)
    for unit, letter in _UNITS:
        if size >= unit:
            scaled = number / (1e3 if letter == "k" else unit)
            return f"{scaled:.1f}{letter}" if abs(scaled) < 1e4 else f"{number:.0e}"
    return (
        f"{number:.0f}" if number == int(number) or size >= 1e3 else f"{number:.1f}" if size >= 100 else f"{number:.2f}"
    )


def fit(text: str, width: int) -> str:
    """Return the text, cut in its middle or filled with blanks, so that it takes ``width`` columns of a terminal."""
    length = measure(text)
    if length <= width:
        return text + " " * (width - length)
    if width <= 1:
        return _ELLIPSIS[:width]
    head, tail = _cut(text, (width - 1) // 2 + (width - 1) % 2), _cut(text[::-1], (width - 1) // 2)[::-1]
    return (head + _ELLIPSIS + tail).ljust(width - measure(head + tail) - 1 + len(head + tail))


def measure(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return len(text) if text.isascii() else sum(map(_measure_character, text))


def _measure_character(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def _cut(text: str, width: int) -> str:
    taken = 0
    for index, character in enumerate(text):
        taken += _measure_character(character)
        if taken > width:
            return text[:index]
    return text


def _divide(columns: int, width: int) -> tuple[int, int, int]:
    """Return how many columns fit, how wide each is, and how wide the label is."""
    column = next(each for least, each in _COLUMN_WIDTHS if width >= least)
    shown = max(min(columns, (width - _LABEL_WIDTHS[0]) // column), 1 if width > column else 0)
    return shown, column, min(max(width - shown * column, 0), _LABEL_WIDTHS[1])


def _list_cells(figures: Figures) -> list[str]:
    count = figures.count if figures.value is None else figures.value
    numbers = [figures.rate, count, figures.errors, figures.mean, *figures.percentiles]
    return [format_figure(each) for each in numbers]


def _filter(group: Group, text: str) -> Group | None:
    """Return the group with the members that fit, or None if none does."""
    members = [each for each in group.members if text in each.text] if text else group.members
    if not members:
        return None
    if len(members) == len(group.members):
        return group
    keys = [key for each in members for key in each.keys]
    return replace(group, keys=keys, members=members)


def _list_members(
    group: Group, reader: FigureReader, options: ViewOptions, shared: Mapping[str, str]
) -> list[tuple[Line | None, str]]:
    label = group.label
    if group.section != REQUESTS:
        label = f"{label} {format_tags(group.tags, without=shared)}".rstrip()
        if len(group.members) == 1:
            return [(group, label)]
    # The values of several gauges do not add up to one.
    is_added = group.keys[0][2] not in ("gauge", "set")
    lines: list[tuple[Line | None, str]] = [(group if is_added else None, label)]
    if options.shows_members or not is_added:
        members = _sort(group.members, reader, options)
        lines += [(member, f"  {format_tags(member.tags, without=group.tags)}") for member in members]
    return lines


def _sort(lines: Sequence[AnyLine], reader: FigureReader, options: ViewOptions) -> list[AnyLine]:
    by = SORTS[options.sort]
    if by == "name":
        return sorted(lines, key=lambda line: line.text, reverse=options.is_reversed)
    keys: dict[str, Callable[[Line], float]] = {
        "per s": lambda line: reader.compute_rate(line.keys),
        "count": lambda line: reader.count(line.keys),
        "errors": lambda line: reader.count_errors(line.keys) or 0,
        "mean": lambda line: reader.read(line).mean or 0.0,
        "slowest": lambda line: max((each or 0.0 for each in reader.read(line).percentiles), default=0.0),
    }
    # The greatest first; those that are equal keep the order of their names, so that lines do not jump.
    named = sorted(lines, key=lambda line: line.text)
    return sorted(named, key=keys[by], reverse=not options.is_reversed)
