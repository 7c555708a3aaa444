"""Flux of InfluxDB 2.x."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
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

_EVERY = "v.windowPeriod"
_RANGE = "(float(v: int(v: v.timeRangeStop) - int(v: v.timeRangeStart)) / 1000000000.0)"
_DIVISORS = {
    ("seconds", False): "(float(v: int(v: v.windowPeriod)) / 1000000000.0)",
    ("seconds", True): _RANGE,
    ("milliseconds", False): "(float(v: int(v: v.windowPeriod)) / 1000000.0)",
    ("milliseconds", True): f"({_RANGE} * 1000.0)",
}
_FUNCTIONS = {"sum": "sum", "average": "mean", "sum_of_averages": "mean", "max": "max", "last": "last"}


def render(query: Query, label: str) -> dict[str, Any]:
    """Return the fields of a panel's target."""
    whole = not isinstance(query, HeatmapQuery) and query.whole
    return {"query": "\n".join(_render_lines(query) + ([_name_column(query, label)] if whole else []))}


def render_span(query: SeriesQuery, start: int, end: int, bucket: str) -> str:
    """Return the statement that asks for one number a group, of the points from ``start`` and before ``end``."""
    text = "\n".join(_render_lines(dataclasses.replace(query, whole=True)))
    for name, moment in (("timeRangeStart", start), ("timeRangeStop", end)):
        text = text.replace(f"v.{name}", datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"))
    return text.replace("v.defaultBucket", _string(bucket))


def render_alert(query: Query, _length: int, _delay: int) -> dict[str, Any]:
    """Return the fields of an alert rule's query: one number a group, of the time range that the rule has."""
    by = () if isinstance(query, HeatmapQuery) else query.by or ()
    # With a time, each group is a series of its own, whose labels are the tags.
    stamp = "  |> map(fn: (r) => ({r with _time: v.timeRangeStop}))"
    columns = _list(["_time", *by, "_value"])
    return {"query": "\n".join([*_render_lines(query), stamp, f"  |> keep(columns: {columns})"])}


def render_variable(tag: str, measurements: Sequence[str], variables: Sequence[str]) -> str:
    """Return the query for the values of a tag, among the series that ``variables`` select."""
    named = " or ".join(f"r._measurement == {_string(each)}" for each in measurements)
    conditions = " and ".join([f"({named})", *map(_match_variable, variables)])
    return (
        'import "influxdata/influxdb/schema"\n'
        f"schema.tagValues(bucket: v.defaultBucket, tag: {_string(tag)}, predicate: (r) => {conditions}, start: -30d)"
    )


def render_annotation(measurement: str, variables: Sequence[str]) -> dict[str, Any]:
    """Return the fields of an annotation's target: the points of a measurement, with title and text."""
    conditions = " and ".join([f"r._measurement == {_string(measurement)}", *map(_match_variable, variables)])
    lines = [
        *_read_range(),
        f"  |> filter(fn: (r) => {conditions})",
        '  |> filter(fn: (r) => r._field == "title" or r._field == "text")',
        '  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")',
        '  |> group()\n  |> keep(columns: ["_time", "title", "text"])',
    ]
    return {"query": "\n".join(lines), "fromAnnotations": True}


def _render_lines(query: Query) -> list[str]:
    if isinstance(query, SeriesQuery):
        if query.aggregate == "sum_of_averages" and query.by is not None:
            return _render_sum_of_averages(query, query.by)
        return _render_mean(query) if query.aggregate == "mean" else _render_series(query)
    if isinstance(query, RatioQuery):
        return _render_ratio(query)
    if isinstance(query, PercentileQuery):
        return _render_percentile(query)
    return _render_heatmap(query)


def _render_series(query: SeriesQuery) -> list[str]:
    function = _FUNCTIONS[query.aggregate]
    lines = [*_read_range(), _select(query.selection, query.selection.field), "  |> toFloat()"]
    lines += [] if query.by is None else [_group(query.by)]
    if query.aggregate == "last":
        # Of the series of a group one follows the other, not in the order of time.
        lines.append('  |> sort(columns: ["_time", "_value"])')
    if query.whole:
        lines.append(f"  |> {function}()")
    else:
        lines.append(_aggregate(function, empty=query.aggregate == "sum"))
        lines += ["  |> fill(value: 0.0)"] if query.aggregate == "sum" else []
    if query.divisor:
        divisor = _DIVISORS[query.divisor, query.whole]
        lines.append(f"  |> map(fn: (r) => ({{r with _value: r._value / {divisor}}}))")
    return lines


def _render_sum_of_averages(query: SeriesQuery, by: Sequence[str]) -> list[str]:
    """Add up one number of each series: until they are grouped, each series is a table of its own."""
    lines = [*_render_series(dataclasses.replace(query, by=None)), _group(by if query.whole else [*by, "_time"])]
    lines.append("  |> sum()")
    return lines if query.whole else [*lines, _group(by), '  |> sort(columns: ["_time"])']


def _render_mean(query: SeriesQuery) -> list[str]:
    """Divide the sum of the sums by the sum of the counts."""
    by = query.by or ()
    key = "_start" if query.whole else "_time"
    return [
        *_read_range(),
        _select(query.selection, "sum", "count"),
        "  |> toFloat()",
        _group([*by, "_field", "_start"] if query.whole else [*by, "_field"]),
        "  |> sum()" if query.whole else _aggregate("sum", empty=False),
        f'  |> pivot(rowKey: {_list([key, *by])}, columnKey: ["_field"], valueColumn: "_value")',
        "  |> filter(fn: (r) => r.count > 0.0)",
        "  |> map(fn: (r) => ({r with _value: r.sum / r.count}))",
        '  |> drop(columns: ["sum", "count"])',
        _group(by),
    ]


def _render_ratio(query: RatioQuery) -> list[str]:
    part = _sum_if(query.numerator)
    whole = _sum_if(query.denominator)
    tags = "".join(f"{_string(tag)}: r[{_string(tag)}], " for tag in query.by)
    return [
        *_read_range(),
        _select(query.selection, query.selection.field),
        "  |> toFloat()",
        f"  |> map(fn: (r) => ({{r with part: {part}, all: {whole}}}))",
        _group([*query.by, "_start"]),
        *([] if query.whole else [f"  |> window(every: {_EVERY})"]),
        "  |> reduce(identity: {part: 0.0, all: 0.0}, fn: (r, accumulator) => "
        "({part: accumulator.part + r.part, all: accumulator.all + r.all}))",
        f"  |> filter(fn: (r) => r.all >= {float(query.minimum)!r})",
        f"  |> map(fn: (r) => ({{_time: r._start, {tags}_value: r.part / r.all{query.render_scale()}}}))",
        _group(query.by),
    ]


def _sum_if(filters: Mapping[str, str]) -> str:
    tests = " and ".join(_match(tag, regex) for tag, regex in filters.items())
    return f"if {tests} then r._value else 0.0" if tests else "r._value"


def _render_percentile(query: PercentileQuery) -> list[str]:
    """Interpolate within the bucket that the percentile is in.

    A bucket into which nothing fell was never written: ``histogramQuantile`` would take the one above for the lowest.
    """
    key = "_start" if query.whole else "_time"
    tags = "".join(f"{_string(tag)}: r[{_string(tag)}], " for tag in query.by)
    return [
        *_read_range(),
        _select(query.selection, query.selection.field),
        "  |> toFloat()",
        _group([*query.by, "le", "_start"] if query.whole else [*query.by, "le"]),
        "  |> sum()" if query.whole else _aggregate("sum", empty=False),
        f'  |> pivot(rowKey: {_list([key, *query.by])}, columnKey: ["le"], valueColumn: "_value")',
        f"  |> filter(fn: (r) => {_read_bucket(INFINITE)} > 0.0)",
        f"  |> map(fn: (r) => ({{_time: r.{key}, {tags}_value: {_interpolate(query)}}}))",
        _group(query.by),
    ]


def _interpolate(query: PercentileQuery) -> str:
    rank = f"{query.quantile!r} * {_read_bucket(INFINITE)}"
    parts = []
    lower, below = 0.0, "0.0"
    for bound in map(float, query.bounds):
        count = _read_bucket(name_bound(bound))
        share = f"({rank} - {below}) / ({count} - {below})"
        parts.append(f"if {count} >= {rank} then {lower!r} + {bound - lower!r} * {share} else ")
        lower, below = bound, count
    return f"{''.join(parts)}{lower!r}"


def _read_bucket(le: str) -> str:
    return f"(if exists r[{_string(le)}] then r[{_string(le)}] else 0.0)"


def _render_heatmap(query: HeatmapQuery) -> list[str]:
    """Return one column for each bucket: the counters are cumulative, a heat map is not."""
    bounds = [*map(name_bound, query.bounds), INFINITE]
    # A bucket into which nothing ever fell is not a column.
    counts = [_read_bucket(le) for le in bounds]
    columns = [
        f"{_string(le)}: {count}" + (f" - {counts[number - 1]}" if number else "")
        for number, (le, count) in enumerate(zip(bounds, counts, strict=True))
    ]
    return [
        *_read_range(),
        _select(query.selection, query.selection.field),
        "  |> toFloat()",
        _group(["le"]),
        _aggregate("sum", empty=True),
        "  |> fill(value: 0.0)",
        '  |> pivot(rowKey: ["_time"], columnKey: ["le"], valueColumn: "_value")',
        f"  |> map(fn: (r) => ({{_time: r._time, {', '.join(columns)}}}))",
    ]


def _name_column(query: Query, label: str) -> str:
    by = () if isinstance(query, HeatmapQuery) else query.by or ()
    return (
        f"  |> group()\n  |> keep(columns: {_list([*by, '_value'])})\n"
        f"  |> rename(columns: {{_value: {_string(label)}}})"
    )


def _read_range() -> list[str]:
    return ["from(bucket: v.defaultBucket)", "  |> range(start: v.timeRangeStart, stop: v.timeRangeStop)"]


def _select(selection: Selection, *fields: str) -> str:
    named = " or ".join(f"r._field == {_string(each)}" for each in fields)
    conditions = [f"r._measurement == {_string(selection.measurement)}", f"({named})"]
    conditions += [_match(tag, regex) for tag, regex in selection.filters.items()]
    conditions += starmap(_match_variable, selection.choices)
    return f"  |> filter(fn: (r) => {' and '.join(conditions)})"


def _match(tag: str, regex: str) -> str:
    # A series without the tag is matched as if its value were empty, as in the other languages.
    name = f"r[{_string(tag)}]"
    return f'(if exists {name} then {name} else "") =~ /{regex}/'


def _match_variable(tag: str, name: str = "") -> str:
    return _match(tag, f"^${{{name or tag}:regex}}$")


def _group(by: Sequence[str]) -> str:
    return f"  |> group(columns: {_list(by)})" if by else "  |> group()"


def _aggregate(function: str, *, empty: bool) -> str:
    return (
        f'  |> aggregateWindow(every: {_EVERY}, fn: {function}, timeSrc: "_start", createEmpty: {str(empty).lower()})'
    )


def _list(names: Sequence[str]) -> str:
    return f"[{', '.join(map(_string, names))}]"


def _string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${")
    return f'"{escaped}"'
