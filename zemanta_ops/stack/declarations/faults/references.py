"""References to metrics and tags that do not exist, or have no such aggregate."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import Any

from zemanta_ops.stack.declarations.faults.fault import Fault, make_fault
from zemanta_ops.stack.declarations.known import Deployment, KnownMetric
from zemanta_ops.stack.declarations.model import REQUEST_BUCKETS, Alert, Composite, Description, Objective
from zemanta_ops.stack.declarations.terms import FUNCTIONS, Term


def find_reference_faults(declaration: Any, deployment: Deployment) -> Iterator[Fault]:
    """Yield a fault for each metric, tag or aggregate that the deployment does not have."""
    if isinstance(declaration, Description):
        yield from _check_description(declaration, deployment)
        return
    if isinstance(declaration, Objective) and declaration.within is not None:
        yield from _check_bucket(declaration, deployment)
        return
    for term in declaration.terms:
        yield from _check_term(declaration, term, deployment)
    yield from _check_by(declaration, deployment)


def _check_description(description: Description, deployment: Deployment) -> Iterator[Fault]:
    known = deployment.metrics.get(description.name)
    if known is None and description.kind not in FUNCTIONS:
        if description.kind:
            text, hint = f"has the kind {description.kind!r}", f"Give one of: {', '.join(FUNCTIONS)}."
        else:
            text = "is of a metric that nothing emits"
            hint = _suggest(description.name, deployment) or (
                "Emit it, or give kind, measurement and field if something else writes it."
            )
        yield make_fault("zemanta_ops.E203", description, text, hint)
    if description.repeat and known is not None and not known.has_tag(description.repeat, deployment.common_tags):
        yield _missing_tag(description, description.repeat, known)


def _check_term(declaration: Any, term: Term, deployment: Deployment) -> Iterator[Fault]:
    known = deployment.metrics.get(term.metric)
    if known is None:
        if _is_percentile(term.metric, deployment):
            yield make_fault(
                "zemanta_ops.E207",
                declaration,
                f"uses {term}",
                "Percentiles cannot be averaged or added. Use mean(…) or BUCKETS.",
            )
            return
        hint = _suggest(term.metric, deployment) or "Emit it first, or describe() it with its kind."
        yield make_fault("zemanta_ops.E203", declaration, f"uses the unknown metric {term.metric!r}", hint)
        return
    if known.remedy and not declaration.is_shipped:
        yield make_fault("zemanta_ops.E204", declaration, f"uses {term.metric!r}, which is off", known.remedy)
    for tag in term.filters:
        if not known.has_tag(tag, deployment.common_tags):
            yield _missing_tag(declaration, tag, known)
    allowed = FUNCTIONS.get(known.kind, ())
    if term.function not in allowed:
        hint = f"A {known.kind} has: {', '.join(allowed)}."
        yield make_fault(
            "zemanta_ops.E207", declaration, f"uses {term.function}() of {term.metric!r}, a {known.kind}", hint
        )


def _check_by(declaration: Composite | Alert | Objective, deployment: Deployment) -> Iterator[Fault]:
    by: Sequence[str] = () if isinstance(declaration, Objective) else declaration.by
    metrics = [known for term in declaration.terms if (known := deployment.metrics.get(term.metric))]
    for tag in by:
        lacking = [known for known in metrics if not known.has_tag(tag, deployment.common_tags)]
        if not lacking:
            continue
        if len(lacking) == len(metrics):
            yield _missing_tag(declaration, tag, lacking[0])
        else:
            text = f"has by={tag!r}, which only one of its two sides has: {lacking[0].name!r} lacks it"
            yield make_fault("zemanta_ops.E206", declaration, text, "Name in by only tags that both sides have.")
    if isinstance(declaration, Alert) and isinstance(declaration.subject, Composite):
        for tag in by:
            if tag not in declaration.subject.by:
                hint = f"The composite keeps: {', '.join(declaration.subject.by) or 'no tags'}."
                yield make_fault(
                    "zemanta_ops.E205", declaration, f"has by={tag!r}, which its composite does not keep", hint
                )


def _check_bucket(objective: Objective, deployment: Deployment) -> Iterator[Fault]:
    buckets = deployment.buckets
    if not buckets:
        hint = 'Set ZEMANTA_OPS["METRICS"]["BUCKETS"], for example to [50, 100, 250, 500, 1000, 2500].'
        yield make_fault(
            "zemanta_ops.E208", objective, "has within, which needs the counters of BUCKETS; they are off", hint
        )
        return
    if objective.within not in buckets:
        hint = f"Give one of: {', '.join(f'{each:g}' for each in buckets)}; or add it to BUCKETS."
        yield make_fault(
            "zemanta_ops.E208", objective, f"has within={objective.within:g}, which is not in BUCKETS", hint
        )
    known = deployment.metrics.get(REQUEST_BUCKETS)
    for tag in objective.total.filters:
        if known is not None and not known.has_tag(tag, deployment.common_tags):
            yield _missing_tag(objective, tag, known)


def _missing_tag(declaration: Any, tag: str, known: KnownMetric) -> Fault:
    tags = ", ".join(sorted(known.tags or ())) or "none"
    return make_fault(
        "zemanta_ops.E205", declaration, f"uses the tag {tag!r}, which {known.name!r} lacks", f"It has: {tags}."
    )


def _is_percentile(name: str, deployment: Deployment) -> bool:
    base, _, field = name.rpartition(".")
    return base in deployment.metrics and (field.endswith("percentile") or field == "median")


def _suggest(name: str, deployment: Deployment) -> str:
    close = difflib.get_close_matches(name, list(deployment.metrics), n=1, cutoff=0.6)
    return f"Did you mean {close[0]}?" if close else ""
