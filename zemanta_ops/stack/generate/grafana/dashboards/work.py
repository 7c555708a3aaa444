"""Tasks of Celery and Django, and management commands."""

from __future__ import annotations

from collections.abc import Mapping

from zemanta_ops.stack.generate.grafana.dashboards.common import draw_mean, draw_rate
from zemanta_ops.stack.generate.grafana.layout import Dashboard, Row
from zemanta_ops.stack.generate.grafana.panels import Panel
from zemanta_ops.stack.generate.grafana.sources import Sources

NAME = "work"
# For each row its metrics: whether their rate or their mean is drawn or both, in which words, and by which tags.
_METRICS: Mapping[str, Mapping[str, tuple[str, str, tuple[str, ...]]]] = {
    "Celery": {
        "celery.task.published": ("rate", "Tasks published per second", ("task",)),
        "celery.task.wait": ("mean", "Time until a worker takes a task", ("queue",)),
        "celery.task.duration": ("both", "tasks", ("task", "outcome")),
    },
    "Tasks of Django": {
        "task.enqueued": ("rate", "Tasks enqueued per second", ("task",)),
        "task.wait": ("mean", "Time until a worker takes a task", ("queue",)),
        "task.duration": ("both", "tasks", ("task", "outcome")),
    },
    "Management commands": {"command.duration": ("both", "commands", ("command", "outcome"))},
}


def draw(sources: Sources) -> Dashboard | None:
    """Return the dashboard; None if neither tasks nor commands are measured."""
    rows = [Row(title, _draw_panels(sources, title)) for title in _METRICS]
    rows = [row for row in rows if row.panels]
    if not rows:
        return None
    names = [name for metrics in _METRICS.values() for name in metrics]
    variables = sources.list_variables(*names)
    return Dashboard(NAME, "Tasks and commands", sources.project, rows, variables, sources.common[:-1])


def _draw_panels(sources: Sources, title: str) -> list[Panel]:
    panels = []
    for name, (how, words, by) in _METRICS[title].items():
        if not sources.is_emitted(name):
            continue
        if how in ("rate", "both"):
            panels.append(draw_rate(sources, name, words if how == "rate" else f"Finished {words} per second", by))
        if how in ("mean", "both"):
            panels.append(draw_mean(sources, name, words if how == "mean" else f"Time of {words}", by))
    return panels
