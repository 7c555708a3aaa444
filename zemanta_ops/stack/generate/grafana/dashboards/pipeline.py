"""The pipeline itself: whether the numbers of the other dashboards can be believed."""

from __future__ import annotations

from zemanta_ops.stack.declarations.terms import last, mean, rate, total
from zemanta_ops.stack.generate.grafana.dashboards.common import draw_mean, draw_metric
from zemanta_ops.stack.generate.grafana.layout import Dashboard, Row
from zemanta_ops.stack.generate.grafana.panels import Asked, Panel
from zemanta_ops.stack.generate.grafana.sources import Sources
from zemanta_ops.stack.queries import SeriesQuery

NAME = "pipeline"
_PER_SECOND = "operations/s"


def draw(sources: Sources) -> Dashboard:
    """Return the dashboard; every deployment has it."""
    sending = [
        draw_metric(sources, rate("zemanta_ops.sent"), "Samples sent per second", ("host",), unit=_PER_SECOND),
        draw_metric(sources, rate("zemanta_ops.dropped"), "Samples dropped per second", ("reason",), unit=_PER_SECOND),
        _draw_queue(sources),
        draw_mean(sources, "zemanta_ops.flush.duration", "Time of a flush", ("host",)),
        draw_metric(sources, total("zemanta_ops.cardinality"), "Tags with too many values", ("metric", "tag")),
    ]
    checks = [
        draw_metric(sources, last("zemanta_ops.check.exit_code"), "Exit code of check_metrics"),
        draw_metric(sources, mean("zemanta_ops.check.latency"), "From the application to the database", unit="ms"),
    ]
    rows = [Row("From the application to the agent", sending), Row("check_metrics --watch", checks)]
    if sources.is_emitted("zemanta_ops.gauge.duration"):
        name = "zemanta_ops.gauge.duration"
        rows.append(Row("Gauges", [draw_mean(sources, name, "Time to collect a gauge", ("gauge", "outcome"))]))
    variables = sources.list_variables("zemanta_ops.sent")
    return Dashboard(NAME, "The pipeline itself", sources.project, rows, variables, sources.common[:-1])


def _draw_queue(sources: Sources) -> Panel:
    name = "zemanta_ops.queue.depth"
    peak = SeriesQuery(sources.select(name, "upper"), "max", ("host",))
    return Panel("queue", "Longest queue of a process", sources.document(name), [Asked("queue", peak)], unit="samples")
