"""Prints as JSON what ``draw.py`` draws: generated dashboards, and the rows that their queries answer.

Run with the settings of a project: ``python docs/grafana_panels/read.py SECONDS [DASHBOARD …]``.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

import django

django.setup()

from zemanta_ops.conf import conf
from zemanta_ops.stack.charts.interpolation import Choice, Window
from zemanta_ops.stack.charts.results import fit_window, list_panels, run_panel, run_target
from zemanta_ops.stack.charts.show import read_deploys
from zemanta_ops.stack.databases import Database
from zemanta_ops.stack.generate.grafana import build_dashboards, choose_language, read_sources
from zemanta_ops.stack.settings import open_database

# What Grafana asks for in a panel of this width.
_PIXELS_A_COLUMN = 50


def read_dashboards(names: list[str], window: Window) -> Iterator[dict[str, Any]]:
    """Yield each dashboard with the rows of each target of its panels; of ``view`` the slowest one is chosen."""
    built = build_dashboards(read_sources()[0], choose_language())
    with open_database() as database:
        for name in names:
            values = {"view": [_find_slowest(built["overview"], database, window)]} if name == "view" else {}
            choice = Choice(values, conf.influxdb.bucket)
            deploys = [each.moment for each in read_deploys(built[name], database, window, choice)]
            rows = {each["id"]: _read_panel(each, database, window, choice) for each in list_panels(built[name])}
            yield {"name": name, "dashboard": built[name], "rows": rows, "deploys": deploys}


def _read_panel(panel: Mapping[str, Any], database: Database, window: Window, choice: Choice) -> list[Any]:
    shown = fit_window(panel, window)
    shown = shown.shift(panel["timeShift"]) if "timeShift" in panel else shown
    shown = Window(shown.start, shown.end, panel["gridPos"]["w"] * _PIXELS_A_COLUMN)
    return [run_target(each, database, shown, choice, panel["interval"]) for each in panel["targets"]]


def _find_slowest(overview: Mapping[str, Any], database: Database, window: Window) -> str:
    panel = next(each for each in list_panels(overview) if each["type"] == "table")
    rows = run_panel(panel, database, window, Choice({}, conf.influxdb.bucket)).rows
    return str(max(rows, key=lambda row: row.get("mean") or 0)["view"])


def main() -> None:
    """Print the document."""
    seconds, *names = sys.argv[1:]
    now = int(time.time() * 1_000)
    window = Window(now - int(float(seconds) * 1_000), now)
    dashboards = list(read_dashboards(names or ["overview", "view"], window))
    json.dump({"from": window.start, "to": window.end, "dashboards": dashboards}, sys.stdout)


if __name__ == "__main__":
    main()
