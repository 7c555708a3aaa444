"""What the declarations would fetch, and what a month of it costs: only ListMetrics is called, which is free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from zemanta_ops.stack.cloudwatch.clients import Clients
from zemanta_ops.stack.cloudwatch.cost import Estimate, count_requests, estimate_scope
from zemanta_ops.stack.cloudwatch.coverage import Coverage
from zemanta_ops.stack.cloudwatch.declarations import Declaration
from zemanta_ops.stack.cloudwatch.discovery import ClockError, Discovery, FoundScope, describe_overlaps
from zemanta_ops.stack.cloudwatch.listing import Listing
from zemanta_ops.stack.cloudwatch.queries import Scope
from zemanta_ops.terminal import align_columns

_CENT = 0.01


@dataclass(frozen=True)
class EstimateReport:
    """The price of each scope, the requests of a run in which all are due, what is wrong and what is worth knowing."""

    estimates: list[Estimate]
    requests: int
    problems: list[str]
    notes: list[str]

    def build_document(self) -> dict[str, Any]:
        """Return the report as values for JSON."""
        return {
            "declarations": [
                {
                    "declaration": each.scope.declaration,
                    "region": each.scope.region,
                    "role": each.scope.role,
                    "series": each.series,
                    "statistics": each.statistics,
                    "series_by_metric": each.by_metric,
                    "dollars_a_month": [_round(each.lowest), _round(each.highest)],
                }
                for each in self.estimates
            ],
            "series": sum(each.series for each in self.estimates),
            "requests": self.requests,
            "dollars_a_month": [_round(bound) for bound in self._add_bounds()],
            "problems": self.problems,
            "notes": self.notes,
        }

    def build_lines(self) -> list[str]:
        """Return the report as a table."""
        rows = [("DECLARATION", "SERIES", "USD A MONTH")]
        for each in self.estimates:
            rows.append((str(each.scope), str(each.series), _show_bounds(each.lowest, each.highest)))
            rows += [(f"  {name}", str(count), "") for name, count in each.by_metric.items()]
        series = sum(each.series for each in self.estimates)
        total = f"{series} series, {self.requests} requests a run, {_show_bounds(*self._add_bounds())} USD a month"
        return [*align_columns(rows, text_columns=1), total]

    def _add_bounds(self) -> tuple[float, float]:
        return sum(each.lowest for each in self.estimates), sum(each.highest for each in self.estimates)


def estimate(clients: Clients, declarations: Sequence[Declaration], *, now: datetime) -> EstimateReport:
    """Return what the declarations would fetch and cost; failures are in the result and not raised.

    Args:
        clients: The clients of AWS.
        declarations: What would be fetched.
        now: The current time.

    """
    coverage = Coverage()
    discovery = Discovery(clients, Listing(), int(now.timestamp()), coverage)
    estimates: list[Estimate] = []
    listed: list[tuple[Declaration, FoundScope]] = []
    try:
        for declaration in declarations:
            for scope in (
                Scope(declaration.name, region, role) for region in declaration.regions for role in declaration.roles
            ):
                found = discovery.find(scope, declaration, int(now.timestamp()) - declaration.look_back)
                if found and found.metrics:
                    estimates.append(estimate_scope(scope, declaration, found.metrics))
                    listed.append((declaration, found))
    except ClockError as error:
        coverage.add_problem(str(error))
    requests = count_requests((declaration, found.metrics) for declaration, found in listed)
    notes = list(describe_overlaps(found for _, found in listed))
    return EstimateReport(estimates, requests, coverage.problems, notes)


def _show_bounds(lowest: float, highest: float) -> str:
    return " to ".join(dict.fromkeys(map(_show_dollars, (lowest, highest))))


def _show_dollars(amount: float) -> str:
    rounded = _round(amount)
    return f"{rounded:.2f}" if rounded >= _CENT or not rounded else f"{rounded:g}"


def _round(dollars: float) -> float:
    """Return whole cents, or two digits of what is less than one cent: it is not free."""
    return round(dollars, 2) if dollars >= _CENT else float(f"{dollars:.2g}")
