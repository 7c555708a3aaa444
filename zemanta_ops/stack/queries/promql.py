"""PromQL, as VictoriaMetrics answers it: a point is what was counted in one interval of the agent."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import starmap
from typing import Any

from zemanta_ops.stack.databases.promql import quote_label
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

DATASOURCE = "prometheus"

_DIVISORS = {
    ("seconds", False): " / ($__interval_ms / 1000)",
    ("seconds", True): " / ($__range_ms / 1000)",
    ("milliseconds", False): " / $__interval_ms",
    ("milliseconds", True): " / $__range_ms",
}
_ACROSS = {"sum": "sum", "average": "avg", "sum_of_averages": "sum", "max": "max", "last": "max"}
_OVER_TIME = {"sum": "sum", "average": "avg", "sum_of_averages": "avg", "max": "max", "last": "last"}


def render(query: Query, label: str) -> dict[str, Any]:
    """Return the fields of a panel's target."""
    if isinstance(query, HeatmapQuery):
        return {"expr": _render_heatmap(query), "legendFormat": "{{le}}", "format": "time_series", "range": True}
    legend = "" if query.by is None else " ".join(f"{{{{{tag}}}}}" for tag in query.by) or label
    line = {"expr": _render_text(query), "legendFormat": legend}
    if query.whole:
        return {**line, "format": "table", "instant": True, "range": False}
    return {**line, "format": "time_series", "range": True}


def render_span(query: SeriesQuery, start: int, end: int, _bucket: str = "") -> str:
    """Return the query, asked at ``end``, for one number a group, of the points from ``start`` and before ``end``.

    For ``last`` it is the range itself, of which only the points have times.
    """
    if query.aggregate == "last":
        text = f"{_select(query.selection, query.selection.field)}{_span(whole=True)}"
    else:
        text = _render_series(dataclasses.replace(query, whole=True))
    return text.replace("$__range_ms", str((end - start) * 1_000)).replace("$__range", f"{end - start}s")


def render_alert(query: Query, length: int, _delay: int) -> dict[str, Any]:
    """Return the fields of an alert rule's query, asked at the end of its time range: one number a group."""
    assert not isinstance(query, HeatmapQuery)  # noqa: S101  (for the type checker)
    text = _render_text(query).replace("$__range_ms", str(length * 1_000)).replace("$__range", f"{length}s")
    return {"expr": text, "instant": True, "range": False}


def render_variable(tag: str, measurements: Sequence[str], variables: Sequence[str]) -> str:
    """Return the query for the values of a tag, among the series that ``variables`` select."""
    names = "|".join(f"{name}_.+" for name in measurements)
    matchers = [f"__name__=~`{names}`", *map(_match_variable, variables)]
    return f"label_values({{{', '.join(matchers)}}}, {tag})"


def render_annotation(measurement: str, variables: Sequence[str]) -> dict[str, Any]:
    """Return the fields of an annotation's target: the points of a measurement; its text is the label ``version``."""
    matchers = [_match_name(measurement, "value"), *map(_match_variable, variables)]
    return {"expr": f"{{{', '.join(matchers)}}}", "fromAnnotations": True}


def _render_text(query: SeriesQuery | RatioQuery | PercentileQuery) -> str:
    if isinstance(query, SeriesQuery):
        return _render_series(query)
    if isinstance(query, RatioQuery):
        return _render_ratio(query)
    return f"histogram_quantile({query.quantile:g}, {_sum_buckets(query)})"


def _render_series(query: SeriesQuery) -> str:
    span = _span(query.whole)
    if query.aggregate == "mean":
        fields = [_select(query.selection, field) for field in ("sum", "count")]
        sums = [f"sum{_by(query.by or ())} (sum_over_time({each}{span}))" for each in fields]
        return f"{sums[0]} / ({sums[1]} > 0)"
    if query.aggregate == "average" and query.by is not None:
        # The mean of all points, as in the other languages: series may have different numbers of them.
        each = f"{_select(query.selection, query.selection.field)}{span}"
        return f"sum{_by(query.by)} (sum_over_time({each})) / sum{_by(query.by)} (count_over_time({each}))"
    inner = f"{_OVER_TIME[query.aggregate]}_over_time({_select(query.selection, query.selection.field)}{span})"
    text = inner if query.by is None else f"{_ACROSS[query.aggregate]}{_by(query.by)} ({inner})"
    return text + (_DIVISORS[query.divisor, query.whole] if query.divisor else "")


def _render_ratio(query: RatioQuery) -> str:
    whole = _sum(query.all, query.by, whole=query.whole)
    part = _sum(query.part, query.by, whole=query.whole)
    return f"({part} or {whole} * 0) / ({whole} >= {query.minimum:g}){query.render_scale()}"


def _sum_buckets(query: PercentileQuery) -> str:
    """Sum the counters by bucket. One into which nothing fell was never written, and would not be a limit: it is 0."""
    none = f"{_sum(query.selection.narrow({'le': _match_bound(INFINITE)}), query.by, whole=query.whole)} * 0"
    empty = [f'label_replace({none}, "le", "{name_bound(bound)}", "", "")' for bound in query.bounds]
    return " or ".join([_sum(query.selection, (*query.by, "le"), whole=query.whole), *empty])


def _match_bound(le: str) -> str:
    return f"^{le.replace('+', '[+]').replace('.', '[.]')}$"


def _render_heatmap(query: HeatmapQuery) -> str:
    """Return one series for each bucket: the counters are cumulative, a heat map is not."""
    parts = []
    below = ""
    for le in [*map(name_bound, query.bounds), INFINITE]:
        count = _sum(query.selection.narrow({"le": _match_bound(le)}), (), whole=False)
        number = f"({count} - ({below} or vector(0)))" if below else count
        parts.append(f'label_replace({number}, "le", "{le}", "", "")')
        below = count
    return " or ".join(parts)


def _sum(selection: Selection, by: Sequence[str], *, whole: bool) -> str:
    return f"sum{_by(by)} (sum_over_time({_select(selection, selection.field)}{_span(whole)}))"


def _span(whole: bool) -> str:
    # A range of PromQL ends with the point at its end; an interval of the other languages begins with the one at its
    # start, and so do these.
    return f"[{'$__range' if whole else '$__interval'}] offset 1ms"


def _by(by: Sequence[str]) -> str:
    return f" by ({', '.join(map(quote_label, by))})" if by else ""


def _select(selection: Selection, field: str) -> str:
    matchers = [_match_name(selection.measurement, field)]
    # Between backquotes nothing is escaped a second time.
    matchers += [f"{quote_label(tag)}=~`{regex}`" for tag, regex in selection.filters.items()]
    matchers += starmap(_match_variable, selection.choices)
    return f"{{{', '.join(matchers)}}}"


def _match_name(measurement: str, field: str) -> str:
    escaped = f"{measurement}_{field}".replace("\\", "\\\\").replace('"', '\\"')
    return f'__name__="{escaped}"'


def _match_variable(tag: str, name: str = "") -> str:
    return f"{quote_label(tag)}=~`${{{name or tag}:regex}}`"
