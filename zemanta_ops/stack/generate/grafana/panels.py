"""Panels of Grafana as plain dicts, in the classic format of version 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from zemanta_ops.stack.declarations.names import to_number
from zemanta_ops.stack.declarations.terms import Threshold, above
from zemanta_ops.stack.declarations.units import MEASURED, find_unit
from zemanta_ops.stack.generate.grafana.absence import ALWAYS, Absence
from zemanta_ops.stack.queries import LANGUAGES, Query

Json = dict[str, Any]
PanelType = Literal["timeseries", "stat", "table", "heatmap", "text"]

WEEK = "7d"
_OK, _WARN, _CRIT = "green", "yellow", "red"
# The area above the highest limit is always in sight.
_ABOVE_LIMITS = 1.2
_LEAST_RATIO = 0.01


@dataclass(frozen=True)
class Asked:
    """A query and what its line, or its column, is called; ``unit`` if it differs from the panel's."""

    label: str
    query: Query
    unit: str = ""


@dataclass(frozen=True)
class Limits:
    """The thresholds of an alert, which a panel shows as areas."""

    warn: Threshold | None = None
    crit: Threshold | None = None


@dataclass(frozen=True)
class Panel:
    """A panel without its place.

    Attributes:
        key: Its name, from which its id follows.
        title: What it is called.
        text: Documentation in Markdown: shown beside it.
        asked: The queries.
        type: How it is drawn.
        unit: A unit of the declarations.
        limits: The thresholds of its alert.
        link: The address that a line, or a row, leads to.
        runbook: The address of the runbook.
        width: In 24ths of the page.
        height: In rows of Grafana's grid.
        time_shift: How much earlier than the dashboard's time it looks.
        period: The time up to now that it shows, instead of the dashboard's time.
        interval: The shortest time between two points, if it is longer than the agent's interval.
        sort: For a table: the column whose largest value comes first.
        absence: What it means if it is empty.

    """

    key: str
    title: str
    text: str = ""
    asked: Sequence[Asked] = ()
    type: PanelType = "timeseries"
    unit: str = ""
    limits: Limits | None = None
    link: str = ""
    runbook: str = ""
    width: int = 12
    height: int = 8
    time_shift: str = ""
    period: str = ""
    interval: str = ""
    sort: str = ""
    minimum: float | None = 0
    absence: Absence = ALWAYS

    def number(self, uid: str) -> int:
        """Return its id on the dashboard with this uid."""
        return to_number(uid, self.key)


def render_panel(panel: Panel, uid: str, place: tuple[int, int], language: str, interval: str) -> Json:
    """Return the panel as Grafana reads it; ``place`` is its column and row."""
    body: Json = {
        "id": panel.number(uid),
        "type": panel.type,
        "title": panel.title,
        "description": panel.text,
        "gridPos": {"x": place[0], "y": place[1], "w": panel.width, "h": panel.height},
    }
    if panel.type == "text":
        return {**body, "description": "", "options": {"mode": "markdown", "content": panel.text}}
    body |= {
        "datasource": render_datasource(language),
        "interval": panel.interval or interval,
        "targets": [_render_target(asked, number, language) for number, asked in enumerate(panel.asked)],
        "fieldConfig": {"defaults": _render_defaults(panel, language), "overrides": _render_overrides(panel, language)},
        "options": _OPTIONS[panel.type](panel),
    }
    if panel.time_shift:
        body |= {"timeShift": panel.time_shift, "hideTimeOverride": False}
    if panel.period:
        body |= {"timeFrom": panel.period, "hideTimeOverride": False}
    if panel.runbook:
        body["links"] = [_render_link("Runbook", panel.runbook)]
    if panel.type == "table":
        body["transformations"] = _render_transformations(panel, language)
    return body


def render_datasource(language: str) -> Json:
    """Return the reference to the data source that the dashboard's reader has chosen."""
    return {"type": LANGUAGES[language].DATASOURCE, "uid": "${datasource}"}


def render_thresholds(limits: Limits | None) -> Json:
    """Return the steps from good to bad, or from bad to good if low values are bad."""
    steps: list[tuple[float | None, str]] = [(None, _OK)]
    if limits is not None and (limits.warn or limits.crit):
        known = [
            (limit.value, colour, limit) for limit, colour in ((limits.warn, _WARN), (limits.crit, _CRIT)) if limit
        ]
        if known[0][2].direction == "above":
            steps += [(value, colour) for value, colour, _ in known]
        else:
            # Below crit is red, from there to warn yellow, above it green.
            upper = [*(value for value, _, _ in reversed(known))]
            colours = [*(colour for _, colour, _ in reversed(known)), _OK]
            steps = [(None, colours[0]), *zip(upper, colours[1:], strict=True)]
    return {"mode": "absolute", "steps": [{"value": value, "color": colour} for value, colour in steps]}


def _render_target(asked: Asked, number: int, language: str) -> Json:
    target = LANGUAGES[language].render(asked.query, asked.label)
    return {"refId": name_target(number), "datasource": render_datasource(language), **target}


def name_target(number: int) -> str:
    """Return A, B, C … for the targets of a panel."""
    return chr(ord("A") + number)


def _render_defaults(panel: Panel, language: str) -> Json:
    unit = find_unit(panel.unit) or MEASURED[""]
    defaults: Json = {
        "unit": unit.grafana,
        "thresholds": render_thresholds(panel.limits),
        "color": {"mode": "thresholds" if panel.type == "stat" else "palette-classic"},
        "custom": _CUSTOM.get(panel.type, {}),
    }
    if panel.absence.reason:
        defaults["noValue"] = f"No data: expected if {panel.absence.reason}"
    if panel.minimum is not None and panel.type == "timeseries":
        defaults["min"] = panel.minimum
    if panel.type == "timeseries":
        shown = {"thresholdsStyle": {"mode": _choose_style(panel.limits)}, **_render_axis(panel)}
        defaults["custom"] = {**defaults["custom"], **shown}
        if language == "flux" and (by := _list_tags(panel)):
            defaults["displayName"] = " ".join(f"${{__field.labels.{tag}}}" for tag in by)
    if panel.link and panel.type == "timeseries":
        defaults["links"] = [{"title": "Open", "url": panel.link, "targetBlank": False}]
    return defaults


def _choose_style(limits: Limits | None) -> str:
    """Return how thresholds are drawn. If any number above zero is bad, an area would be red although all is well."""
    if limits is None:
        return "off"
    return "line" if above(0) in (limits.warn, limits.crit) else "area"


def _render_axis(panel: Panel) -> Json:
    """Return how far the axis reaches at least: for zeros alone Grafana would choose 100, far within the red area."""
    limits = (panel.limits.warn, panel.limits.crit) if panel.limits else ()
    highest = max((limit.value for limit in limits if limit), default=0.0)
    if highest > 0:
        return {"axisSoftMax": round(highest * _ABOVE_LIMITS, 9)}
    return {"axisSoftMax": _LEAST_RATIO} if panel.unit == "ratio" else {}


def _render_overrides(panel: Panel, language: str) -> list[Json]:
    overrides = []
    if panel.type == "table":
        for asked in panel.asked:
            unit = find_unit(asked.unit) or MEASURED[""]
            overrides.append(_override("byName", asked.label, {"unit": unit.grafana}))
        if panel.link:
            [tag, *_] = _list_tags(panel) or ("",)
            link = [{"title": "Open", "url": panel.link, "targetBlank": False}]
            overrides.append(_override("byName", tag, {"links": link}))
    elif language == "flux" and panel.type != "heatmap" and getattr(panel.asked[0].query, "by", None) == ():
        for number, asked in enumerate(panel.asked):
            overrides.append(_override("byFrameRefID", name_target(number), {"displayName": asked.label}))
    return overrides


def _override(matcher: str, option: str, properties: Mapping[str, Any]) -> Json:
    values = [{"id": key, "value": value} for key, value in properties.items()]
    return {"matcher": {"id": matcher, "options": option}, "properties": values}


def _list_tags(panel: Panel) -> Sequence[str]:
    """Return the tags that tell the lines of a panel apart."""
    return (getattr(panel.asked[0].query, "by", ()) or ()) if panel.asked else ()


def _render_transformations(panel: Panel, language: str) -> list[Json]:
    renamed = {}
    if language == "promql":
        renamed = {f"Value #{name_target(number)}": asked.label for number, asked in enumerate(panel.asked)}
    # InfluxQL gives a maximum the time of its point. Rows are merged if all columns that the queries share are equal.
    timeless = {"exclude": {"names": ["Time"]}}
    options = {"excludeByName": {}, "indexByName": {}, "renameByName": renamed}
    return [
        {"id": "filterFieldsByName", "options": timeless},
        {"id": "merge", "options": {}},
        {"id": "organize", "options": options},
    ]


def _render_link(title: str, url: str) -> Json:
    return {"title": title, "url": url, "type": "link", "targetBlank": True}


def _timeseries_options(_: Panel) -> Json:
    legend = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}
    return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}


def _stat_options(_: Panel) -> Json:
    return {
        # The query's only number, which is of the whole time.
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value",
        "percentChangeColorMode": "standard",
        "graphMode": "none",
        "justifyMode": "auto",
        "textMode": "auto",
        "orientation": "auto",
        "wideLayout": True,
        "showPercentChange": False,
    }


def _table_options(panel: Panel) -> Json:
    sort = [{"displayName": panel.sort, "desc": True}] if panel.sort else []
    return {"frameIndex": 0, "showHeader": True, "cellHeight": "sm", "sortBy": sort}


def _heatmap_options(_: Panel) -> Json:
    return {
        "calculate": False,
        "yAxis": {"unit": "ms", "axisPlacement": "left"},
        "rowsFrame": {"layout": "le"},
        "color": {
            "mode": "scheme",
            "scheme": "Oranges",
            "steps": 64,
            "reverse": False,
            "exponent": 0.5,
            "fill": "dark-orange",
        },
        "cellGap": 1,
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "tooltip": {"mode": "single", "showColorScale": False, "yHistogram": False},
        "showValue": "never",
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
    }


_OPTIONS = {
    "timeseries": _timeseries_options,
    "stat": _stat_options,
    "table": _table_options,
    "heatmap": _heatmap_options,
}
_CUSTOM: Mapping[str, Json] = {
    "timeseries": {
        "drawStyle": "line",
        "lineInterpolation": "linear",
        "lineWidth": 1,
        "fillOpacity": 0,
        "showPoints": "auto",
        "pointSize": 5,
        "spanNulls": False,
    },
    "table": {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False},
    "heatmap": {
        "hideFrom": {"legend": False, "tooltip": False, "viz": False},
        "scaleDistribution": {"type": "linear"},
    },
}
