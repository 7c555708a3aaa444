"""Read one aggregate over one span, in the language of the database."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zemanta_ops.stack.databases import Database
from zemanta_ops.stack.declarations.known import Deployment
from zemanta_ops.stack.declarations.terms import Term, to_regex
from zemanta_ops.stack.evaluation.spans import Span
from zemanta_ops.stack.queries import LANGUAGES, SeriesQuery
from zemanta_ops.stack.queries.aggregates import ask_term

# The values of the tags ``by``, in their order; a series without a tag has an empty value.
Key = tuple[str, ...]


@dataclass(frozen=True)
class Reader:
    """A database, and what this deployment writes to it.

    Every method may raise ``DatabaseError``.
    """

    database: Database
    deployment: Deployment

    def find_delay(self, terms: Iterable[Term]) -> float:
        """Return the seconds for which points of these aggregates may still arrive or be invisible."""
        return max(self.deployment.find_delay(terms), self.database.lag)

    def read(self, term: Term, by: Sequence[str], span: Span) -> dict[Key, float]:
        """Return the aggregate of each group of series that has a point in the span."""
        spelled = [self.database.spell_name(tag) for tag in by]
        query = self._restrict(ask_term(term, self.deployment, tuple(spelled), whole=True), term)
        if query.aggregate == "last":
            # Of several series the newest point counts, which not every language can find.
            return _choose_newest(self._run(dataclasses.replace(query, by=None), span), spelled)
        rows = self._run(query, span)
        return {_build_key(row, spelled): number for row in rows if (number := _read_number(row)) is not None}

    def _restrict(self, query: SeriesQuery, term: Term) -> SeriesQuery:
        """Leave out the series of other deployments, which may share the database."""
        own = {**self.database.labels, **self.deployment.scope_of(term.metric)}
        wanted = {tag: to_regex([value]) for tag, value in own.items()}
        filters = {self.database.spell_name(tag): regex for tag, regex in {**wanted, **query.selection.filters}.items()}
        measurement = self.database.spell_name(query.selection.measurement)
        selection = dataclasses.replace(query.selection, measurement=measurement, filters=filters)
        return dataclasses.replace(query, selection=selection)

    def _run(self, query: SeriesQuery, span: Span) -> list[dict[str, Any]]:
        language = LANGUAGES[self.database.language]
        text = language.render_span(query, span.start, span.end, self.database.bucket)
        return self.database.query_span(text, span.end)


def _build_key(row: Mapping[str, Any], by: Sequence[str]) -> Key:
    return tuple(str(row.get(tag) or "") for tag in by)


def _read_number(row: Mapping[str, Any]) -> float | None:
    number = row.get("value", row.get("_value"))
    return float(number) if number is not None and math.isfinite(number) else None


def _choose_newest(rows: Sequence[Mapping[str, Any]], by: Sequence[str]) -> dict[Key, float]:
    """Return the newest value of each group; of two at the same time, the larger, as InfluxQL does."""
    newest: dict[Key, tuple[Any, float]] = {}
    for row in rows:
        number = _read_number(row)
        if number is not None:
            key, found = _build_key(row, by), (row.get("time", row.get("_time")), number)
            newest[key] = max(found, newest.get(key, found))
    return {key: number for key, (_, number) in newest.items()}
