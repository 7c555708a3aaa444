"""AWS services, from the declarations of CloudWatch."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

from zemanta_ops.stack.declarations.durations import format_duration
from zemanta_ops.stack.declarations.known import ACCOUNT, CLOUDWATCH, REGION, KnownMetric
from zemanta_ops.stack.declarations.terms import Term, last, total
from zemanta_ops.stack.generate.grafana.dashboards.common import draw_metric
from zemanta_ops.stack.generate.grafana.layout import Dashboard, Row, Variable
from zemanta_ops.stack.generate.grafana.panels import Panel
from zemanta_ops.stack.generate.grafana.sources import Sources
from zemanta_ops.stack.inventory.aws_metrics import PUSH

NAME = "aws"
# Of a metric with fewer points than one in this many seconds, the hours of the dashboard show nothing; as many points
# as these do.
_RARE, _POINTS = 3_600, 30
_NAMES = {
    "rds": "RDS",
    "rds_credits": "RDS: credits",
    "sqs": "SQS",
    "alb": "Application load balancers",
    "alb_targets": "Targets of application load balancers",
    "nlb": "Network load balancers",
    "nlb_targets": "Targets of network load balancers",
    "elb": "Classic load balancers",
    "redshift": "Redshift",
    "redshift_nodes": "Redshift: nodes",
    "elasticache": "ElastiCache",
    "lambda": "Lambda",
    "ec2": "EC2",
    "dynamodb": "DynamoDB",
    "s3": "S3",
}


def draw(sources: Sources) -> Dashboard | None:
    """Return the dashboard; None if nothing is fetched from CloudWatch."""
    found = [
        each
        for each in sources.deployment.metrics.values()
        if each.source == CLOUDWATCH and not each.remedy and each.name != PUSH
    ]
    if not found:
        return None
    services = dict.fromkeys(each.name.split(".")[1] for each in found)
    rows = [
        Row(
            _NAMES.get(service, service),
            [_draw_metric(sources, each) for each in found if each.name.split(".")[1] == service],
            # Queries of a service that nobody looks at are not asked.
            is_collapsed=number > 0,
        )
        for number, service in enumerate(services)
    ]
    variables = [_choose_by(REGION, found), _choose_by(ACCOUNT, found)]
    return Dashboard(NAME, "AWS services", sources.project, rows, [each for each in variables if each.measurements])


def _choose_by(tag: str, found: list[KnownMetric]) -> Variable:
    measurements = dict.fromkeys(each.measurement for each in found if each.has_tag(tag))
    return Variable(tag, tuple(measurements), () if tag == REGION else (REGION,))


def _draw_metric(sources: Sources, metric: KnownMetric) -> Panel:
    # Where a series is from comes last, so that a legend begins with what it is.
    places = [tag for tag in (REGION, ACCOUNT) if metric.has_tag(tag)]
    by = (*sorted(metric.dimensions), *places)
    panel = draw_metric(sources, _choose_term(metric), _write_title(metric), by, unit=metric.unit, also=places)
    is_rare = metric.period > _RARE
    return replace(
        panel,
        # In a shorter interval there is no point, and a sum would be zero.
        interval=format_duration(max(metric.period, ceil(sources.deployment.agent_interval))),
        period=format_duration(metric.period * _POINTS) if is_rare else "",
    )


def _choose_term(metric: KnownMetric) -> Term:
    return total(metric.name) if metric.kind == "counter" else last(metric.name)


def _write_title(metric: KnownMetric) -> str:
    words = metric.field.replace("_", " ")
    return words[:1].upper() + words[1:]
