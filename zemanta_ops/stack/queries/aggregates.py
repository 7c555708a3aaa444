"""How the aggregates of declarations are asked: which field of which measurement, and which function."""

from __future__ import annotations

from zemanta_ops.stack.declarations.known import Deployment
from zemanta_ops.stack.declarations.terms import Term, to_regex
from zemanta_ops.stack.queries.model import Selection, SeriesQuery

# Kinds of which Telegraf writes several fields, among them ``sum`` and ``count``.
_TIMED = ("timing", "histogram")


def select_term(term: Term, deployment: Deployment) -> Selection:
    """Return the series of an aggregate, and the field with its number."""
    known = deployment.metrics.get(term.metric)
    field = "value" if known is None else "count" if known.kind in _TIMED else known.field
    filters = {tag: to_regex(values) for tag, values in term.filters.items()}
    return Selection(deployment.measure(term.metric), field, {**deployment.find_dimensions(term.metric), **filters})


def ask_term(term: Term, deployment: Deployment, by: tuple[str, ...] | None, *, whole: bool = False) -> SeriesQuery:
    """Return the query of an aggregate.

    Args:
        term: The aggregate.
        deployment: Where its metric is emitted.
        by: The tags whose values are told apart; None for all tags.
        whole: One number for the whole time range instead of one for each interval.

    """
    selection = select_term(term, deployment)
    if term.function in ("total", "rate"):
        return SeriesQuery(selection, "sum", by, "seconds" if term.function == "rate" else "", whole=whole)
    if term.function == "last":
        return SeriesQuery(selection, "last", by, whole=whole)
    if term.function == "sum_of":
        return SeriesQuery(selection, "sum_of_averages", by, whole=whole)
    known = deployment.metrics.get(term.metric)
    timed = known is not None and known.kind in _TIMED
    return SeriesQuery(selection, "mean" if timed else "average", by, whole=whole)
