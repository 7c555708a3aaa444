"""Panels that several dashboards have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil

from zemanta_ops.stack.declarations.durations import format_duration
from zemanta_ops.stack.declarations.model import Composite
from zemanta_ops.stack.declarations.runbooks import find_runbook
from zemanta_ops.stack.declarations.terms import Term, mean, rate
from zemanta_ops.stack.generate.grafana.absence import Absence
from zemanta_ops.stack.generate.grafana.panels import WEEK, Asked, Panel
from zemanta_ops.stack.generate.grafana.sources import Sources, to_limits, write_text
from zemanta_ops.stack.queries import HeatmapQuery, SeriesQuery

REQUESTS = "http.request.count"
DURATION = "http.request.duration"
BUCKETS = "http.request.bucket"
WORST = "95_percentile"
_QUANTILES = (0.5, 0.95, 0.99)
_WORST_HOST = (
    "Percentiles of several hosts cannot be averaged: the upper line is the 95th percentile of the worst host in its "
    'worst interval. Percentiles over all hosts need `METRICS["BUCKETS"]`.'
)
_TRUE = "Percentiles over all hosts, computed from the counters of `BUCKETS`."


def draw_requests(sources: Sources, variables: Sequence[str] = (), by: Sequence[str] = ()) -> list[Panel]:
    """Return requests per second, and the same a week ago."""
    now = Panel(
        "requests",
        "Requests per second",
        sources.document(REQUESTS),
        [Asked("requests", sources.ask(rate(REQUESTS), by, variables=variables))],
        unit="requests/s",
        width=16,
    )
    then = replace(
        now,
        key="requests a week ago",
        title="The same a week ago",
        text="The same hours, seven days earlier. Compare the shape first, then the height.",
        time_shift=WEEK,
        width=8,
        absence=Absence("the metrics are younger than a week"),
    )
    return [now, then]


def draw_latency(sources: Sources, variables: Sequence[str] = ()) -> Panel:
    """Return the latency of requests: true percentiles if there are buckets, else the mean and the worst host."""
    average = Asked("mean", sources.ask(mean(DURATION), (), variables=variables))
    if sources.deployment.buckets:
        lines = [Asked(f"p{q * 100:g}", sources.ask_percentile(q, variables=variables)) for q in _QUANTILES]
        text = _TRUE
    else:
        selection = sources.select(DURATION, WORST, variables=variables)
        lines, text = [Asked("p95 of the worst host", SeriesQuery(selection, "max"))], _WORST_HOST
    return Panel("latency", "Latency", sources.document(DURATION, text), [average, *lines], unit="ms")


def draw_heatmap(sources: Sources, variables: Sequence[str] = ()) -> list[Panel]:
    """Return the heat map of latency if there are buckets."""
    if not sources.deployment.buckets:
        return []
    query = HeatmapQuery(sources.select(BUCKETS, variables=variables), sources.deployment.buckets)
    text = "How many requests took how long; a stronger colour is more. Two bands are two kinds of requests."
    return [Panel("latency heat map", "Latency of all requests", text, [Asked("requests", query)], "heatmap", width=24)]


def draw_composite(sources: Sources, composite: Composite, variables: Sequence[str] = (), link: str = "") -> Panel:
    """Return a composite with the areas of its alert."""
    alert = sources.find_alert(composite)
    return Panel(
        f"composite {composite.name}",
        title_name(composite.name),
        write_text(composite),
        [Asked(composite.name, sources.ask_composite(composite, variables=variables))],
        unit=composite.unit,
        limits=to_limits(alert),
        runbook=find_runbook(alert) if alert else "",
        link=link,
        # With the agent's interval a view of little traffic would never reach the minimum of the denominator.
        interval=format_duration(max(composite.window_seconds, ceil(sources.deployment.agent_interval))),
        minimum=0 if composite.unit == "ratio" else None,
        absence=sources.find_composite_absence(composite),
    )


def draw_metric(
    sources: Sources,
    term: Term,
    title: str,
    by: Sequence[str] | None = (),
    *,
    unit: str = "",
    also: Sequence[str] = (),
) -> Panel:
    """Return one aggregate of a metric, with the areas of its alert; ``also`` are further variables."""
    alert = next((each for each in sources.declared.alerts if _shows(each.subject, term)), None)
    return Panel(
        f"{term.function} {term.metric}",
        title,
        sources.document(term.metric),
        [Asked(term.metric, sources.ask(term, by, variables=also))],
        unit=unit or sources.deployment.metrics[term.metric].unit,
        limits=to_limits(alert),
        runbook=find_runbook(alert) if alert else "",
        minimum=None if term.function in ("last", "mean", "sum_of") and not unit else 0,
        absence=sources.find_absence(term.metric),
    )


def _shows(subject: object, term: Term) -> bool:
    """Return whether a panel of one aggregate may show the thresholds of another: they have the same scale."""
    if not isinstance(subject, Term) or (subject.metric, subject.filters) != (term.metric, term.filters):
        return False
    scales = [each.function.replace("last", "mean") for each in (subject, term)]
    return scales[0] == scales[1]


def draw_mean(sources: Sources, name: str, title: str, by: Sequence[str]) -> Panel:
    """Return the mean of a timing or histogram."""
    return draw_metric(sources, mean(name), title, by, unit=sources.deployment.metrics[name].unit)


def draw_rate(sources: Sources, name: str, title: str, by: Sequence[str]) -> Panel:
    """Return how often something happens."""
    return draw_metric(sources, rate(name), title, by, unit="operations/s")


def title_name(name: str) -> str:
    """Return a metric's name as a title: ``shop.error_ratio`` is Shop error ratio."""
    words = name.replace(".", " ").replace("_", " ").strip()
    words = " ".join({"http": "HTTP", "db": "database"}.get(word, word) for word in words.split())
    return words[:1].upper() + words[1:]
