"""Find what Grafana would refuse, ignore or draw wrongly in a generated dashboard. No schema sees these."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from zemanta_ops.stack.declarations.names import MAX_UID
from zemanta_ops.stack.declarations.units import COUNT, MEASURED
from zemanta_ops.stack.generate.grafana.layout import COLUMNS, SCHEMA_VERSION
from zemanta_ops.stack.generate.grafana.panels import Json

TYPES = ("timeseries", "stat", "table", "heatmap", "text", "row")
CALCS = ("mean", "max", "min", "last", "lastNotNull", "sum", "count")
TRANSFORMATIONS = ("filterFieldsByName", "merge", "organize")
FORMATS = ("regex", "queryparam", "percentencode")
UNITS = {unit.grafana for unit in MEASURED.values()} | {COUNT, "cps"}
_UID = re.compile(r"[A-Za-z0-9_-]+")
_VARIABLE = re.compile(r"\$\{(\w+)(?:[.:]([\w.:]+))?\}|\$(\w+)")
_BUILT_IN = ("timeFilter", "__interval", "__interval_ms", "__range", "__range_ms", "__url_time_range")
_FIELD = ("__field", "__data")


def lint_dashboards(dashboards: Mapping[str, Json]) -> list[str]:
    """Return a sentence for each thing that is wrong, over all dashboards of a project."""
    found = [f"{name}: {fault}" for name, dashboard in dashboards.items() for fault in lint_dashboard(dashboard)]
    uids = Counter(dashboard.get("uid") for dashboard in dashboards.values())
    return found + [f"the uid {uid} is that of {count} dashboards" for uid, count in uids.items() if count > 1]


def lint_dashboard(dashboard: Json) -> Iterator[str]:
    """Yield a sentence for each thing that is wrong with one dashboard."""
    yield from _check_frame(dashboard)
    panels = list(list_all_panels(dashboard))
    ids = Counter(panel.get("id") for panel in panels)
    yield from (f"{count} panels have the id {id_}" for id_, count in ids.items() if count > 1)
    names = {each["name"] for each in dashboard["templating"]["list"]}
    yield from _check_variables(dashboard, names)
    for panel in panels:
        for fault in _check_panel(panel, names):
            yield f"panel {panel.get('title')!r}: {fault}"
    yield from _check_overlaps(dashboard["panels"])
    for row in dashboard["panels"]:
        yield from _check_overlaps(row.get("panels", ()))


def list_all_panels(dashboard: Json) -> Iterator[Json]:
    """Yield all panels and rows, those within collapsed rows too."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", ())


def _check_frame(dashboard: Json) -> Iterator[str]:
    uid = dashboard.get("uid", "")
    if not isinstance(uid, str) or not _UID.fullmatch(uid) or len(uid) > MAX_UID:
        yield f"the uid {uid!r} is not one of 1 to {MAX_UID} letters, digits, dashes and underscores"
    if dashboard.get("schemaVersion") != SCHEMA_VERSION:
        yield f"the schema version is not {SCHEMA_VERSION}"
    if not dashboard.get("title"):
        yield "there is no title"


def _check_variables(dashboard: Json, names: set[str]) -> Iterator[str]:
    seen: set[str] = set()
    for variable in dashboard["templating"]["list"]:
        if variable["name"] in seen:
            yield f"the variable {variable['name']} is declared twice"
        # A variable that asks for one below it is empty until the reader chooses again.
        yield from _check_references(variable.get("query", ""), seen | {"datasource"}, f"variable {variable['name']}")
        seen.add(variable["name"])
    repeated = {panel["repeat"] for panel in list_all_panels(dashboard) if panel.get("repeat")}
    for name in repeated - names:
        yield f"a row is repeated by the variable {name}, which is not declared"
    for variable in dashboard["templating"]["list"]:
        if variable["name"] in repeated and "allValue" in variable:
            yield f"the variable {variable['name']} has an allValue, so its row is not repeated"
    for annotation in dashboard["annotations"]["list"]:
        if not annotation.get("target", {}).get("fromAnnotations"):
            yield "the query of an annotation is not in its target"


def _check_panel(panel: Json, names: set[str]) -> Iterator[str]:
    if panel["type"] not in TYPES:
        yield f"the type {panel['type']!r} is unknown"
    grid = panel["gridPos"]
    if min(grid.values()) < 0 or grid["w"] < 1 or grid["h"] < 1 or grid["x"] + grid["w"] > COLUMNS:
        yield f"it does not fit into {COLUMNS} columns"
    for target in panel.get("targets", ()):
        for key in ("query", "expr"):
            yield from _check_references(target.get(key, ""), names, f"query {target['refId']}")
        yield from _check_target(target)
    if panel["type"] not in ("text", "row") and not panel.get("targets"):
        yield "it has no query"
    refs = Counter(target["refId"] for target in panel.get("targets", ()))
    yield from (f"{count} queries are called {ref}" for ref, count in refs.items() if count > 1)
    yield from _check_field_config(panel.get("fieldConfig", {}), names)
    yield from _check_options(panel)


def _check_target(target: Json) -> Iterator[str]:
    text = str(target.get("query", target.get("expr", "")))
    if not text:
        yield f"query {target['refId']} is empty"
    if target.get("rawQuery") and "$timeFilter" not in text:
        yield f"query {target['refId']} reads all time"
    if target.get("datasource", {}).get("uid") != "${datasource}":
        yield f"query {target['refId']} does not follow the chosen database"


def _check_field_config(config: Json, names: set[str]) -> Iterator[str]:
    defaults = config.get("defaults", {})
    overrides = [(each["id"], each["value"]) for over in config.get("overrides", ()) for each in over["properties"]]
    for unit in (defaults.get("unit", COUNT), *(value for id_, value in overrides if id_ == "unit")):
        if unit not in UNITS:
            yield f"the unit {unit!r} is unknown"
    steps = defaults.get("thresholds", {}).get("steps", [{"value": None}])
    values: list[Any] = [step["value"] for step in steps]
    if not values or values[0] is not None:
        yield "the thresholds do not begin with null"
    if any(each is None for each in values[1:]) or values[1:] != sorted(set(values[1:])):
        yield "the thresholds do not ascend"
    links = [link for id_, value in overrides if id_ == "links" for link in value]
    for link in (*defaults.get("links", ()), *links):
        yield from _check_references(link["url"], names | {"datasource"}, "link")


def _check_options(panel: Json) -> Iterator[str]:
    calcs = panel.get("options", {}).get("reduceOptions", {}).get("calcs", [])
    calcs = [*calcs, *panel.get("options", {}).get("legend", {}).get("calcs", [])]
    yield from (f"the calculation {calc!r} is unknown" for calc in calcs if calc not in CALCS)
    transformations = panel.get("transformations", ())
    for transformation in transformations:
        if transformation["id"] not in TRANSFORMATIONS:
            yield f"the transformation {transformation['id']!r} is unknown"
    before = itertools.takewhile(lambda each: each["id"] != "merge", transformations)
    names = [name for each in before for name in each["options"].get("exclude", {}).get("names", ())]
    if any(each["id"] == "merge" for each in transformations) and "Time" not in names:
        yield "rows are merged by their times, which differ from query to query"


def _check_references(text: str, names: set[str], place: str) -> Iterator[str]:
    """Yield the variables that a text uses and nobody declares; the end of a regular expression is not one."""
    for found in _VARIABLE.finditer(text):
        name, rest = found[1] or found[3], found[2] or ""
        if name in _BUILT_IN or (name in _FIELD and rest):
            continue
        if name not in names:
            yield f"{place} uses the variable {name}, which is not declared"
        if rest and rest not in FORMATS:
            yield f"{place} uses the unknown format {rest}"


def _check_overlaps(panels: Sequence[Any]) -> Iterator[str]:
    for one, other in itertools.combinations(panels, 2):
        a, b = one["gridPos"], other["gridPos"]
        if (
            a["x"] < b["x"] + b["w"]
            and b["x"] < a["x"] + a["w"]
            and a["y"] < b["y"] + b["h"]
            and b["y"] < a["y"] + a["h"]
        ):
            yield f"the panels {one['title']!r} and {other['title']!r} overlap"
