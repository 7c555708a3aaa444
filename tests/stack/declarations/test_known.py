"""What a deployment is called, which series are its own, and when their points have been written."""

from __future__ import annotations

import pytest

from zemanta_ops.stack.declarations import mean
from zemanta_ops.stack.declarations.known import Deployment, KnownMetric

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
