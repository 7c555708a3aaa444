"""List every metric that this deployment can emit, with the known values of its tags and its number of series."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core.management import get_commands
from django.urls import ResolverMatch, URLResolver, get_resolver

from zemanta_ops.conf import conf
from zemanta_ops.metrics import catalog
from zemanta_ops.metrics.gauges.registry import list_gauges
from zemanta_ops.metrics.request.recorder import METHODS, OTHER_METHOD
from zemanta_ops.metrics.request.view_names import MIDDLEWARE as ANSWERED_BY_MIDDLEWARE
from zemanta_ops.metrics.request.view_names import UNRESOLVED, name_view
from zemanta_ops.stack.inventory.source_calls import Call, find_project_calls

MIDDLEWARE = "zemanta_ops.metrics.middleware.RequestMetricsMiddleware"

Values = Sequence[str] | None


@dataclass
class EmittedMetric:
    """One metric; ``tags`` has the values of each key, or None if they are known only when they are emitted."""

    name: str
    kind: str
    tags: dict[str, Values] = field(default_factory=dict)
    places: list[str] = field(default_factory=list)

    @property
    def series(self) -> int | None:
        """How many series it can have; None if the values of a tag are not known."""
        counts = [None if values is None else len(values) for values in self.tags.values()]
        return None if None in counts else math.prod(count for count in counts if count)

    def limit_series(self, max_series: int) -> int:
        """Return how many series it can have under the cardinality guard, without those of ``_other``."""
        return max_series if self.series is None else min(self.series, max_series)


def list_metrics() -> list[EmittedMetric]:
    """Return what the app emits with these settings, its registered gauges, and what the project's code emits."""
    return [*_list_catalog(), *_list_gauges(), *_merge_calls(find_project_calls())]


def list_excesses(metrics: Sequence[EmittedMetric]) -> list[str]:
    """Return a sentence for each limit at which the cardinality guard will fold values into ``_other``."""
    max_series, max_values = conf.metrics.max_series, conf.metrics.max_tag_values
    excesses = []
    for metric in metrics:
        for key, values in metric.tags.items():
            if values is not None and len(values) > max_values:
                excesses.append(f"{metric.name}: {len(values)} values of {key}, MAX_TAG_VALUES is {max_values}")
        if metric.series is not None and metric.series > max_series:
            excesses.append(f"{metric.name}: up to {metric.series} series, MAX_SERIES is {max_series}")
    return excesses


def _list_catalog() -> list[EmittedMetric]:
    sources = {"client", *conf.metrics.instrument}
    if MIDDLEWARE in settings.MIDDLEWARE:
        sources.update({"requests", "buckets"} if conf.metrics.buckets else {"requests"})
    else:
        # These instrumentations observe a request only through the middleware.
        sources -= {"responses"}
    gauges = sorted({gauge.name for gauge in list_gauges()})
    if gauges:
        sources.add("gauges")
    known = _list_known_values(gauges)
    return [
        EmittedMetric(metric.name, metric.kind, {tag: _find_values(metric, tag, known) for tag in metric.tags})
        for metric in catalog.METRICS
        if metric.source in sources
    ]


def _list_known_values(gauges: list[str]) -> Mapping[tuple[str, str], Values]:
    """Return the values that the project determines, by (source, tag); the source "" means any."""
    return {
        **catalog.TAG_VALUES,
        ("", "view"): list_view_names(),
        ("buckets", "le"): [*(f"{limit:g}" for limit in conf.metrics.buckets), "+Inf"],
        ("", "method"): [*sorted(METHODS), OTHER_METHOD],
        ("database", "alias"): list(settings.DATABASES),
        ("cache", "alias"): list(settings.CACHES),
        ("tasks", "backend"): list(getattr(settings, "TASKS", {"default": {}})),
        ("commands", "command"): sorted(get_commands()),
        ("gauges", "gauge"): gauges,
    }


def _find_values(metric: catalog.Metric, tag: str, known: Mapping[tuple[str, str], Values]) -> Values:
    if metric.source == "http":
        return None
    return known.get((metric.source, tag), known.get(("", tag)))


def _list_gauges() -> list[EmittedMetric]:
    """Return the gauges; the tags of their rows are known only when they are collected."""
    return [
        EmittedMetric(
            gauge.name,
            "gauge",
            {**{key: [str(value)] for key, value in gauge.tags.items()}, "(rows)": None},
            [f"{gauge.function.__module__}.{gauge.function.__qualname__}"],
        )
        for gauge in list_gauges()
    ]


def _merge_calls(calls: Sequence[Call]) -> list[EmittedMetric]:
    """Merge the calls of one name and kind; a tag's values are known if all calls give constants."""
    merged: dict[tuple[str, str], EmittedMetric] = {}
    for call in calls:
        metric = merged.setdefault((call.name, call.kind), EmittedMetric(call.name, call.kind))
        metric.places.append(call.place)
        for key, value in call.tags:
            before = metric.tags.get(key, ())
            metric.tags[key] = None if value is None or before is None else sorted({*before, value})
    return list(merged.values())


def list_view_names() -> list[str]:
    """Return the names of all views, as the middleware tags them, and ``unresolved``."""
    if not getattr(settings, "ROOT_URLCONF", None):
        return [UNRESOLVED]
    return sorted({UNRESOLVED, ANSWERED_BY_MIDDLEWARE, *_walk(get_resolver().url_patterns, "", [])})


def _walk(patterns: Iterable[Any], prefix: str, namespaces: list[str | None]) -> Iterator[str]:
    for pattern in patterns:
        route = _join(prefix, str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            inner = [*namespaces, pattern.namespace] if pattern.namespace else namespaces
            yield from _walk(pattern.url_patterns, route, inner)
        else:
            match = ResolverMatch(pattern.callback, (), {}, pattern.name, namespaces=namespaces, route=route)
            # A view of Django REST framework's routers has one action per method.
            for method in getattr(pattern.callback, "actions", None) or [""]:
                yield name_view(match, method)


def _join(prefix: str, route: str) -> str:
    """Join two routes as Django's resolver does, which keeps a ``^`` only at the beginning."""
    return prefix + route.removeprefix("^") if prefix else route
