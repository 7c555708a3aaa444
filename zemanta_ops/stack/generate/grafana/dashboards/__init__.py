"""The dashboards, one module each: ``draw`` returns a dashboard, or None if there is nothing to show on it."""

from __future__ import annotations

from zemanta_ops.stack.generate.grafana.dashboards import aws, overview, pipeline, state, view, work
from zemanta_ops.stack.generate.grafana.layout import Dashboard
from zemanta_ops.stack.generate.grafana.sources import Sources

# In the order in which they are read.
DASHBOARDS = (overview, view, work, state, aws, pipeline)


def draw_dashboards(sources: Sources) -> list[Dashboard]:
    """Return all dashboards that this deployment has."""
    return [dashboard for module in DASHBOARDS if (dashboard := module.draw(sources)) is not None]
