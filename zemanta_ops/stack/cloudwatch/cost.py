"""What fetching costs: requests, and both bounds of a month's price."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from zemanta_ops.stack.cloudwatch.declarations import Declaration
from zemanta_ops.stack.cloudwatch.queries import ListedMetric, Scope, count_billed, pack_requests
from zemanta_ops.stack.cloudwatch.windows import Window, round_up

MONTH_SECONDS = 30 * 86_400
# https://aws.amazon.com/cloudwatch/pricing/: 0.01 USD for 1,000 metrics that GetMetricData is asked for.
PRICE_OF_METRIC = 0.00001


@dataclass(frozen=True)
class Estimate:
    """What a scope costs.

    Attributes:
        scope: The scope.
        series: Metrics of resources.
        statistics: Statistics of all series.
        by_metric: Series by the metric's name.
        lowest: Dollars a month if up to five statistics of a metric count once.
        highest: Dollars a month if each statistic counts.

    """

    scope: Scope
    series: int
    statistics: int
    by_metric: dict[str, int]
    lowest: float
    highest: float


def estimate_scope(scope: Scope, declaration: Declaration, metrics: Sequence[ListedMetric]) -> Estimate:
    """Return the price of fetching these metrics as often as their declaration requires."""
    runs = MONTH_SECONDS / declaration.every
    statistics = sum(len(each.metric.statistics) for each in metrics)
    billed = sum(count_billed(len(each.metric.statistics)) for each in metrics)
    return Estimate(
        scope,
        len(metrics),
        statistics,
        dict(Counter(each.metric.name for each in metrics)),
        billed * runs * PRICE_OF_METRIC,
        statistics * runs * PRICE_OF_METRIC,
    )


def count_requests(listed: Iterable[tuple[Declaration, Sequence[ListedMetric]]]) -> int:
    """Return how many GetMetricData requests a run needs in which every declaration is due."""
    parts = [
        ((scope.region, scope.role, declaration.period, declaration.look_back), list(metrics))
        for declaration, found in listed
        for scope, metrics in groupby(found, key=lambda each: each.scope)
    ]
    total = 0
    for key in {key for key, _ in parts}:
        together = [metric for other, metrics in parts if other == key for metric in metrics]
        period, look_back = key[2:]
        total += sum(1 for _ in pack_requests(together, Window(0, round_up(look_back, period), period)))
    return total
