"""What the dashboards are drawn from: declarations, the deployment, and the words that they give to panels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from zemanta_ops.stack.declarations.known import CLOUDWATCH, Deployment, find_identity
from zemanta_ops.stack.declarations.model import REQUEST_BUCKETS, Alert, Composite, Declared
from zemanta_ops.stack.declarations.names import to_measurement, to_uid
from zemanta_ops.stack.declarations.registry import Declarations
from zemanta_ops.stack.declarations.terms import Expression, Term, to_regex
from zemanta_ops.stack.generate.grafana.absence import Absence
from zemanta_ops.stack.generate.grafana.layout import Variable
from zemanta_ops.stack.generate.grafana.panels import Limits
from zemanta_ops.stack.inventory.aws_metrics import PUSH
from zemanta_ops.stack.queries import PercentileQuery, Query, RatioQuery, Selection, SeriesQuery
from zemanta_ops.stack.queries.aggregates import ask_term, select_term

HOST = "host"
VIEW = "view"
# Every process of the application emits it, even if it has nothing to do.
HEARTBEAT = "zemanta_ops.sent"
GAUGES = "zemanta_ops.gauge.duration"
COMPOSITES = "zemanta_ops.composite.duration"
_CHECK = "check_metrics"
_GAUGES = "emit_gauges --loop"
_COMPOSITES = "compute_composites --loop"


@dataclass(frozen=True)
class Sources:
    """Everything that a dashboard reads.

    Attributes:
        declared: The declarations without faults.
        deployment: What is emitted.
        project: The name in titles and uids.
        labels: Labels that the series of this database have, if it shares its server with others.

    """

    declared: Declarations
    deployment: Deployment
    project: str
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def common(self) -> tuple[str, ...]:
        """The variables that every dashboard of the application has, each below the one before."""
        return (*find_identity(self.deployment.common_tags), HOST)

    @property
    def own_filters(self) -> dict[str, str]:
        """The filters that all series of this database pass."""
        return {label: to_regex([text]) for label, text in self.labels.items()}

    def is_emitted(self, name: str) -> bool:
        """Return whether the deployment emits a metric."""
        known = self.deployment.metrics.get(name)
        return known is not None and not known.remedy

    def select(self, name: str, field: str = "", *, variables: Sequence[str] = (), **filters: str) -> Selection:
        """Return the series of a metric that the dashboard's variables select."""
        known = self.deployment.metrics.get(name)
        measurement = self.deployment.measure(name)
        chosen = tuple(tag for tag in (*self.common, *variables) if known is None or self._has(name, tag))
        field = field or (known.field if known else "value")
        return Selection(measurement, field, {**self.own_filters, **filters}, chosen)

    def select_term(self, term: Term, *, variables: Sequence[str] = ()) -> Selection:
        """Return the series of an aggregate."""
        chosen = self.select(term.metric, variables=variables)
        series = select_term(term, self.deployment)
        return replace(series, variables=chosen.variables, filters={**chosen.filters, **series.filters})

    def ask(self, term: Term, by: Sequence[str] | None, *, variables: Sequence[str] = (), whole: bool = False) -> Query:
        """Return the query of an aggregate."""
        query = ask_term(term, self.deployment, None if by is None else tuple(by), whole=whole)
        return replace(query, selection=self.select_term(term, variables=variables))

    def ask_composite(self, composite: Composite, *, variables: Sequence[str] = (), whole: bool = False) -> Query:
        """Return the query of a composite: its two sides if they are of one metric, else what was written back."""
        expression = composite.expression
        if isinstance(expression, Expression) and (share := self.ask_share(expression, variables=variables)):
            # The minimum of a rate is one per second.
            seconds = composite.window_seconds if expression.left.function == "rate" else 1
            minimum = max(composite.min_denominator * seconds, 1)
            return replace(share, by=composite.by, minimum=minimum, whole=whole)
        measurement = to_measurement(composite.name, self.deployment.prefix)
        # What was written back has the tags in by, and those of this deployment.
        tags = {*composite.by, *self.deployment.identity}
        chosen = tuple(tag for tag in (*self.common, *variables) if tag in tags)
        return SeriesQuery(Selection(measurement, variables=chosen), "average", composite.by, whole=whole)

    def ask_share(self, expression: Expression, *, variables: Sequence[str] = ()) -> RatioQuery | None:
        """Return the query of the share of one sum in another of the same metric; None if it is not one."""
        if not _is_share(expression):
            return None
        assert isinstance(expression.right, Term)  # noqa: S101  (for the type checker)
        common = {k: v for k, v in expression.right.filters.items() if expression.left.filters.get(k) == v}
        part = {k: to_regex(v) for k, v in expression.left.filters.items() if k not in common}
        return RatioQuery(part, self.select_term(expression.right, variables=variables))

    def ask_percentile(
        self, quantile: float, *, variables: Sequence[str] = (), by: Sequence[str] = ()
    ) -> PercentileQuery:
        """Return the query of a percentile of all requests over all hosts."""
        selection = self.select(REQUEST_BUCKETS, variables=variables)
        return PercentileQuery(selection, quantile, self.deployment.buckets, tuple(by))

    def find_composite(self, name: str) -> Composite | None:
        """Return a composite by its name."""
        return next((each for each in self.declared.composites if each.name == name), None)

    def find_alert(self, subject: Composite | str) -> Alert | None:
        """Return the first alert of a composite, or of aggregates of a metric. A sum over series has another scale."""
        for alert in self.declared.alerts:
            judged = alert.subject
            if judged is subject:
                return alert
            if isinstance(judged, Term) and judged.metric == subject and judged.function != "sum_of":
                return alert
        return None

    def document(self, name: str, extra: str = "") -> str:
        """Return the documentation of a metric in Markdown."""
        known = self.deployment.metrics.get(name)
        return write_text(self.declared.describe(name), extra or (known.meaning if known else ""))

    def find_absence(self, name: str, sparse_if: str = "") -> Absence:
        """Return what it means if a panel of a metric is empty."""
        known = self.deployment.metrics.get(name)
        if known is None:
            return Absence(sparse_if=sparse_if)
        if known.source == CLOUDWATCH:
            return Absence(known.empty_if, sparse_if, self.select(PUSH), "push_cloudwatch")
        if known.source == "elsewhere":
            return Absence(known.empty_if, sparse_if)
        if known.is_collected and not known.empty_if:
            heard = self.select(GAUGES, "count", gauge=to_regex([name]), outcome="^ok$")
            return Absence("its function returned no row", sparse_if, heard, _GAUGES)
        commands = {"gauges": _GAUGES, "client": _CHECK, "requests": _CHECK}
        return Absence(known.empty_if, sparse_if, self.select(HEARTBEAT), commands.get(known.source, ""))

    def find_composite_absence(self, composite: Composite) -> Absence:
        """Return what it means if the panel of a composite is empty."""
        few = f"every {composite.window or composite.every} has fewer than {composite.min_denominator:g} in all"
        sparse_if = few if composite.min_denominator > 1 else ""
        if isinstance(composite.expression, Expression) and self.ask_share(composite.expression):
            return self.find_absence(composite.terms[0].metric, sparse_if)
        heard = self.select(COMPOSITES, "count", composite=to_regex([composite.name]), outcome="^ok$")
        return Absence(sparse_if or "its metrics have no points", heard=heard, command=_COMPOSITES)

    def open_dashboard(self, name: str, tag: str = "") -> str:
        """Return the address of another dashboard that keeps the time and the variables, and sets one more."""
        parts = [
            "${__url_time_range}",
            "${datasource:queryparam}",
            *(f"${{{each}:queryparam}}" for each in self.common),
        ]
        if tag:
            parts.append(f"var-{tag}=${{__field.labels.{tag}:percentencode}}")
        return f"/d/{to_uid(self.project, name)}?{'&'.join(parts)}"

    def list_variables(self, *names: str) -> list[Variable]:
        """Return the common variables, with their values from these metrics."""
        measurements = tuple(self.deployment.measure(name) for name in names if self.is_emitted(name))
        if not measurements:
            return []
        return [Variable(tag, measurements, self.common[:number]) for number, tag in enumerate(self.common)]

    def _has(self, name: str, tag: str) -> bool:
        known = self.deployment.metrics[name]
        is_common = tag in self.deployment.common_tags and not known.is_foreign
        return is_common or (known.tags is not None and tag in known.tags)


def write_text(declared: Declared | None, extra: str = "") -> str:
    """Return a declaration as Markdown."""
    parts = [extra]
    if declared is not None:
        parts = [declared.meaning, extra]
        parts += [f"**Trouble:** {declared.trouble}"] if declared.trouble else []
        parts += [f"**Users:** {declared.impact}"] if declared.impact else []
        parts += [f"**Do:** {declared.action}"] if declared.action else []
    return "\n\n".join(filter(None, parts))


def to_limits(alert: Alert | None) -> Limits | None:
    """Return the thresholds of an alert."""
    return None if alert is None else Limits(alert.warn, alert.crit)


def _is_share(expression: Expression) -> bool:
    """Return whether both sides are sums of one metric, the left one of fewer series."""
    left, right = expression.left, expression.right
    if not isinstance(right, Term) or expression.operation != "/" or left.metric != right.metric:
        return False
    if left.function != right.function or left.function not in ("total", "rate"):
        return False
    return all(left.filters.get(tag) == values for tag, values in right.filters.items())
