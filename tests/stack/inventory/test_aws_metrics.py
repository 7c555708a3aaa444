"""Metrics of CloudWatch are known to declarations, and described in full."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from django.test import override_settings

from zemanta_ops.stack.charts.results import list_panels
from zemanta_ops.stack.cloudwatch.defaults import load_defaults
from zemanta_ops.stack.declarations import isolate, read_declarations
from zemanta_ops.stack.declarations.faults import find_faults
from zemanta_ops.stack.generate.grafana import build_dashboards, read_sources
from zemanta_ops.stack.generate.grafana.lint import lint_dashboards
from zemanta_ops.stack.inventory.aws_metrics import list_aws_metrics
from zemanta_ops.stack.inventory.deployment import read_deployment

CLOUDWATCH = {"CLOUDWATCH": {"REGIONS": ["eu-west-1"]}}


ALL = {"CLOUDWATCH": {"REGIONS": ["eu-west-1"], "DECLARATIONS": {name: {} for name in load_defaults()}}}


def test_every_field_of_every_shipped_declaration_is_described() -> None:
    with isolate():
        declared = read_declarations()
        known = list(list_aws_metrics())
        shipped = [
            field for each in load_defaults().values() for metric in each.metrics for field in metric.list_fields()
        ]
        assert len(known) == len(shipped) + 1
        for metric in known:
            description = declared.describe(metric.name)
            assert description is not None, metric.name
            assert all((metric.meaning, description.trouble, description.impact, description.action)), metric.name


def test_nothing_is_described_that_is_not_fetched() -> None:
    with isolate():
        declared = read_declarations()
        assert [fault.text for fault in find_faults(declared, read_deployment(declared))] == []


def test_they_are_off_until_cloudwatch_is_configured() -> None:
    assert all("CLOUDWATCH" in metric.remedy for metric in list_aws_metrics())
    with override_settings(ZEMANTA_OPS=CLOUDWATCH):
        off = {metric.name.split(".")[1]: metric.remedy for metric in list_aws_metrics() if metric.remedy}
    assert off.keys() == {name for name, each in load_defaults().items() if not each.enabled}
    assert off["s3"] == 'Add "s3": {} to ZEMANTA_OPS["CLOUDWATCH"]["DECLARATIONS"].'
    with override_settings(ZEMANTA_OPS=ALL):
        assert not any(metric.remedy for metric in list_aws_metrics())


def test_a_kind_follows_from_the_statistic() -> None:
    kinds = {metric.name: metric.kind for metric in list_aws_metrics()}
    assert kinds["aws.alb.request_count_sum"] == "counter"
    assert kinds["aws.rds.cpu_utilization_average"] == "gauge"
    assert kinds["aws.alb_targets.target_response_time_p99"] == "percentile"


def test_metrics_of_one_field_are_told_apart_by_their_dimensions() -> None:
    metric, field = "aws.redshift.cpu_utilization_average", "cpu_utilization_average"
    nodes = {"CLOUDWATCH": {"REGIONS": ["eu-west-1"], "DECLARATIONS": {"redshift_nodes": {}}}}
    with isolate(), override_settings(ZEMANTA_OPS=nodes):
        deployment = read_deployment(read_declarations())
        assert deployment.find_dimensions(metric) == {"node_id": "^$"}
        assert deployment.find_dimensions(f"aws.redshift_nodes.{field}") == {"node_id": "^.+$"}
        assert deployment.find_dimensions("aws.redshift.health_status_minimum") == {}
    with isolate(), override_settings(ZEMANTA_OPS=CLOUDWATCH):
        # What is not fetched has no series.
        assert read_deployment(read_declarations()).find_dimensions(metric) == {}


def test_every_service_has_a_row_of_panels_without_a_fault_in_each_language() -> None:
    with isolate(), override_settings(ZEMANTA_OPS=CLOUDWATCH):
        sources, warnings = read_sources()
        assert warnings == []
        for language in ("influxql", "flux", "promql"):
            dashboards = dict(build_dashboards(sources, language))
            assert lint_dashboards(dashboards) == []
            titles = [panel["title"] for panel in dashboards["aws"]["panels"] if panel["type"] == "row"]
            assert len(titles) == sum(each.enabled for each in load_defaults().values())
            assert "RDS" in titles and "SQS" in titles


@pytest.mark.parametrize("language", ["influxql", "flux", "promql"])
def test_every_shipped_metric_and_statistic_has_its_panel(language: str) -> None:
    with isolate(), override_settings(ZEMANTA_OPS=ALL):
        dashboard = build_dashboards(read_sources()[0], language)["aws"]
    rows: dict[str, list[str]] = {}
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            inside = rows.setdefault(panel["title"], [each["title"] for each in panel["panels"]])
        else:
            inside.append(panel["title"])
    # Every service has a name for people.
    assert not rows.keys() & load_defaults().keys()
    fields = sorted(
        sorted(field.replace("_", " ") for metric in each.metrics for field in metric.list_fields())
        for each in load_defaults().values()
    )
    assert sorted(sorted(title.lower() for title in titles) for titles in rows.values()) == fields


def find_panel(dashboard: Mapping[str, Any], title: str) -> Mapping[str, Any]:
    return next(each for each in list_panels(dashboard) if each["title"] == title)


def test_a_panel_shows_at_least_the_period_of_its_metric() -> None:
    with isolate(), override_settings(ZEMANTA_OPS=ALL):
        dashboard = build_dashboards(read_sources()[0], "influxql")["aws"]
    shown = [
        (find_panel(dashboard, title)["interval"], find_panel(dashboard, title).get("timeFrom"))
        for title in ("Number of messages sent sum", "Network in sum", "Bucket size bytes average")
    ]
    assert shown == [("1m", None), ("5m", None), ("1d", "30d")]


def test_the_lines_are_told_apart_by_region_and_by_account_if_there_may_be_several() -> None:
    roles = {"ROLES": ["own", "arn:aws:iam::111111111111:role/example"]}
    linked = {"LINKED_ACCOUNTS": True}
    for more, place in (({}, "$tag_region"), (roles, "$tag_region $tag_account"), (linked, "$tag_region $tag_account")):
        settings = {"CLOUDWATCH": {"REGIONS": ["eu-west-1", "us-east-1"], **more}}
        with isolate(), override_settings(ZEMANTA_OPS=settings):
            dashboard = build_dashboards(read_sources()[0], "influxql")["aws"]
        [target] = find_panel(dashboard, "Healthy host count minimum")["targets"]
        assert target["alias"] == f"$tag_load_balancer $tag_target_group {place}"
        names = [each["name"] for each in dashboard["templating"]["list"]]
        assert names == ["datasource", *place.replace("$tag_", "").split()]
        assert all(f"/^${{{name}:regex}}$/" in target["query"] for name in names[1:])


def test_an_account_does_not_tell_sets_of_dimensions_apart() -> None:
    declarations = {"redshift_nodes": {"LINKED_ACCOUNTS": True}}
    settings = {"CLOUDWATCH": {"REGIONS": ["eu-west-1"], "DECLARATIONS": declarations}}
    with isolate(), override_settings(ZEMANTA_OPS=settings):
        deployment = read_deployment(read_declarations())
        assert deployment.find_dimensions("aws.redshift.cpu_utilization_average") == {"node_id": "^$"}
        assert deployment.find_dimensions("aws.redshift_nodes.cpu_utilization_average") == {"node_id": "^.+$"}
