"""AWS services, from the declarations of CloudWatch."""

from __future__ import annotations

from zemanta_ops.stack.declarations.known import CLOUDWATCH, KnownMetric
from zemanta_ops.stack.declarations.terms import Term, last, total
from zemanta_ops.stack.generate.grafana.dashboards.common import draw_metric
from zemanta_ops.stack.generate.grafana.layout import Dashboard, Row, Variable
from zemanta_ops.stack.generate.grafana.panels import Panel
from zemanta_ops.stack.generate.grafana.sources import Sources
from zemanta_ops.stack.inventory.aws_metrics import PUSH

NAME = "aws"
REGION = "region"
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
    "elasticache": "ElastiCache",
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
    measurements = tuple(dict.fromkeys(each.measurement for each in found))
    return Dashboard(NAME, "AWS services", sources.project, rows, [Variable(REGION, measurements)])


def _draw_metric(sources: Sources, metric: KnownMetric) -> Panel:
    by = tuple(sorted((metric.tags or frozenset()) - {REGION}))
    return draw_metric(sources, _choose_term(metric), _write_title(metric), by, unit=metric.unit, also=(REGION,))


def _choose_term(metric: KnownMetric) -> Term:
    return total(metric.name) if metric.kind == "counter" else last(metric.name)


def _write_title(metric: KnownMetric) -> str:
    words = metric.field.replace("_", " ")
    return words[:1].upper() + words[1:]
