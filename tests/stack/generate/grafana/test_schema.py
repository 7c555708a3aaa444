"""Grafana's published types over every generated dashboard: the compiler alone sees wrong enums and unknown options."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.servers.npm import install_packages
from tests.stack.generate.grafana.traffic import configured
from zemanta_ops.stack.generate.grafana import build_dashboards, read_sources

pytestmark = pytest.mark.second_tier

SCHEMA = Path(__file__).with_name("schema")
Json = dict[str, Any]


@pytest.fixture(scope="module")
def compiler() -> Path:
    """Return the folder of TypeScript and Grafana's types."""
    return install_packages(SCHEMA / "package.json")


def compile_dashboards(compiler: Path, folder: Path, dashboards: Mapping[str, Json]) -> str:
    """Return what the compiler reports; nothing if all is well."""
    for name in ("types.ts", "tsconfig.json"):
        shutil.copy(SCHEMA / name, folder)
    if not (folder / "node_modules").exists():
        (folder / "node_modules").symlink_to(compiler / "node_modules")
    lines = ["import type { Dashboard } from './types';"]
    lines += [f"export const {name}: Dashboard = {json.dumps(each)};" for name, each in dashboards.items()]
    (folder / "checked.ts").write_text("\n".join(lines))
    tsc = folder / "node_modules" / ".bin" / "tsc"
    return subprocess.run([tsc, "-p", folder], capture_output=True, text=True, check=False).stdout


def build() -> dict[str, Json]:
    with configured():
        sources, _ = read_sources()
        return {
            f"{language}_{name}": dashboard
            for language in ("influxql", "flux", "promql")
            for name, dashboard in build_dashboards(sources, language).items()
        }


def test_every_dashboard_in_every_language_has_the_types_of_grafana(compiler: Path, tmp_path: Path) -> None:
    assert compile_dashboards(compiler, tmp_path, build()) == ""


def change(type_: str, path: str, value: Any) -> Callable[[Json], None]:
    def mutate(dashboard: Json) -> None:
        place = next(panel for panel in dashboard["panels"] if panel["type"] == type_)
        *keys, final = path.split(".")
        for key in keys:
            place = place[int(key) if key.isdecimal() else key]
        place[final] = value

    return mutate


MUTATIONS: dict[str, Callable[[Json], None]] = {
    "a wrong style of lines": change("timeseries", "fieldConfig.defaults.custom.drawStyle", "lines"),
    "a wrong style of areas": change("timeseries", "fieldConfig.defaults.custom.thresholdsStyle.mode", "areas"),
    "a wrong interpolation": change("timeseries", "fieldConfig.defaults.custom.lineInterpolation", "spline"),
    "a wrong place of the legend": change("timeseries", "options.legend.placement", "below"),
    "a wrong kind of legend": change("timeseries", "options.legend.displayMode", "rows"),
    "a wrong tooltip": change("timeseries", "options.tooltip.mode", "all"),
    "a wrong order": change("timeseries", "options.tooltip.sort", "descending"),
    "an option of another panel": change("timeseries", "options.reduceOptions", {"calcs": ["mean"]}),
    "a wrong colour mode": change("stat", "options.colorMode", "text"),
    "a wrong graph": change("stat", "options.graphMode", "bars"),
    "a misspelt option": change("stat", "options.reduceOption", {}),
    "a title that is a number": change("stat", "title", 5),
    "an id that is a text": change("stat", "id", "7"),
    "a threshold that is a text": change("stat", "fieldConfig.defaults.thresholds.steps.0.value", "5"),
    "a wrong cell height": change("table", "options.cellHeight", "small"),
    "a wrong matcher": change("table", "fieldConfig.overrides.0.matcher.id", "byTitle"),
    "a wrong property": change("table", "fieldConfig.overrides.0.properties.0.id", "units"),
    "a wrong format of a query": change("table", "targets.0.resultFormat", "frame"),
    "a wrong scale": change("heatmap", "options.color.mode", "spectrum"),
    "a wrong mode of text": change("text", "options.mode", "md"),
    "a refresh that is a number": lambda dashboard: dashboard.update(refresh=30),
}


def test_the_compiler_catches_each_mutation(compiler: Path, tmp_path: Path) -> None:
    overview = build()["influxql_overview"]
    missed = []
    for number, (name, mutate) in enumerate(MUTATIONS.items()):
        dashboard = copy.deepcopy(overview)
        mutate(dashboard)
        folder = tmp_path / str(number)
        folder.mkdir()
        if not compile_dashboards(compiler, folder, {"mutated": dashboard}):
            missed.append(name)
    assert missed == []
