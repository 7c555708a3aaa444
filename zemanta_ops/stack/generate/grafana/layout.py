"""A dashboard: its rows of panels, its variables, its links, and the deploys that it shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from zemanta_ops.stack.declarations.names import DEPLOY, to_number, to_uid
from zemanta_ops.stack.generate.grafana.panels import Json, Panel, render_datasource, render_panel
from zemanta_ops.stack.queries import LANGUAGES, name_repeat

COLUMNS = 24
SCHEMA_VERSION = 42
TAG = "zemanta_ops"
ALL = {"text": ["All"], "value": ["$__all"]}
_REFRESHES = ["10s", "30s", "1m", "5m", "15m", "1h"]


@dataclass(frozen=True)
class Row:
    """Panels below a heading; ``repeat`` is a variable for each of whose values there is such a row."""

    title: str
    panels: Sequence[Panel]
    is_collapsed: bool = False
    repeat: str = ""


@dataclass(frozen=True)
class Variable:
    """A choice at the top of a dashboard: the values of a tag, among those that ``after`` leave."""

    tag: str
    measurements: tuple[str, ...]
    after: tuple[str, ...] = ()
    is_repeated: bool = False
    is_single: bool = False

    @property
    def name(self) -> str:
        """What queries call it."""
        return name_repeat(self.tag) if self.is_repeated else self.tag


@dataclass(frozen=True)
class Dashboard:
    """A dashboard without its language."""

    name: str
    title: str
    project: str
    rows: Sequence[Row]
    variables: Sequence[Variable] = ()
    annotated_by: tuple[str, ...] = ()
    text: str = ""
    extra_tags: Sequence[str] = field(default_factory=tuple)

    @property
    def uid(self) -> str:
        """Its identifier, which follows from the names of the project and of itself."""
        return to_uid(self.project, self.name)


def render_dashboard(dashboard: Dashboard, language: str, interval: str) -> Json:
    """Return the dashboard as Grafana reads it; ``interval`` is that of the agent, below which there is no point."""
    chosen = [_variable(each, language) for each in dashboard.variables]
    variables = [_datasource(dashboard.project, language), *chosen]
    return {
        "uid": dashboard.uid,
        "title": f"{dashboard.project}: {dashboard.title}",
        "description": dashboard.text,
        "tags": [TAG, dashboard.project],
        "schemaVersion": SCHEMA_VERSION,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "timezone": "browser",
        "time": {"from": "now-6h", "to": "now"},
        # The newest interval is not complete before the agent has sent it and the database has taken it.
        "timepicker": {"nowDelay": interval, "refresh_intervals": _REFRESHES},
        "fiscalYearStartMonth": 0,
        "weekStart": "",
        "templating": {"list": variables},
        "annotations": {"list": [_deploys(dashboard.annotated_by, language)]},
        "links": [_all_dashboards(dashboard.project)],
        "panels": list(_render_rows(dashboard, language, interval)),
    }


def list_targets(dashboard: Json) -> Iterator[Json]:
    """Yield every query of a rendered dashboard, but for those of its variables."""
    for panel in dashboard["panels"]:
        for each in (panel, *panel.get("panels", ())):
            yield from each.get("targets", ())
    yield from (each["target"] for each in dashboard["annotations"]["list"])


def _render_rows(dashboard: Dashboard, language: str, interval: str) -> Iterator[Json]:
    top = 0
    for row in dashboard.rows:
        inside = top + 1 if row.title else top
        panels, bottom = _place(row.panels, dashboard.uid, inside, language, interval)
        if row.title:
            yield {
                "type": "row",
                "id": to_number(dashboard.uid, "row", row.title),
                "title": row.title,
                "collapsed": row.is_collapsed,
                "gridPos": {"x": 0, "y": top, "w": COLUMNS, "h": 1},
                "panels": panels if row.is_collapsed else [],
                **({"repeat": row.repeat} if row.repeat else {}),
            }
        if row.is_collapsed:
            top += 1
            continue
        yield from panels
        top = bottom


def _place(panels: Sequence[Panel], uid: str, top: int, language: str, interval: str) -> tuple[list[Json], int]:
    """Place panels from left to right; one that does not fit begins a new line. Return them and the line below."""
    placed, left, bottom = [], 0, top
    for panel in panels:
        if left + panel.width > COLUMNS:
            left, top = 0, bottom
        placed.append(render_panel(panel, uid, (left, top), language, interval))
        left += panel.width
        bottom = max(bottom, top + panel.height)
    return placed, bottom


def name_datasource(project: str) -> str:
    """Return the uid of the data source that is provisioned for a project."""
    return to_uid(project, "database")


def _datasource(project: str, language: str) -> Json:
    return {
        "type": "datasource",
        "name": "datasource",
        "label": "Database",
        "query": LANGUAGES[language].DATASOURCE,
        "regex": "",
        "current": {"text": f"{project} metrics", "value": name_datasource(project)},
        "options": [],
        "refresh": 1,
        "hide": 0,
        "multi": False,
        "includeAll": False,
        "skipUrlSync": False,
    }


def _variable(variable: Variable, language: str) -> Json:
    query = LANGUAGES[language].render_variable(variable.tag, variable.measurements, variable.after)
    multi = not variable.is_single
    return {
        "type": "query",
        "name": variable.name,
        "label": variable.tag,
        "datasource": render_datasource(language),
        "query": query,
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "multi": multi,
        "includeAll": multi,
        # As it is, it also matches series without the tag. A repeated row needs the values one by one.
        **({"allValue": ".*"} if multi and not variable.is_repeated else {}),
        # Without one, Grafana chooses the first value of the query.
        **({"current": ALL} if multi else {}),
        "options": [],
        "regex": "",
        "hide": 0,
        "skipUrlSync": False,
    }


def _deploys(variables: tuple[str, ...], language: str) -> Json:
    target = LANGUAGES[language].render_annotation(DEPLOY, variables)
    extra = {"titleFormat": "{{version}}", "textFormat": ""} if LANGUAGES[language].DATASOURCE == "prometheus" else {}
    return {
        "name": "Deploys",
        "enable": True,
        "hide": False,
        "iconColor": "blue",
        "datasource": render_datasource(language),
        "target": {"refId": "Deploys", **target},
        **extra,
    }


def _all_dashboards(project: str) -> Json:
    return {
        "title": f"All dashboards of {project}",
        "type": "dashboards",
        "tags": [TAG, project],
        "icon": "dashboard",
        "tooltip": "",
        "url": "",
        "asDropdown": True,
        "targetBlank": False,
        "includeVars": True,
        "keepTime": True,
    }
