"""What one GetMetricData request asks for: as many series as fit, with all statistics of each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from zemanta_ops.stack.cloudwatch.declarations import DeclaredMetric
from zemanta_ops.stack.cloudwatch.windows import Window

MAX_QUERIES = 500
# The most points of one page of an answer.
MAX_POINTS = 100_800
# AWS counts a metric once for up to this many statistics in one request.
STATISTICS_PER_METRIC = 5


@dataclass(frozen=True, order=True)
class Scope:
    """A declaration in one region, asked with one role: what succeeds or fails as a whole."""

    declaration: str
    region: str
    role: str = "own"

    @property
    def account(self) -> str:
        """Return the account that the role belongs to; empty for the identity of the process."""
        return self.role.split(":")[4] if self.role.startswith("arn:") else ""

    def __str__(self) -> str:
        return f"{self.declaration} in {self.region}" + (f", account {self.account}" if self.account else "")


@dataclass(frozen=True, slots=True)
class ListedMetric:
    """A metric of one resource, as ListMetrics returned it; ``account`` is a linked account's id."""

    scope: Scope
    namespace: str
    metric: DeclaredMetric
    dimensions: tuple[tuple[str, str], ...]
    account: str = ""

    def identify(self, window: Window) -> str:
        """Return a short text that differs for every other series, period or range of time."""
        parts = (self.scope, self.namespace, self.metric.name, self.metric.statistics, self.dimensions, self.account)
        return hashlib.sha256(repr((parts, window)).encode()).hexdigest()[:20]


@dataclass(frozen=True)
class DataRequest:
    """Series of one region and role for one window."""

    region: str
    role: str
    window: Window
    metrics: tuple[ListedMetric, ...]

    def count_billed(self) -> int:
        """Return how many metrics AWS counts."""
        return sum(count_billed(len(each.metric.statistics)) for each in self.metrics)


def count_billed(statistics: int) -> int:
    """Return how many metrics AWS counts for one metric with this number of statistics."""
    return -(-statistics // STATISTICS_PER_METRIC)


def pack_requests(metrics: Sequence[ListedMetric], window: Window) -> Iterator[DataRequest]:
    """Yield requests that hold the metrics in their order, each with all its statistics.

    The metrics must be of one region and role. An answer has one page, unless a metric's statistics alone exceed it.
    """
    most = max(1, min(MAX_QUERIES, MAX_POINTS // window.points))
    chosen: list[ListedMetric] = []
    size = 0
    for each in metrics:
        if chosen and size + len(each.metric.statistics) > most:
            yield DataRequest(chosen[0].scope.region, chosen[0].scope.role, window, tuple(chosen))
            chosen, size = [], 0
        chosen.append(each)
        size += len(each.metric.statistics)
    if chosen:
        yield DataRequest(chosen[0].scope.region, chosen[0].scope.role, window, tuple(chosen))


def build_queries(asked: Sequence[tuple[int, ListedMetric, str]], period: int) -> list[dict[str, Any]]:
    """Return the MetricDataQueries for numbered statistics of metrics."""
    return [_build_query(number, metric, statistic, period) for number, metric, statistic in asked]


def _build_query(number: int, listed: ListedMetric, statistic: str, period: int) -> dict[str, Any]:
    metric = {
        "Namespace": listed.namespace,
        "MetricName": listed.metric.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in listed.dimensions],
    }
    query = {"Id": f"q{number}", "MetricStat": {"Metric": metric, "Period": period, "Stat": statistic}}
    return {**query, "AccountId": listed.account} if listed.account else query
