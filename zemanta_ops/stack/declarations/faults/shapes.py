"""Declarations whose parts are not of the types that they must be."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from zemanta_ops.metrics.series.tags import clean_name
from zemanta_ops.stack.declarations.faults.fault import Fault, make_fault
from zemanta_ops.stack.declarations.model import NO_DATA, Alert, Composite, Description, Objective
from zemanta_ops.stack.declarations.terms import Expression, Term, Threshold

# A composite's name is also a part of addresses, so it has no empty words.
_NAME = re.compile(r"[A-Za-z0-9_-]+([./][A-Za-z0-9_-]+)*")
# Databases and file systems refuse these in a name.
_UNSTORABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# What Grafana takes as the name of a variable.
_VARIABLE = re.compile(r"[A-Za-z0-9_]+")
_TEXTS = (
    *("meaning", "trouble", "impact", "action", "unit", "message", "runbook", "repeat", "measurement", "field"),
    "empty_if",
)
_AGGREGATE = 'Write an aggregate, for example total("http.request.count", status="5*").'
_THRESHOLD = "Write above(0.05) or below(10)."


def find_shape_faults(declaration: Any) -> Iterator[Fault]:
    """Yield a fault for each part of a wrong type, and for an incomplete declaration."""
    name = declaration.key if isinstance(declaration, Alert) else declaration.name
    if not isinstance(name, str) or not name.strip("."):
        yield make_fault("zemanta_ops.E202", declaration, "has no name", "Give it a name such as shop.error_ratio.")
    elif _UNSTORABLE.search(name):
        yield make_fault("zemanta_ops.E202", declaration, "has a control character in its name", "Write it without.")
    for each in _TEXTS:
        if not isinstance(getattr(declaration, each, ""), str):
            yield make_fault(
                "zemanta_ops.E202", declaration, f"has a {each} that is not a text", f"Give {each} as a text."
            )
    tags = getattr(declaration, "tags" if isinstance(declaration, Description) else "by", None) or ()
    if not all(isinstance(tag, str) and tag for tag in tags):
        yield make_fault(
            "zemanta_ops.E202", declaration, "has a tag that is not a text", "Give the names of tags as texts."
        )
    elif len(set(tags)) < len(tags):
        yield make_fault("zemanta_ops.E202", declaration, "names a tag twice", "Name each tag once.")
    for text, hint in _check_parts(declaration):
        yield make_fault("zemanta_ops.E202", declaration, text, hint)


def _check_parts(declaration: Any) -> Iterator[tuple[str, str]]:
    if isinstance(declaration, Composite):
        yield from _check_composite(declaration)
    elif isinstance(declaration, Description):
        yield from _check_description(declaration)
    elif isinstance(declaration, Alert):
        yield from _check_alert(declaration)
    elif isinstance(declaration, Objective):
        yield from _check_objective(declaration)


def _check_composite(composite: Composite) -> Iterator[tuple[str, str]]:
    if clean_name(composite.name) != composite.name or not _NAME.fullmatch(composite.name):
        yield (
            "has a name that is not a metric's",
            "Use letters, digits, dashes and underscores, with dots between words.",
        )
    sides = {"numerator": composite.numerator, "denominator": composite.denominator}
    if composite.value is None:
        for side, term in sides.items():
            if not _is_term(term):
                yield f"has a {side} that is not an aggregate", _AGGREGATE
    elif any(term is not None for term in sides.values()):
        yield "has a value and a numerator or denominator", "Give either value, or numerator and denominator."
    elif not _is_expression(composite.value):
        yield "has a value that is not an aggregate, nor two of them", _AGGREGATE
    if not _is_number(composite.min_denominator) or composite.min_denominator < 0:
        yield "has a min_denominator that is not a number from 0", "Give a number such as 20."


def _check_description(description: Description) -> Iterator[tuple[str, str]]:
    repeat: Any = description.repeat
    if repeat and isinstance(repeat, str) and not _VARIABLE.fullmatch(repeat):
        yield f"has repeat={repeat!r}, which Grafana cannot repeat a row by", "Leave it out: its values are lines."


def _check_alert(alert: Alert) -> Iterator[tuple[str, str]]:
    if not (_is_term(alert.subject) or isinstance(alert.subject, Composite)):
        yield "judges something that is not a composite or an aggregate", _AGGREGATE
    elif isinstance(alert.subject, Composite) and any(find_shape_faults(alert.subject)):
        yield "judges a composite that cannot be used", "Correct the composite."
    for level in ("warn", "crit"):
        threshold = getattr(alert, level)
        if threshold is not None and not (isinstance(threshold, Threshold) and _is_number(threshold.value)):
            yield f"has a {level} that is not a threshold", _THRESHOLD
    if alert.no_data not in NO_DATA:
        yield f"has no_data={alert.no_data!r}", f"Give one of: {', '.join(NO_DATA)}."


def _check_objective(objective: Objective) -> Iterator[tuple[str, str]]:
    if not _is_term(objective.total):
        yield "has a total that is not an aggregate", _AGGREGATE
    elif objective.total.function != "total":
        yield "has a total that is not one of total(…)", _AGGREGATE
    if (objective.bad is None) == (objective.within is None):
        yield "needs either bad or within", 'Give bad={"status": "5*"}, or within=500 for requests within 500 ms.'
    if objective.bad is not None and not (isinstance(objective.bad, Mapping) or _is_term(objective.bad)):
        yield "has a bad that is neither filters nor an aggregate", 'Give bad={"status": "5*"}.'
    if isinstance(objective.bad, Mapping) and not objective.bad:
        yield "has a bad without a filter, so every event is bad", 'Give bad={"status": "5*"}.'
    if isinstance(objective.bad, Term) and objective.bad.function != "total":
        yield "has a bad that is not one of total(…)", _AGGREGATE
    if objective.within is not None and not _is_number(objective.within):
        yield "has a within that is not a number", "Give milliseconds."
    if not _is_number(objective.target):
        yield "has a target that is not a number", "Give a share such as 0.999."
    if type(objective.min_events) is not int or objective.min_events < 0:
        yield "has min_events that is not a whole number from 0", "Give a number such as 100."


def _is_term(given: Any) -> bool:
    return isinstance(given, Term) and isinstance(given.metric, str)


def _is_expression(given: Any) -> bool:
    if isinstance(given, Expression):
        return _is_term(given.left) and (_is_term(given.right) or _is_number(given.right))
    return _is_term(given)


def _is_number(given: Any) -> bool:
    if not isinstance(given, (int, float)) or isinstance(given, bool):
        return False
    try:
        return math.isfinite(given)
    except OverflowError:  # a whole number above what a float can hold
        return False
