"""What there is to fetch: the metrics and resource tags of each scope, and what is wrong with its declaration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

from zemanta_ops.stack.cloudwatch.clients import Clients
from zemanta_ops.stack.cloudwatch.coverage import Coverage
from zemanta_ops.stack.cloudwatch.deadline import Deadline, TimeEndedError
from zemanta_ops.stack.cloudwatch.declarations import Declaration
from zemanta_ops.stack.cloudwatch.failures import AwsError, describe_scope_failure, is_regional
from zemanta_ops.stack.cloudwatch.listing import FoundMetric, Listing, list_pages, match_metrics, read_page
from zemanta_ops.stack.cloudwatch.queries import ListedMetric, Scope
from zemanta_ops.stack.cloudwatch.resource_tags import TagsByName, read_resource_tags
from zemanta_ops.stack.cloudwatch.windows import HOUR

# A clock that is wrong by more puts points at wrong times.
CLOCK_TOLERANCE = 300
# RecentlyActive lists what had data in three hours; a window that begins earlier needs more.
_RECENT = 2 * HOUR
# The most names in a suggestion.
_MOST = 5


class ClockError(Exception):
    """The clock of this machine differs from that of AWS."""


@dataclass(frozen=True)
class FoundScope:
    """The metrics of a scope, and the tags of its resources."""

    scope: Scope
    metrics: tuple[ListedMetric, ...]
    resource_tags: TagsByName = field(default_factory=dict)


class Discovery:
    """Asks each region, with each role, once for each namespace.

    Args:
        clients: The clients of AWS.
        listing: Earlier answers, which it adds to.
        now: The current time.
        coverage: Where it reports problems.
        deadline: The time that is left; None if there is no limit.

    """

    def __init__(
        self, clients: Clients, listing: Listing, now: int, coverage: Coverage, deadline: Deadline | None = None
    ) -> None:
        self._clients = clients
        self._listing = listing
        self._now = now
        self._coverage = coverage
        self._deadline = deadline or Deadline(None)
        self._checked_clock = False
        self._failed: set[tuple[str, str]] = set()

    def find(self, scope: Scope, declaration: Declaration, start: int) -> FoundScope | None:
        """Return what a scope has, or None if that cannot be found out; the reason is reported.

        Args:
            scope: The scope.
            declaration: Its declaration.
            start: The first moment that is to be fetched.

        Raises:
            ClockError: This machine's clock is wrong.

        """
        if (scope.region, scope.role) in self._failed:
            return None
        call = "cloudwatch:ListMetrics"
        try:
            found = self._list(scope, declaration, recent=declaration.recently_active and self._now - start < _RECENT)
            metrics = match_metrics(declaration, scope, found)
            self._report_missing(scope, declaration, metrics)
            call = "tag:GetResources"
            return FoundScope(scope, tuple(metrics), self._read_tags(scope, declaration) if metrics else {})
        except TimeEndedError:
            self._coverage.add_problem(f"{call} was not answered in {scope.region} before the time ended")
            return None
        except AwsError as error:
            if is_regional(error):
                self._failed.add((scope.region, scope.role))
            self._coverage.add_problem(describe_scope_failure(scope, call, error))
            return None

    def _list(self, scope: Scope, declaration: Declaration, *, recent: bool) -> Sequence[FoundMetric]:
        options = {"recently_active": recent, "linked_accounts": declaration.linked_accounts}
        key = (scope.region, scope.role, declaration.namespace, *options.values())
        kept: Sequence[FoundMetric] | None = self._listing.get(key, self._now)
        if kept is not None:
            return kept
        client = self._clients.get_client("cloudwatch", scope.region, scope.role)
        found: list[FoundMetric] = []
        pages = list_pages(client, declaration.namespace, **options)
        while answer := self._deadline.call(partial(next, pages, None)):
            self._check_clock(answer, scope)
            found += read_page(answer)
        self._listing.keep(key, self._now, found)
        return found

    def _read_tags(self, scope: Scope, declaration: Declaration) -> TagsByName:
        if not declaration.resource_tags:
            return {}
        key = (scope.region, scope.role, declaration.resource_type, declaration.resource_tags)
        kept: TagsByName | None = self._listing.get(key, self._now)
        if kept is not None:
            return kept
        client = self._clients.get_client("resourcegroupstaggingapi", scope.region, scope.role)
        tags = self._deadline.call(
            partial(read_resource_tags, client, declaration.resource_type, declaration.resource_tags)
        )
        self._listing.keep(key, self._now, tags)
        return tags

    def _report_missing(self, scope: Scope, declaration: Declaration, metrics: Sequence[ListedMetric]) -> None:
        """Report what the declaration names and AWS does not have; idle metrics are not missing."""
        if declaration.optional:
            return
        names = {each.metric.name for each in metrics}
        wanted = [metric.name for metric in declaration.metrics if metric.name not in names and not metric.optional]
        if metrics and not wanted:
            return
        found = self._list(scope, declaration, recent=False)
        known = {each.metric.name for each in match_metrics(declaration, scope, found)}
        dimensions = ", ".join(f"{name}={' or '.join(given)}" for name, given in declaration.dimensions)
        place = f"{declaration.namespace} with the dimensions {dimensions}" if dimensions else declaration.namespace
        if not known:
            self._coverage.add_problem(
                f"{scope}: no declared metric exists in {place}{_suggest(wanted, found)}. Correct the declaration"
            )
        elif unknown := [name for name in wanted if name not in known]:
            self._coverage.add_problem(
                f"{scope}: {', '.join(unknown)} does not exist in {place}{_suggest(unknown, found)}. "
                "Correct the name, or set optional"
            )

    def _check_clock(self, answer: Mapping[str, Any], scope: Scope) -> None:
        """Compare the clock with the date of the first answer."""
        if self._checked_clock:
            return
        self._checked_clock = True
        seconds = self._now - _read_date(answer, self._now)
        if abs(seconds) > CLOCK_TOLERANCE:
            side = "ahead of" if seconds > 0 else "behind"
            text = f"this machine's clock is {abs(seconds)} s {side} that of AWS in {scope.region}. Synchronize it"
            raise ClockError(text)


def describe_overlaps(found: Iterable[FoundScope]) -> Iterator[str]:
    """Yield a sentence for each two declarations that fetch the same series, which AWS charges for twice."""
    owners: dict[tuple[Any, ...], Scope] = {}
    shared: Counter[tuple[Scope, Scope]] = Counter()
    for scope, metrics in ((each.scope, each.metrics) for each in found):
        for metric in metrics:
            series = (metric.namespace, metric.metric.name, frozenset(metric.dimensions), metric.account)
            owner = owners.setdefault((scope.region, scope.role, series), scope)
            if owner != scope:
                shared[owner, scope] += 1
    for (owner, scope), count in shared.items():
        yield (
            f"{scope}: {owner.declaration} fetches {count} of its series too, which are paid for twice. "
            "Narrow the dimensions or the metrics of one of them"
        )


def _read_date(answer: Mapping[str, Any], now: int) -> int:
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    try:
        return int(parsedate_to_datetime(headers.get("date", "")).timestamp())
    except (TypeError, ValueError):
        return now


def _suggest(wanted: Sequence[str], found: Sequence[FoundMetric]) -> str:
    """Return what the namespace has instead of the metrics that were not found: their dimensions, or close names."""
    there = {each.name for each in found}
    sets = {", ".join(name for name, _ in each.dimensions) or "none" for each in found if each.name in wanted}
    if sets:
        return f"; it exists there with the dimensions {' or '.join(sorted(sets)[:_MOST])}"
    close = [name for each in wanted for name in get_close_matches(each, sorted(there), n=1)]
    if close:
        return f"; did you mean {', '.join(dict.fromkeys(close[:_MOST]))}"
    return f" (declared: {', '.join(wanted[:_MOST])})" if there else ""
