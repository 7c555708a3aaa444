"""One view: how fast it is, why it is slow, and what fails in it."""

from __future__ import annotations

from zemanta_ops.stack.declarations.terms import mean, rate, total
from zemanta_ops.stack.generate.grafana.dashboards.common import (
    DURATION,
    REQUESTS,
    draw_heatmap,
    draw_latency,
    draw_requests,
)
from zemanta_ops.stack.generate.grafana.layout import Dashboard, Row, Variable
from zemanta_ops.stack.generate.grafana.panels import Asked, Panel
from zemanta_ops.stack.generate.grafana.sources import VIEW, Sources
from zemanta_ops.stack.queries import SeriesQuery

NAME = "view"
_ONE = (VIEW,)


def draw(sources: Sources) -> Dashboard | None:
    """Return the dashboard; None if no request is measured."""
    if not sources.is_emitted(REQUESTS):
        return None
    rows = [
        Row("", [*draw_requests(sources, _ONE, ("status",)), draw_latency(sources, _ONE), _draw_exceptions(sources)]),
        Row("Why it is slow", _draw_causes(sources)),
        Row("All requests of the view", draw_heatmap(sources, _ONE)),
        Row("Its neighbours", [_draw_neighbours(sources)]),
    ]
    measurement = sources.deployment.measure(REQUESTS)
    variables = sources.list_variables(REQUESTS)
    variables.append(Variable(VIEW, (measurement,), sources.common, is_single=True))
    return Dashboard(
        NAME, "One view", sources.project, [row for row in rows if row.panels], variables, sources.common[:-1]
    )


def _draw_exceptions(sources: Sources) -> Panel:
    selection = sources.select(REQUESTS, variables=_ONE, exception="^.+$")
    text = "Server errors by the exception that the view raised. One that begins at a deploy came with it."
    query = SeriesQuery(selection, "sum", ("exception",))
    absence = sources.find_absence(REQUESTS, "no request failed")
    return Panel("exceptions", "Errors by exception", text, [Asked("errors", query)], unit="requests", absence=absence)


def _draw_causes(sources: Sources) -> list[Panel]:
    panels = []
    for name, title, with_peak in (
        ("http.request.queries", "Queries of a request", False),
        ("http.request.query_time", "Query time of a request", False),
        ("http.request.repeated_queries", "Most repeated query of a request (N+1)", True),
        ("http.response.size", "Size of a response", False),
    ):
        if not sources.is_emitted(name):
            continue
        asked = [Asked("mean", sources.ask(mean(name), (), variables=_ONE))]
        if with_peak:
            peak = SeriesQuery(sources.select(name, "upper", variables=_ONE), "max")
            asked.append(Asked("worst request", peak))
        known = sources.deployment.metrics[name]
        absence = sources.find_absence(name, "the view sent no query" if known.source == "database" else "")
        panels.append(Panel(f"mean {name}", title, sources.document(name), asked, unit=known.unit, absence=absence))
    return panels


def _draw_neighbours(sources: Sources) -> Panel:
    asked = [
        Asked("requests", sources.ask(total(REQUESTS), _ONE, whole=True)),
        Asked("per second", sources.ask(rate(REQUESTS), _ONE, whole=True), "requests/s"),
        Asked("mean", sources.ask(mean(DURATION), _ONE, whole=True), "ms"),
    ]
    text = "All views of the same hosts: if they are slow too, the cause is not in this view."
    return Panel("neighbours", "All views", text, asked, "table", width=24, sort="mean")
