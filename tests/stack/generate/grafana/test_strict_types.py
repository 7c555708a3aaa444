"""Grafana's own Go types over every generated dashboard: they see what is missing, and what no type knows."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.stack.generate.grafana.strict_types import check_types
from tests.stack.generate.grafana.test_schema import build, change

pytestmark = pytest.mark.second_tier

Json = dict[str, Any]


@pytest.fixture(scope="module")
def dashboards() -> dict[str, Json]:
    return build()


def test_every_dashboard_in_every_language_has_the_types_of_grafana(checker: Path, dashboards: dict[str, Json]) -> None:
    assert check_types(checker, {"dashboards": list(dashboards.values())}) == ""


def at(path: str, value: Any) -> Callable[[Json], None]:
    def mutate(place: Any) -> None:
        *keys, final = path.split(".")
        for key in keys:
            place = place[int(key) if key.isdecimal() else key]
        place.update({final: value})

    return mutate


MUTATIONS: dict[str, Callable[[Json], Any]] = {
    "no such key of a dashboard": at("refreshes", "30s"),
    "a refresh that is a number": at("refresh", 30),
    "tags that are a text": at("tags", "shop"),
    "a version of the schema that is a text": at("schemaVersion", "42"),
    "a range without an end": lambda dashboard: dashboard["time"].pop("to"),
    "no such key of a panel": change("stat", "height", 4),
    "an id that is a text": change("stat", "id", "7"),
    "a place that is a text": change("stat", "gridPos.x", "0"),
    "a misspelt option": change("stat", "options.reduceOption", {}),
    "an option of another panel": change("timeseries", "options.reduceOptions", {"calcs": ["mean"]}),
    "a calculation that is not in a list": change("stat", "options.reduceOptions.calcs", "mean"),
    "a limit that is a text": change("stat", "fieldConfig.defaults.thresholds.steps.0.value", "5"),
    "a matcher that is a text": change("table", "fieldConfig.overrides.0.matcher", "byName"),
    "a transformation without its options": lambda dashboard: find_table(dashboard)["transformations"][0].pop(
        "options"
    ),
    "a variable without a type": lambda dashboard: dashboard["templating"]["list"][1].pop("type"),
    "a choice without its text": lambda dashboard: dashboard["templating"]["list"][1]["current"].pop("text"),
    "an annotation without a name": lambda dashboard: dashboard["annotations"]["list"][0].pop("name"),
    "a link without a title": lambda dashboard: dashboard["links"][0].pop("title"),
}


def find_table(dashboard: Json) -> Json:
    found: Json = next(panel for panel in dashboard["panels"] if panel["type"] == "table")
    return found


@pytest.mark.parametrize("name", MUTATIONS)
def test_the_types_see_each_mutation(name: str, checker: Path, dashboards: dict[str, Json]) -> None:
    mutated = copy.deepcopy(dashboards["influxql_overview"])
    MUTATIONS[name](mutated)
    assert check_types(checker, {"dashboards": [mutated]})


def test_the_types_see_a_query_of_another_database(checker: Path, dashboards: dict[str, Json]) -> None:
    mutated = copy.deepcopy(dashboards["promql_overview"])
    change("stat", "targets.0.query", "up")(mutated)
    assert check_types(checker, {"dashboards": [mutated]})
