"""What a deployment is called, which series are its own, and when their points have been written."""

from __future__ import annotations

from typing import Any

import pytest

from zemanta_ops.stack.declarations import mean
from zemanta_ops.stack.declarations.known import Deployment, KnownMetric, find_identity

METRICS = {
    source: KnownMetric(source, "gauge", frozenset({"host"}), source, source=source)
    for source in ("project", "requests", "elsewhere", "cloudwatch")
}


@pytest.mark.parametrize(
    ("identity", "prefix", "project"),
    [
        ({"env": "live", "app": "shop"}, "web", "shop"),
        ({"env": "live"}, "web", "web"),
        ({}, "", "application"),
    ],
)
def test_the_project_is_the_application_else_the_prefix(identity: dict[str, str], prefix: str, project: str) -> None:
    assert Deployment({}, prefix=prefix, identity=identity).project == project


def test_only_what_the_application_emits_has_its_tags() -> None:
    own = {"app": "shop"}
    deployment = Deployment(METRICS, common_tags=frozenset(own), identity=own)
    for name in ("project", "requests", "not known"):
        assert deployment.scope_of(name) == own
    for name in ("elsewhere", "cloudwatch"):
        assert deployment.scope_of(name) == {}
    assert [name for name, known in METRICS.items() if known.has_tag("app", deployment.common_tags)] == [
        "project",
        "requests",
    ]
    assert all(known.has_tag("host") for known in METRICS.values())


@pytest.mark.parametrize(
    ("interval", "names", "seconds"),
    [
        (10.0, ("project", "elsewhere"), 20),
        (10.0, ("project", "cloudwatch"), 900),
        (600.0, ("cloudwatch",), 1200),
        (0.5, ("project",), 2),
        (1.5, ("project",), 4),
        (10.0, (), 20),
    ],
)
def test_points_of_cloudwatch_are_late(interval: float, names: tuple[str, ...], seconds: int) -> None:
    deployment = Deployment(METRICS, agent_interval=interval)
    assert deployment.find_delay(mean(name) for name in names) == seconds


def cloudwatch(name: str, *tags: str, **more: Any) -> KnownMetric:
    return KnownMetric(name, "gauge", frozenset(tags), "aws", source="cloudwatch", **more)


def test_metrics_of_cloudwatch_that_share_a_field_are_told_apart_by_their_tags() -> None:
    cluster, node, other = (
        cloudwatch("cluster", "id"),
        cloudwatch("node", "id", "node", "zone"),
        cloudwatch("other", "disk", field="sum"),
    )
    off = cloudwatch("off", "queue", remedy="Enable it.")
    elsewhere = KnownMetric("elsewhere", "gauge", frozenset({"x"}), "aws", source="elsewhere")
    deployment = Deployment({each.name: each for each in (cluster, node, other, off, elsewhere)})
    shared = {"x": "^$"}
    assert deployment.find_dimensions("cluster") == {"node": "^$", "zone": "^$", **shared, "id": "^.+$"}
    assert deployment.find_dimensions("node") == {**shared, "id": "^.+$", "node": "^.+$", "zone": "^.+$"}
    assert deployment.find_dimensions("other") == {}
    assert deployment.find_dimensions("elsewhere") == {}
    assert deployment.find_dimensions("not known") == {}


def test_a_measurement_is_that_of_the_metric_or_follows_from_the_name() -> None:
    deployment = Deployment({"cluster": cloudwatch("cluster")}, prefix="shop")
    assert deployment.measure("cluster") == "aws"
    assert deployment.measure("error.ratio") == "shop_error_ratio"


def test_tags_that_are_not_known_may_be_any() -> None:
    metric = KnownMetric("n", "counter", None, "n")
    assert metric.has_tag("anything")
    assert not KnownMetric("n", "counter", frozenset(), "n").has_tag("anything")


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ([], []),
        (["env", "app"], ["env", "app"]),
        (["app", "env", "stage", "zone"], ["env", "app"]),
        (["service", "environment", "env"], ["environment", "service"]),
        (["stack"], ["stack"]),
    ],
)
def test_the_identity_is_the_environment_and_the_application(tags: list[str], found: list[str]) -> None:
    assert find_identity(tags) == found
