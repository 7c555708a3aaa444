"""List the metrics that ``push_cloudwatch`` writes: ``aws.<declaration>.<field>``."""

from __future__ import annotations

from collections.abc import Iterator

from zemanta_ops.conf import conf
from zemanta_ops.setting import has_section
from zemanta_ops.stack.cloudwatch.declarations import OWN, Declaration, DeclarationError
from zemanta_ops.stack.cloudwatch.defaults import build_declarations, load_defaults
from zemanta_ops.stack.cloudwatch.marks import COVERED, MEASUREMENT
from zemanta_ops.stack.cloudwatch.names import name_field, name_measurement, to_snake_case
from zemanta_ops.stack.declarations.known import ACCOUNT, CLOUDWATCH, REGION, KnownMetric
from zemanta_ops.stack.settings import read_cloudwatch_options

# The point that each run writes, also where it runs as a Lambda function.
PUSH = "zemanta_ops.cloudwatch.push"
# Which metrics there are does not depend on the region.
_ANY_REGION = "us-east-1"
_REMEDY = 'Add "CLOUDWATCH" to ZEMANTA_OPS, and run push_cloudwatch.'
_MISSING = "AWS has no such resource, or nothing to report of it"
_UNITS = {"seconds": "s", "milliseconds": "ms", "0 or 1": ""}


def list_aws_metrics() -> Iterator[KnownMetric]:
    """Yield the mark of each run, and each metric of CloudWatch that is fetched, or would be if it were switched on."""
    chosen = {each.name: each for each in _read_chosen()}
    yield KnownMetric(
        PUSH,
        "gauge",
        frozenset({"declaration", REGION, ACCOUNT}),
        MEASUREMENT,
        "s",
        COVERED,
        CLOUDWATCH,
        "" if chosen else _REMEDY,
        "Until when each run of push_cloudwatch fetched everything.",
    )
    for declaration in {**load_defaults(), **chosen}.values():
        tags = frozenset({*(to_snake_case(name) for name, _ in declaration.dimensions), *_list_scope(declaration)})
        for metric in declaration.metrics:
            for statistic in metric.statistics:
                field = name_field(metric.name, statistic)
                yield KnownMetric(
                    f"aws.{declaration.name}.{field}",
                    _find_kind(statistic),
                    tags,
                    name_measurement(declaration.namespace),
                    _UNITS.get(metric.unit, metric.unit),
                    field,
                    CLOUDWATCH,
                    "" if declaration.name in chosen else _find_remedy(declaration, is_configured=bool(chosen)),
                    f"{metric.meaning[:1].upper()}{metric.meaning[1:]}: {statistic.lower()}, because {metric.reason}.",
                    _MISSING if metric.optional else "",
                    period=declaration.period,
                )


def _read_chosen() -> list[Declaration]:
    """Return what the settings choose; what is wrong with them is reported by a check of its own."""
    if not has_section(conf.cloudwatch.key):
        return []
    try:
        return list(build_declarations(read_cloudwatch_options(), region=_ANY_REGION, spell=str.upper))
    except DeclarationError:
        return []


def _list_scope(declaration: Declaration) -> list[str]:
    """Return the tags that say where a series is from; that of the account only if there may be several."""
    is_shared = declaration.linked_accounts or any(role != OWN for role in declaration.roles)
    return [REGION, ACCOUNT] if is_shared else [REGION]


def _find_remedy(declaration: Declaration, *, is_configured: bool) -> str:
    if not is_configured:
        return _REMEDY
    return f'Add "{declaration.name}": {{}} to ZEMANTA_OPS["CLOUDWATCH"]["DECLARATIONS"].'


def _find_kind(statistic: str) -> str:
    """Sums add up; an average of percentiles means nothing."""
    if statistic == "Sum":
        return "counter"
    return "gauge" if statistic in ("Average", "Minimum", "Maximum") else "percentile"
