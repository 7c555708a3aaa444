"""Run every panel's queries and name those that would be empty, slow, or too much to draw."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from zemanta_ops.stack.charts.interpolation import Choice, Window
from zemanta_ops.stack.charts.results import PanelResult, list_panels, run_panel
from zemanta_ops.stack.databases import Database, DatabaseError
from zemanta_ops.stack.databases.promql import PromQLDatabase

Json = Mapping[str, Any]

SLOW_SECONDS = 1.0
MAX_LINES = 200
_MEASUREMENT = re.compile(r'FROM "((?:[^"\\]|\\.)*)"|_measurement == "((?:[^"\\]|\\.)*)"|__name__="([^"]*)"')


@dataclass(frozen=True)
class Finding:
    """A panel that will not look as it should; ``problem`` is empty, slow, large or refused."""

    dashboard: str
    panel: str
    problem: str
    reason: str


def preview(dashboards: Mapping[str, Json], database: Database, window: Window, choice: Choice) -> Iterator[Finding]:
    """Yield what is wrong with each panel, as the database answers now.

    Raises:
        DatabaseError: The database does not answer; a refused query is a finding.

    """
    for name, dashboard in dashboards.items():
        for panel in list_panels(dashboard):
            try:
                result = run_panel(panel, database, window, choice)
            except DatabaseError as error:
                if error.kind != "refused":
                    raise
                yield Finding(name, panel["title"], "refused", str(error))
                continue
            yield from (Finding(name, panel["title"], *found) for found in _judge(panel, result, database, choice))


def _judge(panel: Json, result: PanelResult, database: Database, choice: Choice) -> Iterator[tuple[str, str]]:
    if result.is_empty:
        yield "empty", _explain_empty(panel, database, choice)
    if result.seconds > SLOW_SECONDS:
        yield "slow", f"its slowest query took {result.seconds:.1f} s"
    if len(result.lines) > MAX_LINES:
        yield "large", f"it has {len(result.lines)} lines; more than {MAX_LINES} cannot be told apart"


def _explain_empty(panel: Json, database: Database, choice: Choice) -> str:
    """Return whether the measurement was ever written, so that a quiet one is not confused with a missing one."""
    if panel.get("timeShift"):
        return f"there is nothing of {panel['timeShift']} ago"
    target = panel["targets"][0]
    found = _MEASUREMENT.search(str(target.get("query", target.get("expr"))).split("FROM (SELECT")[-1])
    measurement = next(filter(None, found.groups()), "") if found else ""
    if _was_written(measurement, target, database, choice):
        return f"{measurement} was written, but nothing of what the panel selects is in the time shown"
    return f"nothing has written {measurement}"


def _was_written(measurement: str, target: Json, database: Database, choice: Choice) -> bool:
    if isinstance(database, PromQLDatabase):
        labels = {"__name__": measurement, **database.labels}
        selector = ", ".join(f"{name}={json.dumps(value)}" for name, value in labels.items())
        return bool(database.query(f"last_over_time({{{selector}}}[30d])"))
    if target.get("rawQuery"):
        return bool(database.query(f'SELECT * FROM "{measurement}" LIMIT 1'))  # noqa: S608  (quoted as in the panel)
    flux = (
        f'from(bucket: "{choice.bucket}") |> range(start: -30d) '
        f'|> filter(fn: (r) => r._measurement == "{measurement}") |> limit(n: 1)'
    )
    return bool(database.query(flux))
