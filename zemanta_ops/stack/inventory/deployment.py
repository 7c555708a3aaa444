"""Read what declarations may refer to: from the catalogue, the gauges, the project's code and its descriptions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from zemanta_ops.conf import conf
from zemanta_ops.metrics import catalog
from zemanta_ops.metrics.series.tags import clean_tags
from zemanta_ops.stack.declarations.known import VALUE, Deployment, KnownMetric, find_identity
from zemanta_ops.stack.declarations.model import Description
from zemanta_ops.stack.declarations.names import to_measurement
from zemanta_ops.stack.declarations.registry import Declarations
from zemanta_ops.stack.declarations.terms import FUNCTIONS
from zemanta_ops.stack.inventory.aws_metrics import list_aws_metrics
from zemanta_ops.stack.inventory.emitted_metrics import EmittedMetric, list_metrics

# A tag whose name is not known before it is emitted, as ``list_metrics`` writes it: of a gauge, and of a call.
_ROWS = "(rows)"
_UNKNOWN_TAGS = (_ROWS, "**")
_MIDDLEWARE = "Add zemanta_ops.metrics.middleware.RequestMetricsMiddleware to MIDDLEWARE."


def read_deployment(declared: Declarations) -> Deployment:
    """Return what this deployment emits, with what the descriptions add."""
    prefix = conf.metrics.prefix
    metrics = {known.name: known for known in (*_list_off(prefix), *list_aws_metrics())}
    for metric in list_metrics():
        metrics[metric.name] = _convert(metric, declared, prefix)
    for description in declared.descriptions:
        if description.name not in metrics and description.kind in FUNCTIONS:
            metrics[description.name] = _read_description(description, prefix)
    tags = clean_tags(conf.metrics.tags)
    return Deployment(
        metrics,
        common_tags=frozenset({*map(str, conf.metrics.tags), "host"}),
        prefix=prefix,
        agent_interval=conf.metrics.agent_interval,
        buckets=conf.metrics.buckets,
        retention=conf.influxdb.retention,
        identity={tag: tags[tag] for tag in find_identity(tags)},
    )


def _list_off(prefix: str) -> Iterator[KnownMetric]:
    """Yield the catalogue as if nothing of it were switched on."""
    for metric in catalog.METRICS:
        yield KnownMetric(
            metric.name,
            metric.kind,
            _add_request_tags(metric.source, metric.tags),
            to_measurement(metric.name, prefix),
            metric.unit,
            VALUE,
            metric.source,
            _find_remedy(metric.source),
            empty_if=metric.empty_if,
        )


def _find_remedy(source: str) -> str:
    if source in ("check_metrics", "compute_composites"):
        return ""
    if source == "push_cloudwatch":
        return 'Add "CLOUDWATCH" to ZEMANTA_OPS, and run push_cloudwatch.'
    if source == "buckets":
        return 'Set ZEMANTA_OPS["METRICS"]["BUCKETS"].'
    if source == "requests":
        return _MIDDLEWARE
    if source == "gauges":
        return "Declare a gauge in gauges.py of an app."
    return f'Add "{source}" to ZEMANTA_OPS["METRICS"]["INSTRUMENT"].'


def _convert(metric: EmittedMetric, declared: Declarations, prefix: str) -> KnownMetric:
    catalogued = next((each for each in catalog.METRICS if each.name == metric.name), None)
    description = declared.describe(metric.name)
    source = catalogued.source if catalogued else "project"
    tags = _add_request_tags(source, metric.tags)
    if description is not None and description.tags is not None and tags is None:
        tags = frozenset({*description.tags, *(tag for tag in metric.tags if tag not in _UNKNOWN_TAGS)})
    unit = description.unit if description else catalogued.unit if catalogued else ""
    empty_if = (description.empty_if if description else "") or (catalogued.empty_if if catalogued else "")
    measurement = to_measurement(metric.name, prefix)
    is_collected = _ROWS in metric.tags
    return KnownMetric(
        metric.name, metric.kind, tags, measurement, unit, VALUE, source, empty_if=empty_if, is_collected=is_collected
    )


def _add_request_tags(source: str, tags: Iterable[str]) -> frozenset[str] | None:
    """Return the tags, None if some are known only when they are emitted: a function adds tags to requests."""
    if any(tag in _UNKNOWN_TAGS for tag in tags) or (source in ("requests", "buckets") and conf.metrics.request_tags):
        return None
    return frozenset(tags)


def _read_description(description: Description, prefix: str) -> KnownMetric:
    """Return a metric that something else writes; its measurement has no prefix of ours."""
    measurement = description.measurement or to_measurement(description.name, "" if description.field else prefix)
    tags = None if description.tags is None else frozenset(description.tags)
    field = description.field or VALUE
    return KnownMetric(
        description.name,
        description.kind,
        tags,
        measurement,
        description.unit,
        field,
        "elsewhere",
        empty_if=description.empty_if,
    )
