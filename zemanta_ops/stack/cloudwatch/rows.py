"""Rows for the database: all fields of a resource at one time together, as Telegraf groups them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from zemanta_ops.stack.cloudwatch.declarations import Declaration
from zemanta_ops.stack.cloudwatch.names import name_field, name_measurement, to_snake_case
from zemanta_ops.stack.cloudwatch.queries import ListedMetric
from zemanta_ops.stack.databases import Point

# The values of one statistic by their time in seconds since the epoch.
Values = Mapping[int, float]
Tags = tuple[tuple[str, str], ...]


def build_tags(metric: ListedMetric, declaration: Declaration, resource_tags: Mapping[str, str]) -> Tags:
    """Return the tags of a metric's series."""
    tags = {**dict(declaration.tags), **resource_tags}
    tags.update({to_snake_case(name): value for name, value in metric.dimensions})
    tags["region"] = metric.scope.region
    if account := metric.account or metric.scope.account:
        tags["account"] = account
    return tuple(sorted(tags.items()))


def build_points(
    values: Mapping[tuple[ListedMetric, str], Values], find_tags: Callable[[ListedMetric], Tags]
) -> Iterator[Point]:
    """Yield one point for each resource and time; a value that CloudWatch does not have is not in it."""
    rows: dict[tuple[str, Tags], dict[int, dict[str, float]]] = {}
    for (metric, statistic), series in values.items():
        row = rows.setdefault((name_measurement(metric.namespace), find_tags(metric)), {})
        field = name_field(metric.metric.name, statistic)
        for time, value in series.items():
            row.setdefault(time, {})[field] = value
    for (measurement, tags), times in rows.items():
        shared = dict(tags)
        for time, fields in times.items():
            yield Point(measurement, fields, shared, time * 10**9)
