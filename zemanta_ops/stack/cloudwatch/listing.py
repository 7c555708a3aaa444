"""Which metrics exist: ListMetrics, matched with the declarations, and kept for a few minutes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from zemanta_ops.stack.cloudwatch.declarations import Declaration
from zemanta_ops.stack.cloudwatch.queries import ListedMetric, Scope

# A new metric takes up to 15 minutes until AWS lists it. With this, it is fetched within the shipped look-back.
LISTING_SECONDS = 600

_Dimensions = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class FoundMetric:
    """One line of ListMetrics."""

    name: str
    dimensions: _Dimensions
    account: str


@dataclass
class Listing:
    """Answers about the account that several runs may share; only complete answers are kept."""

    _kept: dict[tuple[Any, ...], tuple[int, Any]] = field(default_factory=dict)

    def get(self, key: tuple[Any, ...], now: int) -> Any:
        """Return the answer, or None if there is none or it is too old."""
        made, answer = self._kept.get(key, (now - LISTING_SECONDS, None))
        return answer if now - made < LISTING_SECONDS else None

    def keep(self, key: tuple[Any, ...], now: int, answer: Any) -> None:
        """Keep a complete answer."""
        self._kept[key] = (now, answer)


def list_pages(
    client: Any, namespace: str, *, recently_active: bool, linked_accounts: bool
) -> Iterator[Mapping[str, Any]]:
    """Yield the answers that list the metrics of a namespace; errors of AWS are raised.

    Args:
        client: A client of CloudWatch.
        namespace: The namespace.
        recently_active: Only those that had data in the last three hours.
        linked_accounts: Also those of linked accounts.

    """
    request: dict[str, Any] = {"Namespace": namespace}
    if recently_active:
        request["RecentlyActive"] = "PT3H"
    if linked_accounts:
        request["IncludeLinkedAccounts"] = True
    while True:
        answer = client.list_metrics(**request)
        yield answer
        if not answer.get("NextToken"):
            return
        request["NextToken"] = answer["NextToken"]


def read_page(answer: Mapping[str, Any]) -> Iterator[FoundMetric]:
    """Yield the metrics of one answer."""
    owners = answer.get("OwningAccounts") or []
    for index, metric in enumerate(answer["Metrics"]):
        dimensions = tuple((each["Name"], each["Value"]) for each in metric.get("Dimensions", ()))
        yield FoundMetric(metric["MetricName"], dimensions, owners[index] if index < len(owners) else "")


def match_metrics(declaration: Declaration, scope: Scope, found: Sequence[FoundMetric]) -> list[ListedMetric]:
    """Return the metrics that the declaration asks for, those of a resource together, and each once."""
    wanted = {metric.name: (rank, metric) for rank, metric in enumerate(declaration.metrics)}
    patterns = {name: _compile_patterns(given) for name, given in declaration.dimensions}
    order = {name: rank for rank, (name, _) in enumerate(declaration.dimensions)}
    matched: dict[tuple[str, _Dimensions, int], ListedMetric] = {}
    for each in found:
        if each.name in wanted and _matches(each.dimensions, patterns):
            rank, metric = wanted[each.name]
            dimensions = tuple(sorted(each.dimensions, key=lambda pair: order[pair[0]]))
            listed = ListedMetric(scope, declaration.namespace, metric, dimensions, each.account)
            matched[each.account, dimensions, rank] = listed
    return [matched[key] for key in sorted(matched)]


def _matches(dimensions: _Dimensions, patterns: Mapping[str, re.Pattern[str]]) -> bool:
    if len(dimensions) != len(patterns):
        return False
    return all(name in patterns and patterns[name].fullmatch(value) for name, value in dimensions)


def _compile_patterns(patterns: Sequence[str]) -> re.Pattern[str]:
    """Return one expression for patterns in which only ``*`` and ``?`` are special."""
    parts = [re.escape(each).replace(r"\*", ".*").replace(r"\?", ".") for each in patterns]
    return re.compile("|".join(parts), re.DOTALL)
