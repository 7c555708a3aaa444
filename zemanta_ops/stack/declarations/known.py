"""What a declaration may refer to: the metrics that the deployment emits, or that a description adds."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from zemanta_ops.stack.declarations.names import to_measurement
from zemanta_ops.stack.declarations.terms import Term

# The field that a kind of metric has beside those of Telegraf's timings.
VALUE = "value"
# The tags, of those in METRICS["TAGS"], that tell deployments which share a database apart: an environment and an
# application. Others, such as a zone or a version, differ within a deployment.
ENVIRONMENT_TAGS = ("environment", "env", "stage")
APPLICATION_TAGS = ("application", "app", "service", "project", "stack")

# The source of metrics that push_cloudwatch fetches.
CLOUDWATCH = "cloudwatch"
# The tags of every such metric that say where it is from, beside its dimensions.
REGION, ACCOUNT = "region", "account"
# AWS has the metrics of a period minutes after its end, and push_cloudwatch fetches them every five minutes.
_CLOUDWATCH_DELAY = 900


@dataclass(frozen=True)
class KnownMetric:
    """One metric.

    Attributes:
        name: As the application emits it.
        kind: counter, timing, histogram, gauge, set or percentile.
        tags: Its tags besides those that every metric has; None if they are known only when it is emitted.
        measurement: Its name in the database.
        unit: Its unit, empty if none is declared.
        field: The field that has its value; of a timing or histogram there are several.
        source: What emits it; see ``catalog.Metric``, ``project`` or ``elsewhere``.
        remedy: If it is not emitted: what to do so that it is.
        meaning: What it is, if its source says so.
        empty_if: Why nothing of it may be written although all is well; empty if something always is.
        is_collected: Whether ``emit_gauges`` emits it.
        period: Seconds between two points if it is not the agent's interval.

    """

    name: str
    kind: str
    tags: frozenset[str] | None
    measurement: str
    unit: str = ""
    field: str = VALUE
    source: str = "project"
    remedy: str = ""
    meaning: str = ""
    empty_if: str = ""
    is_collected: bool = False
    period: int = 0

    @property
    def is_foreign(self) -> bool:
        """Whether something else than the application emits it, so that it does not carry METRICS["TAGS"]."""
        return self.source in ("elsewhere", CLOUDWATCH)

    @property
    def dimensions(self) -> frozenset[str]:
        """Its tags, but for those that every metric of CloudWatch may have."""
        return (self.tags or frozenset()) - {REGION, ACCOUNT}

    def has_tag(self, tag: str, common: frozenset[str] = frozenset()) -> bool:
        """Return whether its series may carry a tag; ``common`` has those of every metric."""
        return self.tags is None or tag in self.tags or (tag in common and not self.is_foreign)


@dataclass(frozen=True)
class Deployment:
    """What is known of the deployment that declarations are for.

    Attributes:
        metrics: Every metric by name.
        common_tags: The tags that every metric of the application has.
        prefix: What is put before every metric's name.
        agent_interval: Seconds between two points of a series.
        buckets: The limits of the request buckets, in milliseconds; empty if they are off.
        retention: Seconds for which the database keeps points; None if it is not declared.
        identity: The tags, with their values, that only this deployment's series have in a shared database.

    """

    metrics: Mapping[str, KnownMetric]
    common_tags: frozenset[str] = frozenset()
    prefix: str = ""
    agent_interval: float = 10.0
    buckets: tuple[float, ...] = ()
    retention: int | None = None
    identity: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def measure(self, name: str) -> str:
        """Return the measurement of a metric or composite."""
        known = self.metrics.get(name)
        return known.measurement if known else to_measurement(name, self.prefix)

    @property
    def project(self) -> str:
        """The name of the application."""
        named = (self.identity[tag] for tag in APPLICATION_TAGS if tag in self.identity)
        return next(named, "") or self.prefix or "application"

    def scope_of(self, metric: str) -> Mapping[str, str]:
        """Return the tags that tell this application's series of a metric from those of others."""
        known = self.metrics.get(metric)
        return {} if known is not None and known.is_foreign else self.identity

    def find_dimensions(self, metric: str) -> dict[str, str]:
        """Return regular expressions for the tags in which metrics of CloudWatch that share a field differ.

        CloudWatch has a metric once for each set of dimensions, such as a cluster's and that of each of its nodes. The
        series of one set lack the tags that another has more.
        """
        known = self.metrics.get(metric)
        if known is None or known.source != CLOUDWATCH:
            return {}
        place, own = (known.measurement, known.field), known.dimensions
        others = [
            each.dimensions
            for each in self.metrics.values()
            if (each.measurement, each.field) == place and each.dimensions != own and not each.remedy
        ]
        missing = dict.fromkeys(sorted(tag for tags in others for tag in tags - own), "^$")
        return missing | dict.fromkeys(sorted(tag for tags in others for tag in own - tags), "^.+$")

    def find_delay(self, terms: Iterable[Term]) -> int:
        """Return after how many seconds all points of these aggregates have been written."""
        delay = max(2, 2 * math.ceil(self.agent_interval))
        known = (self.metrics.get(term.metric) for term in terms)
        is_late = any(each is not None and each.source == CLOUDWATCH for each in known)
        return max(delay, _CLOUDWATCH_DELAY) if is_late else delay


def find_identity(tags: Collection[str]) -> list[str]:
    """Return which of an application's tags name its environment and the application, in this order."""
    found = [next((tag for tag in names if tag in tags), "") for names in (ENVIRONMENT_TAGS, APPLICATION_TAGS)]
    return [tag for tag in found if tag]
