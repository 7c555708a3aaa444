"""InfluxQL of InfluxDB 1.8."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import starmap
from typing import Any

from zemanta_ops.stack.queries.model import (
    INFINITE,
    HeatmapQuery,
    PercentileQuery,
    Query,
    RatioQuery,
    Selection,
    SeriesQuery,
    name_bound,
)

DATASOURCE = "influxdb"

_DIVISORS = {
    ("seconds", False): " / ($__interval_ms / 1000)",
    ("seconds", True): " / ($__range_ms / 1000)",
    ("milliseconds", False): " / $__interval_ms",
    ("milliseconds", True): " / $__range_ms",
}
# Keeps an empty bucket from being a division by zero, which InfluxQL answers with zero.
_TINY = 0.000001


def render(query: Query, label: str) -> dict[str, Any]:
    """Return the fields of a panel's target."""
    whole = not isinstance(query, HeatmapQuery) and query.whole
    by = ("le",) if isinstance(query, HeatmapQuery) else query.by
    return {
        "query": _render_text(query, label if whole else "value"),
        "rawQuery": True,
        "resultFormat": "table" if whole else "time_series",
        "alias": "" if isinstance(query, HeatmapQuery) else _render_alias(by, label),
    }


def render_span(query: SeriesQuery, start: int, end: int, _bucket: str = "") -> str:
    """Return the statement that asks for one number a group, of the points from ``start`` and before ``end``."""
    text = _render_series(dataclasses.replace(query, whole=True), "value")
    text = text.replace("$__range_ms", str((end - start) * 1_000))
    return text.replace("$timeFilter", f"time >= {start}s AND time < {end}s")


def render_alert(query: Query, length: int, delay: int) -> dict[str, Any]:
    """Return the fields of an alert rule's query: one number a group, of ``length`` seconds until ``delay`` ago."""
    text = _render_text(query, "value").replace("$__range_ms", str(length * 1_000))
    text = text.replace("$timeFilter", f"time >= now() - {length + delay}s AND time < now() - {delay}s")
    return {"query": text, "rawQuery": True, "resultFormat": "time_series"}


def render_variable(tag: str, measurements: Sequence[str], variables: Sequence[str]) -> str:
    """Return the query for the values of a tag, among the series that ``variables`` select."""
    sources = ", ".join(map(_quote, measurements))
    conditions = " AND ".join(_match_variable(name) for name in variables)
    return f"SHOW TAG VALUES FROM {sources} WITH KEY = {_quote(tag)}" + (f" WHERE {conditions}" if conditions else "")


def render_annotation(measurement: str, variables: Sequence[str]) -> dict[str, Any]:
    """Return the fields of an annotation's target: the points of a measurement, with title and text."""
    conditions = " AND ".join([*map(_match_variable, variables), "$timeFilter"])
    return {
        # Every name is quoted for InfluxQL, here and below.
        "query": f'SELECT "title", "text" FROM {_quote(measurement)} WHERE {conditions}',  # noqa: S608
        "rawQuery": True,
        "fromAnnotations": True,
        "titleColumn": "title",
        "textColumn": "text",
    }


def _render_alias(by: Sequence[str] | None, label: str) -> str:
    if by is None:
        return ""
    return " ".join([*(f"$tag_{tag}" for tag in by)]) or label


def _render_text(query: Query, name: str) -> str:
    if isinstance(query, SeriesQuery):
        return _render_series(query, name)
    if isinstance(query, RatioQuery):
        return _render_ratio(query, name)
    if isinstance(query, PercentileQuery):
        return _render_percentile(query, name)
    return _render_heatmap(query)


def _render_series(query: SeriesQuery, name: str) -> str:
    if query.aggregate == "sum_of_averages":
        return _render_sum_of_averages(query, name)
    field = _quote(query.selection.field)
    numbers = {
        "sum": f"sum({field})",
        "mean": 'sum("sum") / sum("count")',
        "average": f"mean({field})",
        "max": f"max({field})",
        "last": f"last({field})",
    }
    number = numbers[query.aggregate] + (_DIVISORS[query.divisor, query.whole] if query.divisor else "")
    fill = "" if query.whole else " fill(0)" if query.aggregate == "sum" else " fill(none)"
    return (
        f"SELECT {number} AS {_quote(name)} FROM {_quote(query.selection.measurement)} "  # noqa: S608
        f"WHERE {_render_where(query.selection)}{_group(query.by, whole=query.whole)}{fill}"
    )


def _render_sum_of_averages(query: SeriesQuery, name: str) -> str:
    """Add up one number of each series, which the inner query has."""
    fill = "" if query.whole else " fill(none)"
    series = (
        f'SELECT mean({_quote(query.selection.field)}) AS "mean" FROM {_quote(query.selection.measurement)} '  # noqa: S608
        f"WHERE {_render_where(query.selection)}{_group(None, whole=query.whole)}{fill}"
    )
    return (
        f'SELECT sum("mean") AS {_quote(name)} FROM ({series}) '  # noqa: S608
        f"WHERE $timeFilter{_group(query.by, whole=query.whole)}{fill}"
    )


def _render_ratio(query: RatioQuery, name: str) -> str:
    """Divide two sums of one measurement, within one statement.

    If no series is of the part, InfluxQL 1.8 gives its sum no type, and answers a sum of integers beside it with 0. So
    all numbers are floats, and those of the denominator come first, with a part of zero.
    """
    field = _quote(query.selection.field)
    source = _quote(query.selection.measurement)
    group = _group(query.by, whole=query.whole)
    sums = (
        'SELECT sum("part") / sum("all") AS "r", sum("all") AS "n" FROM '  # noqa: S608
        f'(SELECT {field} * 1.0 AS "all", {field} * 0.0 AS "part" FROM {source} WHERE {_render_where(query.all)}), '
        f'(SELECT {field} * 1.0 AS "part" FROM {source} WHERE {_render_where(query.part)}) '
        f"WHERE $timeFilter{group} fill(0)"
    )
    return (
        f'SELECT "r"{query.render_scale()} AS {_quote(name)} FROM ({sums}) '  # noqa: S608
        f'WHERE "n" >= {query.minimum:g} AND $timeFilter{_group(query.by, whole=True)}'
    )


def _render_percentile(query: PercentileQuery, name: str) -> str:
    """Interpolate within the bucket that the percentile is in.

    For each bucket the share that lies below the percentile, between 0 and 1, times its width. InfluxQL has neither
    minimum nor CASE, so the share is limited with absolute values.
    """
    widths = []
    lower, below = 0.0, "0"
    for number, bound in enumerate(query.bounds):
        share = f'(({query.quantile:g} * "all" - {below}) / ("c{number}" - {below} + {_TINY:f}))'
        widths.append(f"{bound - lower:g} * (abs({share}) - abs({share} - 1) + 1) / 2")
        lower, below = bound, f'"c{number}"'
    return (
        f"SELECT {' + '.join(widths)} AS {_quote(name)} FROM ({_sum_buckets(query)}) "  # noqa: S608
        f'WHERE "all" > 0 AND $timeFilter{_group(query.by, whole=True)}'
    )


def _sum_buckets(query: PercentileQuery) -> str:
    bounds = [(f"c{number}", name_bound(bound)) for number, bound in enumerate(query.bounds)] + [("all", INFINITE)]
    sums = ", ".join(f'sum("{column}") AS "{column}"' for column, _ in bounds)
    sources = ", ".join(
        f'(SELECT "value" AS "{column}" FROM {_quote(query.selection.measurement)} '  # noqa: S608
        f"WHERE \"le\" = '{le}' AND {_render_where(query.selection)})"
        for column, le in bounds
    )
    return f"SELECT {sums} FROM {sources} WHERE $timeFilter{_group(query.by, whole=query.whole)} fill(0)"  # noqa: S608


def _render_heatmap(query: HeatmapQuery) -> str:
    """Return one column for each bucket: the counters are cumulative, a heat map is not."""
    columns = []
    below = ""
    for number, le in enumerate([*map(name_bound, query.bounds), INFINITE]):
        columns.append((f'sum("c{number}")', below, le, f"c{number}"))
        below = f' - sum("c{number}")'
    numbers = ", ".join(f'{total}{minus} AS "{le}"' for total, minus, le, _ in columns)
    sources = ", ".join(
        f'(SELECT "value" AS "{column}" FROM {_quote(query.selection.measurement)} '  # noqa: S608
        f"WHERE \"le\" = '{le}' AND {_render_where(query.selection)})"
        for _, _, le, column in columns
    )
    return f"SELECT {numbers} FROM {sources} WHERE $timeFilter GROUP BY time($__interval) fill(0)"  # noqa: S608


def _render_where(selection: Selection) -> str:
    filters = [f"{_quote(tag)} =~ /{regex}/" for tag, regex in selection.filters.items()]
    return " AND ".join([*filters, *starmap(_match_variable, selection.choices), "$timeFilter"])


def _match_variable(tag: str, name: str = "") -> str:
    # The plain variable is escaped differently from version to version of Grafana.
    return f"{_quote(tag)} =~ /^${{{name or tag}:regex}}$/"


def _group(by: Sequence[str] | None, *, whole: bool) -> str:
    groups = [] if whole else ["time($__interval)"]
    groups += ["*"] if by is None else map(_quote, by)
    return f" GROUP BY {', '.join(groups)}" if groups else ""


def _quote(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
