"""What this deployment can emit: every metric, the values of its tags as far as they are known, and how many series."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.core.management import get_commands

from zemanta_ops.conf import conf
from zemanta_ops.metrics import catalog
from zemanta_ops.metrics.gauges.registry import registered
from zemanta_ops.metrics.request.recorder import METHODS, OTHER_METHOD
from zemanta_ops.stack.inventory.source_calls import Call, project_calls
from zemanta_ops.stack.inventory.view_values import view_names

MIDDLEWARE = "zemanta_ops.metrics.middleware.RequestMetricsMiddleware"

Values = Sequence[str] | None


@dataclass
class Entry:
    """One metric; ``tags`` maps a key to all its values, or None where they are not known beforehand."""

    name: str
    kind: str
    tags: dict[str, Values] = field(default_factory=dict)
    places: list[str] = field(default_factory=list)

    @property
    def series(self) -> int | None:
        """How many series it can have; None where a tag's values are not known."""
        counts = [None if values is None else len(values) for values in self.tags.values()]
        return None if None in counts else math.prod(count for count in counts if count)

    def limited(self, max_series: int) -> int:
        """How many series it can have under the guard; the series that stand for ``_other`` are not counted."""
        return max_series if self.series is None else min(self.series, max_series)


def entries() -> list[Entry]:
    """Return what the app emits under these settings, the gauges, and what the project's own code emits."""
    return [*_catalogue(), *_gauges(), *_calls(project_calls())]


def warnings(found: Sequence[Entry]) -> list[str]:
    """Say where the guard will fold values into ``_other``."""
    most, each = conf.metrics.max_series, conf.metrics.max_tag_values
    said = []
    for entry in found:
        for key, values in entry.tags.items():
            if values is not None and len(values) > each:
                said.append(f"{entry.name}: {len(values)} values of {key}, MAX_TAG_VALUES is {each}")
        if entry.series is not None and entry.series > most:
            said.append(f"{entry.name}: up to {entry.series} series, MAX_SERIES is {most}")
    return said


def _catalogue() -> list[Entry]:
    sources = {"client", *conf.metrics.instrument}
    if MIDDLEWARE in settings.MIDDLEWARE:
        sources.add("requests")
    else:
        # These see a request only through the middleware.
        sources -= {"responses"}
    gauges = sorted({gauge.name for gauge in registered()})
    if gauges:
        sources.add("gauges")
    known = _known_values(gauges)
    return [
        Entry(metric.name, metric.kind, {tag: _values(metric, tag, known) for tag in metric.tags})
        for metric in catalog.METRICS
        if metric.source in sources
    ]


def _known_values(gauges: list[str]) -> Mapping[tuple[str, str], Values]:
    """Return the values that the project decides, by (source, tag); a source "" stands for any."""
    return {
        **catalog.TAG_VALUES,
        ("", "view"): view_names(),
        ("", "method"): [*sorted(METHODS), OTHER_METHOD],
        ("database", "alias"): list(settings.DATABASES),
        ("cache", "alias"): list(settings.CACHES),
        ("tasks", "backend"): list(getattr(settings, "TASKS", {"default": {}})),
        ("commands", "command"): sorted(get_commands()),
        ("gauges", "gauge"): gauges,
    }


def _values(metric: catalog.Metric, tag: str, known: Mapping[tuple[str, str], Values]) -> Values:
    if metric.source == "http":
        return None
    return known.get((metric.source, tag), known.get(("", tag)))


def _gauges() -> list[Entry]:
    """Return the gauges; which tags their rows have is seen when they are collected."""
    return [
        Entry(
            gauge.name,
            "gauge",
            {**{key: [str(value)] for key, value in gauge.tags.items()}, "(rows)": None},
            [f"{gauge.function.__module__}.{gauge.function.__qualname__}"],
        )
        for gauge in registered()
    ]


def _calls(calls: Sequence[Call]) -> list[Entry]:
    """Merge the calls of one name and kind: a tag's values are known where all its calls give constants."""
    merged: dict[tuple[str, str], Entry] = {}
    for call in calls:
        entry = merged.setdefault((call.name, call.kind), Entry(call.name, call.kind))
        entry.places.append(call.place)
        for key, value in call.tags:
            before = entry.tags.get(key, ())
            entry.tags[key] = None if value is None or before is None else sorted({*before, value})
    return list(merged.values())
