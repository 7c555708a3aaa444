"""The application's own metrics: its composites, its gauges, and whatever else a project describes."""

from __future__ import annotations

from dataclasses import replace

from zemanta_ops.stack.declarations.known import KnownMetric
from zemanta_ops.stack.declarations.runbooks import find_runbook
from zemanta_ops.stack.declarations.terms import Term, last, mean, rate
from zemanta_ops.stack.generate.grafana.dashboards.common import REQUESTS, draw_composite, draw_metric, title_name
from zemanta_ops.stack.generate.grafana.layout import Dashboard, Row, Variable
from zemanta_ops.stack.generate.grafana.panels import Asked, Panel
from zemanta_ops.stack.generate.grafana.sources import HOST, Sources, to_limits
from zemanta_ops.stack.queries import SeriesQuery, name_repeat

NAME = "state"


def draw(sources: Sources) -> Dashboard | None:
    """Return the dashboard; None if the project has none of its own."""
    own = [each for each in sources.deployment.metrics.values() if each.source in ("project", "elsewhere")]
    own = [each for each in own if each.kind == "gauge" or sources.declared.describe(each.name)]
    own.sort(key=lambda each: each.name)
    repeats = {each.name: _find_repeat(sources, each) for each in own}
    plain = [_draw_metric(sources, each) for each in own if not repeats[each.name]]
    plain += _draw_sums(sources, own)
    composites = [draw_composite(sources, each) for each in sources.declared.composites if not each.is_shipped]
    rows = [Row("Composites", composites), Row("Gauges and what else is described", plain)]
    rows += [_draw_repeated(sources, each, repeats[each.name]) for each in own if repeats[each.name]]
    rows = [row for row in rows if row.panels]
    if not rows:
        return None
    # Not from the gauges: the choices would be others with each new one, and there may be none.
    variables = sources.list_variables(REQUESTS, "zemanta_ops.sent")
    variables += _list_repeat_variables(sources, own, repeats)
    return Dashboard(NAME, "Application state", sources.project, rows, variables, sources.common[:-1])


def _find_repeat(sources: Sources, metric: KnownMetric) -> str:
    description = sources.declared.describe(metric.name)
    return description.repeat if description else ""


def _draw_metric(sources: Sources, metric: KnownMetric) -> Panel:
    by: tuple[str, ...] | None = () if metric.tags is None else tuple(sorted(metric.tags - {HOST}))
    if metric.tags is None and metric.kind == "gauge":
        # Which tags its rows have is not declared: each series is a line of its own.
        by = None
    unit = metric.unit
    if metric.kind == "counter":
        return draw_metric(sources, rate(metric.name), f"{title_name(metric.name)} per second", by, unit="operations/s")
    return draw_metric(sources, _choose_term(metric), title_name(metric.name), by, unit=unit)


def _draw_sums(sources: Sources, own: list[KnownMetric]) -> list[Panel]:
    """Return a panel of the sum for each gauge whose sum over its series an alert judges."""
    names, panels = {each.name for each in own}, dict[str, Panel]()
    for alert in sources.declared.alerts:
        term = alert.subject
        if not isinstance(term, Term) or term.function != "sum_of" or term.filters or term.metric not in names:
            continue
        if term.metric not in panels:
            unit = sources.deployment.metrics[term.metric].unit
            panels[term.metric] = draw_metric(sources, term, f"{title_name(term.metric)}, sum", alert.by, unit=unit)
    return list(panels.values())


def _choose_term(metric: KnownMetric) -> Term:
    return last(metric.name) if metric.kind in ("gauge", "set", "percentile") else mean(metric.name)


def _draw_repeated(sources: Sources, metric: KnownMetric, tag: str) -> Row:
    selection = replace(sources.select(metric.name), repeat=tag)
    title = f"{title_name(metric.name)}: ${name_repeat(tag)}"
    alert = sources.find_alert(metric.name)
    others = tuple(sorted((metric.tags or frozenset()) - {HOST, tag}))
    panel = Panel(
        f"repeated {metric.name}",
        title,
        sources.document(metric.name),
        [Asked(metric.name, SeriesQuery(selection, "last", others))],
        unit=metric.unit,
        limits=to_limits(alert),
        runbook=find_runbook(alert) if alert else "",
        width=24,
        absence=sources.find_absence(metric.name),
    )
    return Row(title, [panel], is_collapsed=True, repeat=name_repeat(tag))


def _list_repeat_variables(sources: Sources, own: list[KnownMetric], repeats: dict[str, str]) -> list[Variable]:
    """Return one variable for each tag, with the values of all gauges that are repeated by it."""
    found: dict[str, list[KnownMetric]] = {}
    for metric in own:
        if repeats[metric.name]:
            found.setdefault(repeats[metric.name], []).append(metric)
    return [_repeat_by(sources, tag, metrics) for tag, metrics in sorted(found.items())]


def _repeat_by(sources: Sources, tag: str, metrics: list[KnownMetric]) -> Variable:
    # What another program writes does not have the tags of the application.
    chosen = [sources.select(metric.name).variables for metric in metrics]
    after = tuple(each for each in sources.common if all(each in variables for variables in chosen))
    return Variable(tag, tuple(metric.measurement for metric in metrics), after, is_repeated=True)
