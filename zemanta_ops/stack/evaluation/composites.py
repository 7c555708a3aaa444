"""Compute composites and what alerts judge: read each side over one span, and join the sides here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zemanta_ops.stack.declarations.model import Alert, Composite
from zemanta_ops.stack.declarations.terms import Expression, Term
from zemanta_ops.stack.evaluation.reader import Key, Reader
from zemanta_ops.stack.evaluation.spans import Span

# Of these, a group without a series in the span counted nothing; of a gauge, it is not known.
_COUNTED = ("total", "rate")


@dataclass(frozen=True)
class SeriesValue:
    """The value of one group in one span.

    Attributes:
        tags: The values of the tags in ``by``; empty for a series that lacks the tag.
        value: The number; None if the group has points and yet no value, for example below ``min_denominator``.

    """

    tags: Mapping[str, str]
    value: float | None


def compute_composite(reader: Reader, composite: Composite, span: Span) -> list[SeriesValue]:
    """Return the values of a composite in one span, one for each group that has points, sorted by its tags.

    Raises:
        DatabaseError: The database does not answer, or refuses a query.

    """
    return _name_groups(composite.by, _compute(reader, composite, composite.by, span))


def compute_alert(reader: Reader, alert: Alert, span: Span) -> list[SeriesValue]:
    """Return the values that an alert judges in one span, one for each group that has points, sorted by its tags.

    The subject is computed over the whole span, which is the alert's window.

    Raises:
        DatabaseError: The database does not answer, or refuses a query.

    """
    if isinstance(alert.subject, Composite):
        return _name_groups(alert.by, _compute(reader, alert.subject, alert.by, span))
    return _name_groups(alert.by, reader.read(alert.subject, alert.by, span))


def _name_groups(by: Sequence[str], values: Mapping[Key, float | None]) -> list[SeriesValue]:
    return [SeriesValue(dict(zip(by, key, strict=True)), value) for key, value in sorted(values.items())]


def _compute(reader: Reader, composite: Composite, by: Sequence[str], span: Span) -> Mapping[Key, float | None]:
    expression = composite.expression
    if expression is None:
        return {}
    if isinstance(expression, Term):
        return reader.read(expression, by, span)
    left = reader.read(expression.left, by, span)
    if not isinstance(expression.right, Term):
        right = dict.fromkeys(left, float(expression.right))
    else:
        right = reader.read(expression.right, by, span)
    # The series of the denominator decide; the other operations have those of both sides.
    keys = right.keys() if expression.operation == "/" else left.keys() | right.keys()
    return {
        key: _combine(expression, _find(expression.left, left, key), _find(expression.right, right, key), composite)
        for key in keys
    }


def _find(side: Term | float, values: Mapping[Key, float], key: Key) -> float | None:
    missing = 0.0 if isinstance(side, Term) and side.function in _COUNTED else None
    return values.get(key, missing)


def _combine(expression: Expression, left: float | None, right: float | None, composite: Composite) -> float | None:
    if left is None or right is None:
        return None
    if expression.operation == "/":
        return None if right == 0 or right < composite.min_denominator else left / right
    if expression.operation == "*":
        return left * right
    return left + right if expression.operation == "+" else left - right
