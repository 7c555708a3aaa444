"""Metrics of CloudWatch are known to declarations, and described in full."""

from __future__ import annotations

from django.test import override_settings

from zemanta_ops.stack.cloudwatch.defaults import load_defaults
from zemanta_ops.stack.declarations import isolate, read_declarations
from zemanta_ops.stack.declarations.faults import find_faults
from zemanta_ops.stack.generate.grafana import build_dashboards, read_sources
from zemanta_ops.stack.generate.grafana.lint import lint_dashboards
from zemanta_ops.stack.inventory.aws_metrics import list_aws_metrics
from zemanta_ops.stack.inventory.deployment import read_deployment

CLOUDWATCH = {"CLOUDWATCH": {"REGIONS": ["eu-west-1"]}}


def test_every_field_that_is_fetched_by_default_is_described() -> None:
    with isolate():
        declared = read_declarations()
        known = list(list_aws_metrics())
        assert len(known) > 50
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
