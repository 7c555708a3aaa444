"""Names that would meet in the database, in Grafana or in alerts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from zemanta_ops.stack.declarations.faults.fault import Fault, make_fault, name_declaration
from zemanta_ops.stack.declarations.known import Deployment
from zemanta_ops.stack.declarations.model import Alert, Composite, Description, Objective
from zemanta_ops.stack.declarations.names import to_measurement, to_number, to_slug


def find_collisions(declarations: Sequence[Any], deployment: Deployment) -> Iterator[Fault]:
    """Yield a fault for each declaration whose name is taken."""
    yield from _check_measurements(declarations, deployment)
    yield from _check_names(declarations)
    yield from _check_numbers(declarations)


def _check_measurements(declarations: Sequence[Any], deployment: Deployment) -> Iterator[Fault]:
    taken = {known.measurement: known.name for known in deployment.metrics.values()}
    for composite in declarations:
        if not isinstance(composite, Composite):
            continue
        measurement = to_measurement(composite.name, deployment.prefix)
        if measurement in taken:
            text = f"is written as {measurement}, as is {taken[measurement]!r}"
            yield make_fault(
                "zemanta_ops.E209", composite, text, "Rename it; a dot becomes an underscore in the database."
            )
        taken.setdefault(measurement, composite.name)


def _check_names(declarations: Sequence[Any]) -> Iterator[Fault]:
    """Names that are apart in code may be one as a slug, from which uids, files and tasks are named."""
    for class_ in (Description, Alert, Objective):
        taken: dict[tuple[bool, str], Any] = {}
        for each in declarations:
            if type(each) is not class_:
                continue
            name = each.key if isinstance(each, Alert) else each.name
            # A project may describe again what this package describes.
            key = (each.is_shipped and class_ is Description, to_slug(name))
            if key in taken:
                text = f"has the name of {name_declaration(taken[key])} ({taken[key].place})"
                hint = "Give one of them another name." if class_ is not Alert else "Give one of them name=…."
                yield make_fault("zemanta_ops.E209", each, text, hint)
            taken.setdefault(key, each)


def _check_numbers(declarations: Sequence[Any]) -> Iterator[Fault]:
    """Panels are numbered by a checksum of their names, which two names may share."""
    taken: dict[int, str] = {}
    for each in declarations:
        if not isinstance(each, (Composite, Description)):
            continue
        number = to_number(each.name)
        if taken.setdefault(number, each.name) != each.name:
            text = f"has the panel number of {taken[number]!r}: {number}"
            yield make_fault("zemanta_ops.E216", each, text, "Rename one of them.")
