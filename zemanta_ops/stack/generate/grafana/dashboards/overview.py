"""The dashboard to open first: is anything wrong, where, and since when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from zemanta_ops.stack.declarations.terms import mean, rate, total
from zemanta_ops.stack.generate.grafana.dashboards.common import (
    DURATION,
    REQUESTS,
    WORST,
    draw_composite,
    draw_heatmap,
    draw_latency,
    draw_mean,
    draw_metric,
    draw_rate,
    draw_requests,
)
from zemanta_ops.stack.generate.grafana.dashboards.objectives import draw_objective
from zemanta_ops.stack.generate.grafana.layout import Dashboard, Row
from zemanta_ops.stack.generate.grafana.panels import Asked, Panel
from zemanta_ops.stack.generate.grafana.sources import VIEW, Sources, to_limits
from zemanta_ops.stack.queries import RatioQuery, SeriesQuery

NAME = "overview"
ERRORS = "http.request.error_ratio"
_HOW_TO_READ = """\
**Read from the top.** Green is fine, yellow needs attention in office hours, red calls a person. Vertical lines are
deploys: if a problem starts at one, it was probably the cause. The description of a panel says what it shows, what a
problem looks like, how it affects users, and what to do. In Grafana, a click on a line or a view opens it; time and
filters are kept.
"""


def draw(sources: Sources) -> Dashboard | None:
    """Return the dashboard; None if no request and none of the rest is measured."""
    rows = [row for row in _list_rows(sources) if row.panels]
    if not rows:
        return None
    about = Row("", [Panel("about", "", _HOW_TO_READ, type="text", width=24, height=3)])
    variables = sources.list_variables(REQUESTS, "zemanta_ops.sent")
    return Dashboard(NAME, "Overview", sources.project, [about, *rows], variables, sources.common[:-1])


def _list_rows(sources: Sources) -> Iterator[Row]:
    if sources.is_emitted(REQUESTS):
        yield Row("", _draw_numbers(sources))
        yield Row("Requests", [*draw_requests(sources), *_draw_errors(sources), draw_latency(sources)])
        yield Row(
            "Objectives", [panel for each in sources.declared.objectives for panel in draw_objective(sources, each)]
        )
        yield Row("Worst views", [_draw_views(sources), *draw_heatmap(sources)])
    yield Row("Database", _draw_database(sources))
    yield Row("Cache", _draw_cache(sources))
    yield Row("Outgoing calls", _draw_outgoing(sources))
    yield Row("Tasks and commands", _draw_work(sources))
    yield Row("Are the metrics healthy?", _draw_health(sources))


def _draw_numbers(sources: Sources) -> list[Panel]:
    # Over the whole time: the mean of the intervals would give a quiet one the weight of a busy one.
    errors = RatioQuery({"status": "^5.*$"}, sources.select(REQUESTS), whole=True)
    busy = SeriesQuery(sources.select(DURATION, "sum"), "sum", (), "milliseconds", whole=True)
    composite = sources.find_composite(ERRORS)
    limits = to_limits(sources.find_alert(composite)) if composite else None
    numbers = [
        ("requests now", "Requests per second", sources.ask(rate(REQUESTS), (), whole=True), "requests/s", None),
        ("errors now", "Requests that fail", errors, "ratio", limits),
        ("latency now", "Mean latency", sources.ask(mean(DURATION), (), whole=True), "ms", None),
        ("saturation", "Requests at once", busy, "", None),
    ]
    text = {
        "saturation": "How many requests are answered at the same time, on average: the workers that are busy. Near "
        "the number of workers, requests queue before they reach Django."
    }
    return [
        Panel(key, title, text.get(key, ""), [Asked(title, query)], "stat", unit, limit, width=6, height=4)
        for key, title, query, unit, limit in numbers
    ]


def _draw_errors(sources: Sources) -> list[Panel]:
    composite = sources.find_composite(ERRORS)
    return [draw_composite(sources, composite, link=sources.open_dashboard("view", VIEW))] if composite else []


def _draw_views(sources: Sources) -> Panel:
    by = (VIEW,)
    asked = [
        Asked("requests", sources.ask(total(REQUESTS), by, whole=True)),
        Asked("errors", RatioQuery({"status": "^5.*$"}, sources.select(REQUESTS), by, whole=True), "ratio"),
        Asked("mean", sources.ask(mean(DURATION), by, whole=True), "ms"),
        _ask_slow_requests(sources),
    ]
    for label, name, aggregate in (
        ("queries", "http.request.queries", "mean"),
        ("most repeated query", "http.request.repeated_queries", "max"),
    ):
        if sources.is_emitted(name):
            field = "sum" if aggregate == "mean" else "upper"
            query = SeriesQuery(sources.select(name, field), aggregate, by, whole=True)  # type: ignore[arg-type]
            asked.append(Asked(label, query))
    text = "One row for each view over the time shown. A most repeated query above ten is an N+1 query."
    link = sources.open_dashboard("view").replace("?", "?var-view=${__data.fields.view:percentencode}&", 1)
    return Panel("views", "Views, slowest first", text, asked, "table", link=link, width=24, sort="mean")


def _ask_slow_requests(sources: Sources) -> Asked:
    """Return the 95th percentile of each view: over all hosts if there are buckets, else that of the worst host."""
    if sources.deployment.buckets:
        return Asked("p95", replace(sources.ask_percentile(0.95, by=(VIEW,)), whole=True), "ms")
    return Asked(
        "p95 of the worst host", SeriesQuery(sources.select(DURATION, WORST), "max", (VIEW,), whole=True), "ms"
    )


def _draw_database(sources: Sources) -> list[Panel]:
    name = "db.query.duration"
    if not sources.is_emitted(name):
        return []
    by = ("alias", "operation")
    return [draw_mean(sources, name, "Time of a query", by), draw_rate(sources, name, "Queries per second", by)]


def _draw_cache(sources: Sources) -> list[Panel]:
    composite = sources.find_composite("cache.hit_ratio")
    panels = [draw_composite(sources, composite)] if composite and sources.is_emitted("cache.lookup.count") else []
    name = "cache.operation.duration"
    if sources.is_emitted(name):
        panels.append(draw_mean(sources, name, "Time of a cache operation", ("alias", "operation")))
    return panels


def _draw_outgoing(sources: Sources) -> list[Panel]:
    name = "http.client.duration"
    if not sources.is_emitted(name):
        return []
    panels = [draw_mean(sources, name, "Time of an outgoing call", ("peer",))]
    composite = sources.find_composite("http.client.error_ratio")
    return [*panels, draw_composite(sources, composite)] if composite else panels


def _draw_work(sources: Sources) -> list[Panel]:
    waits = [name for name in ("celery.task.wait", "task.wait") if sources.is_emitted(name)]
    panels = [draw_mean(sources, name, "Time until a worker takes a task", ("queue",)) for name in waits]
    if sources.is_emitted("command.duration"):
        panels.append(draw_mean(sources, "command.duration", "Time of a command", ("command",)))
    return panels


def _draw_health(sources: Sources) -> list[Panel]:
    dropped = draw_metric(
        sources, rate("zemanta_ops.dropped"), "Samples dropped per second", ("reason",), unit="operations/s"
    )
    folded = draw_metric(sources, total("zemanta_ops.cardinality"), "Tags with too many values", ("metric", "tag"))
    return [dropped, folded]
