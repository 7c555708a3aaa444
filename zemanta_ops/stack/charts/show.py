"""Ask the database for everything that the dashboards show, and draw it."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from zemanta_ops.stack.charts.drawing import Deploy, draw_png, sort_rows
from zemanta_ops.stack.charts.interpolation import ALL, Choice, Window, interpolate
from zemanta_ops.stack.charts.page import Drawn, render_page
from zemanta_ops.stack.charts.results import PanelResult, list_panels, run_panel, run_target, to_milliseconds
from zemanta_ops.stack.databases import Database, DatabaseError
from zemanta_ops.stack.databases.promql import PromQLDatabase
from zemanta_ops.stack.declarations.names import to_number

Json = Mapping[str, Any]

# A repeated row of more values than these would be a page of its own.
_MAX_REPEATS = 12
_ANY_INTERVAL = "1s"


class Shown(NamedTuple):
    """The dashboards as files, by name: ``index.html``, and a PNG for each; and why panels have no data."""

    files: dict[str, bytes]
    refusals: list[str]


def draw_all(dashboards: Mapping[str, Json], database: Database, window: Window, choice: Choice, title: str) -> Shown:
    """Draw every panel. One whose query the database refuses says so, and the others are drawn.

    Raises:
        DatabaseError: The database does not answer.
        MissingExtraError: matplotlib is not installed.

    """
    drawn: list[Drawn] = []
    for name, dashboard in dashboards.items():
        drawn.append(_draw(name, dashboard, database, window, _choose(dashboard, drawn, choice)))
    pictures = {
        f"{each.name}.png": draw_png(each.dashboard, each.results, window, each.deploys, each.chosen) for each in drawn
    }
    refusals = [
        f"{each.name}: {panel['title']}: {refusal}"
        for each in drawn
        for panel in list_panels(each.dashboard)
        if (refusal := each.results[panel["id"]].refusal)
    ]
    return Shown({"index.html": render_page(title, drawn, window).encode(), **pictures}, refusals)


def _draw(name: str, dashboard: Json, database: Database, window: Window, choice: Choice) -> Drawn:
    expanded = _repeat_rows(dashboard, database, window, choice)
    results = {
        panel["id"]: _run(panel, database, _fit(window, panel), _choose_row(panel, choice))
        for panel in list_panels(expanded)
    }
    singles = [each["name"] for each in dashboard["templating"]["list"] if each.get("multi") is False]
    chosen = ", ".join(choice.values[each][0] for each in singles if each in choice.values)
    return Drawn(name, expanded, results, read_deploys(dashboard, database, window, choice), chosen)


def _run(panel: Json, database: Database, window: Window, choice: Choice) -> PanelResult:
    try:
        return run_panel(panel, database, window, choice)
    except DatabaseError as error:
        if error.kind != "refused":
            raise
        return PanelResult(refusal=str(error))


def _fit(window: Window, panel: Json) -> Window:
    return Window(window.start, window.end, panel["gridPos"]["w"] * 25)


def _choose(dashboard: Json, drawn: Sequence[Drawn], choice: Choice) -> Choice:
    """Choose a value for a variable of which only one can be chosen: the worst of a table that was drawn before."""
    values = dict(choice.values)
    for variable in dashboard["templating"]["list"]:
        name = variable["name"]
        if variable["type"] == "query" and not variable["multi"] and name not in values:
            values[name] = [_find_worst(name, drawn)]
    return Choice(values, choice.bucket)


def _find_worst(tag: str, drawn: Sequence[Drawn]) -> str:
    for each in drawn:
        for panel in list_panels(each.dashboard):
            rows = sort_rows(panel, each.results[panel["id"]]) if panel["type"] == "table" else []
            if rows and tag in rows[0]:
                return str(rows[0][tag])
    return ""


def _repeat_rows(dashboard: Json, database: Database, window: Window, choice: Choice) -> Json:
    """Return the dashboard with a row for each value of the variable that a row is repeated by."""
    panels = []
    for panel in dashboard["panels"]:
        name = panel.get("repeat")
        values = _list_repeats(dashboard, name, database, window, choice) if name else [""]
        panels += [_replace_variable(panel, name, value) if name else panel for value in values]
    return {**dashboard, "panels": panels}


def _list_repeats(dashboard: Json, name: str, database: Database, window: Window, choice: Choice) -> Sequence[str]:
    chosen = choice.values.get(name)
    return chosen or list_values(dashboard, name, database, window, choice)[:_MAX_REPEATS]


def _replace_variable(panel: Json, name: str, value: str) -> Json:
    """Return a copy of a row for one value, which its panels choose."""
    row = json.loads(json.dumps(copy.deepcopy(panel)).replace(f'${name}"', json.dumps(value)[1:]))
    for number, each in enumerate(row["panels"]):
        each["id"] = to_number(str(each["id"]), value, str(number))
        each["chosen"] = {name: [value]}
    return dict(row)


def _choose_row(panel: Json, choice: Choice) -> Choice:
    return Choice({**choice.values, **panel.get("chosen", {})}, choice.bucket)


def list_values(dashboard: Json, name: str, database: Database, window: Window, choice: Choice) -> list[str]:
    """Return the values that a variable offers."""
    variable = next(each for each in dashboard["templating"]["list"] if each["name"] == name)
    text = interpolate(variable["query"], window, choice, _ANY_INTERVAL)
    if isinstance(database, PromQLDatabase):
        selector, _, label = text.removeprefix("label_values(").removesuffix(")").rpartition(", ")
        return sorted(database.list_label_values(label, selector))
    rows = database.query(text)
    return sorted({str(row.get("value", row.get("_value"))) for row in rows} - {"None", ALL})


def read_deploys(dashboard: Json, database: Database, window: Window, choice: Choice) -> list[Deploy]:
    """Return the deploys that the dashboard shows."""
    found = []
    for annotation in dashboard["annotations"]["list"]:
        for row in run_target(annotation["target"], database, window, choice, _ANY_INTERVAL):
            moment = to_milliseconds(row.get("time", row.get("_time", 0)))
            found.append(Deploy(moment, str(row.get("title") or row.get("version") or "a deploy")))
    return sorted(found, key=lambda each: each.moment)
