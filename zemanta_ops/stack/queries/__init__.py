"""What a panel asks of a database, and the languages in which it is asked.

A language is a module with the functions of ``Language``; a new one has one line in ``LANGUAGES``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from zemanta_ops.stack.queries import flux, influxql, promql
from zemanta_ops.stack.queries.model import HeatmapQuery as HeatmapQuery
from zemanta_ops.stack.queries.model import PercentileQuery as PercentileQuery
from zemanta_ops.stack.queries.model import Query as Query
from zemanta_ops.stack.queries.model import RatioQuery as RatioQuery
from zemanta_ops.stack.queries.model import Selection as Selection
from zemanta_ops.stack.queries.model import SeriesQuery as SeriesQuery
from zemanta_ops.stack.queries.model import name_repeat as name_repeat


class Language(Protocol):
    """What the module of a language has."""

    DATASOURCE: str

    def render(self, query: Query, label: str) -> dict[str, Any]:
        """Return the fields of a panel's target."""
        ...

    def render_span(self, query: SeriesQuery, start: int, end: int, bucket: str) -> str:
        """Return the statement that asks for one number a group, of the points from ``start`` and before ``end``.

        Times are seconds since the epoch. A statement in PromQL is asked at ``end``.
        """
        ...

    def render_alert(self, query: Query, length: int, delay: int) -> dict[str, Any]:
        """Return the fields of an alert rule's query: one number a group, of ``length`` seconds until ``delay`` ago.

        Nothing in them is a variable of Grafana, which alert rules do not have.
        """
        ...

    def render_variable(self, tag: str, measurements: Sequence[str], variables: Sequence[str]) -> str:
        """Return the query for the values of a tag, among the series that ``variables`` select."""
        ...

    def render_annotation(self, measurement: str, variables: Sequence[str]) -> dict[str, Any]:
        """Return the fields of an annotation's target: the points of a measurement, with title and text."""
        ...


LANGUAGES: Mapping[str, Language] = {"influxql": influxql, "flux": flux, "promql": promql}
