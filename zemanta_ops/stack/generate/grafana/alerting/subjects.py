"""What an alert judges, as a query without the variables of a dashboard."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from zemanta_ops.stack.declarations.known import Deployment
from zemanta_ops.stack.declarations.model import Alert
from zemanta_ops.stack.declarations.terms import Term, to_regex
from zemanta_ops.stack.generate.grafana.sources import Sources
from zemanta_ops.stack.queries import Query, RatioQuery, SeriesQuery
from zemanta_ops.stack.queries.aggregates import ask_term


def ask_alert(alert: Alert, deployment: Deployment, sources: Sources) -> Query:
    """Return the query of one number for each group, of this application's series alone.

    A composite of two metrics is read as it was written back: the mean of its values in the window.
    """
    subject = alert.subject
    if isinstance(subject, Term):
        query: Query = ask_term(subject, deployment, alert.by, whole=True)
        own = deployment.scope_of(subject.metric)
    else:
        query = sources.ask_composite(subject, whole=True)
        own = deployment.scope_of(subject.terms[0].metric) if isinstance(query, RatioQuery) else deployment.identity
    filters = {tag: to_regex([value]) for tag, value in {**sources.labels, **own}.items()}
    return _avoid_dollars(query, alert.by, filters)


def _avoid_dollars(query: Query, by: tuple[str, ...], own: Mapping[str, str]) -> Query:
    """Return the query with the tags of the alert, no variables, and no dollar in a regular expression."""
    assert isinstance(query, (SeriesQuery, RatioQuery))  # noqa: S101  (for the type checker)
    filters = {**own, **query.selection.filters}
    selection = replace(query.selection, variables=(), filters=_spell(filters))
    if isinstance(query, SeriesQuery):
        return replace(query, selection=selection, by=by)
    numerator, denominator = _spell(query.numerator), _spell(query.denominator)
    return replace(query, selection=selection, by=by, numerator=numerator, denominator=denominator)


def _spell(filters: Mapping[str, str]) -> dict[str, str]:
    return {tag: spell_regex(regex) for tag, regex in filters.items()}


def spell_regex(regex: str) -> str:
    """Return an anchored regular expression without a dollar, which Grafana would take for a variable.

    The end of the text has another name, and within brackets a dollar can be written as its code.
    """
    return re.sub(r"\\\$", r"[\\x24]", regex.removesuffix("$")) + r"\z"
