"""The judges of everything that is declared and can be judged."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from zemanta_ops.stack.alerting.judges import AlertJudge, Judge, ObjectiveJudge
from zemanta_ops.stack.declarations import Alert, read_declarations
from zemanta_ops.stack.declarations.faults import remove_faulty
from zemanta_ops.stack.declarations.known import Deployment
from zemanta_ops.stack.inventory.deployment import read_deployment

# Faults of texts, units and runbooks: the numbers are still right.
_ABOUT_TEXTS = ("zemanta_ops.E214", "zemanta_ops.E215", "zemanta_ops.E218")


@dataclass(frozen=True)
class DeclaredAlerts:
    """What is declared.

    Attributes:
        judges: The alerts and objectives without faults, of metrics that are emitted.
        deployment: What is emitted.
        names: The names of these and of the faulty ones; None if a module could not be imported, so that some are not
            known.
        problems: A sentence for each fault.

    """

    judges: Sequence[Judge]
    deployment: Deployment
    names: Collection[str] | None
    problems: Sequence[str]


def read_declared() -> DeclaredAlerts:
    """Return what the installed apps and this package declare."""
    given = read_declarations()
    deployment = read_deployment(given)
    kept, faults = remove_faulty(given, deployment)
    errors = [fault for fault in faults if fault.is_error]
    # A text that cannot be shown must not keep a problem from being reported: a plain one takes its place.
    spoilt = [each.declaration for each in errors if each.id not in _ABOUT_TEXTS]
    kept = given.keep(lambda each: each in kept.everything or not _depends_on(each, spoilt))
    # This package declares alerts about metrics of instrumentations that may be off.
    off = {name for name, known in deployment.metrics.items() if known.remedy}
    emitted = kept.keep(lambda each: not any(term.metric in off for term in getattr(each, "terms", ())))
    judges: list[Judge] = [*map(AlertJudge, emitted.alerts), *map(ObjectiveJudge, emitted.objectives)]
    faulty = [each for each in (*given.alerts, *given.objectives) if each not in kept.everything]
    names = {*(judge.name for judge in judges), *map(_name, faulty)}
    problems = [f"{fault.text} {fault.hint}" for fault in errors]
    return DeclaredAlerts(judges, deployment, None if given.failures else names, problems)


def _depends_on(declaration: Any, spoilt: Sequence[Any]) -> bool:
    subjects = (declaration, getattr(declaration, "subject", None))
    return any(one is each for one in spoilt for each in subjects)


def _name(declaration: Any) -> str:
    return str(declaration.key if isinstance(declaration, Alert) else declaration.name)
