"""Grafana's own Go types over all that is generated for alerts, read strictly; enums are seen by the lint alone."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stack.generate.grafana.alerting.test_rules import INFLUXDB, RECEIVERS, build, declare
from tests.stack.generate.grafana.strict_types import check_types
from tests.stack.generate.grafana.traffic import configured
from zemanta_ops.stack.declarations import isolate
from zemanta_ops.stack.generate.grafana.alerting import render_contacts, render_policies
from zemanta_ops.stack.generate.receivers import read_receivers

pytestmark = pytest.mark.second_tier

Json = dict[str, Any]
Documents = dict[str, list[Json]]


@pytest.fixture(scope="module")
def documents() -> Iterator[Documents]:
    """Return what is generated, in the form of Grafana's API: its files have the folder and the group around rules."""
    with isolate(), configured(INFLUXDB=INFLUXDB, ALERTS={"RECEIVERS": RECEIVERS}):
        declare()
        rules = []
        for language in ("influxql", "flux", "promql"):
            declared, groups, _ = build(language)
            for group in groups:
                around = {"orgID": group["orgId"], "folderUID": group["folder"], "ruleGroup": group["name"]}
                rules += [{**rule, **around} for rule in group["rules"]]
        receivers, _ = read_receivers(lambda _: False)
        contacts = render_contacts(declared.deployment.project, receivers)["contactPoints"]
        [policy] = render_policies(declared.deployment.project, receivers, declared.declarations.alerts)["policies"]
        yield {
            "rules": rules,
            "contacts": [{"name": point["name"], **each} for point in contacts for each in point["receivers"]],
            "policies": [{key: value for key, value in policy.items() if key != "orgId"}],
        }


def test_everything_has_the_types_of_grafana(checker: Path, documents: Documents) -> None:
    assert check_types(checker, documents) == ""


MUTATIONS: dict[str, Callable[[Documents], Any]] = {
    "no such key": lambda each: each["rules"][0].update(paused=True),
    "a duration that is a number": lambda each: each["rules"][0].update({"for": 120}),
    "a time that is a text": lambda each: each["rules"][0]["data"][0].update(relativeTimeRange="5m"),
    "a label that is a number": lambda each: each["rules"][0]["labels"].update(severity=1),
    "no settings": lambda each: each["contacts"][0].pop("settings"),
    "no such option of a policy": lambda each: each["policies"][0]["routes"][0].update(matcher=[]),
    "a wait that is a number": lambda each: each["policies"][0]["routes"][0].update(group_wait=0),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_the_types_see_each_mutation(name: str, checker: Path, documents: Documents) -> None:
    mutated = copy.deepcopy(documents)
    MUTATIONS[name](mutated)
    assert check_types(checker, mutated)
