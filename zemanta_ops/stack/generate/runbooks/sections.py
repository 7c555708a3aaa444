"""What a page of runbooks has of each alert and objective, without its markup."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from zemanta_ops.stack.declarations.durations import format_duration
from zemanta_ops.stack.declarations.model import Alert, Composite, Declared, Objective
from zemanta_ops.stack.declarations.runbooks import name_anchor
from zemanta_ops.stack.declarations.terms import Term
from zemanta_ops.stack.inventory.usable import Usable
from zemanta_ops.stack.queries import LANGUAGES
from zemanta_ops.stack.queries.aggregates import ask_term

_HOUR = 3_600


@dataclass(frozen=True)
class Section:
    """One alert or objective.

    Attributes:
        anchor: What links lead to.
        title: Its heading.
        texts: Paragraphs for people, by what they are about.
        runbook: The address of a further page, or empty.
        queries: What to ask the database first, by what it shows.

    """

    anchor: str
    title: str
    texts: dict[str, str]
    runbook: str = ""
    queries: dict[str, str] = field(default_factory=dict)


def list_sections(usable: Usable, language: str) -> list[Section]:
    """Return the sections: alerts first, then objectives, each in the order of their names."""
    declarations = usable.declarations
    return [
        *(_describe_alert(alert, usable, language) for alert in declarations.alerts),
        *(_describe_objective(objective, usable, language) for objective in declarations.objectives),
    ]


def _describe_alert(alert: Alert, usable: Usable, language: str) -> Section:
    subject = alert.subject
    described = subject if isinstance(subject, Composite) else usable.declarations.describe(subject.metric)
    texts = {**_list_texts(alert, described), "Rings": _describe_limits(alert)}
    return Section(
        name_anchor(alert),
        alert.key,
        texts,
        alert.runbook,
        dict(_list_queries(alert.terms, alert.by, alert.window_seconds, usable, language)),
    )


def _describe_objective(objective: Objective, usable: Usable, language: str) -> Section:
    words = f"{objective.target:.3%} of events must be good within {objective.period}."
    if objective.within is not None:
        words += f" An event is good within {objective.within:g} ms."
    return Section(
        name_anchor(objective),
        f"{objective.name} (objective)",
        {**_list_texts(objective, None), "Promise": words},
        objective.runbook,
        dict(_list_queries(objective.terms, (), _HOUR, usable, language)),
    )


def _list_texts(declaration: Declared, subject: Declared | None) -> dict[str, str]:
    """Return the texts of a declaration, or those of what it judges where it has none."""
    names = {"meaning": "Meaning", "trouble": "Trouble", "impact": "Users", "action": "Do first"}
    found = {label: getattr(declaration, name) or getattr(subject, name, "") for name, label in names.items()}
    return {label: " ".join(text.split()) for label, text in found.items() if text}


def _describe_limits(alert: Alert) -> str:
    levels = [
        f"{level} {threshold.direction} {threshold.value:g}"
        for level, threshold in (("warn", alert.warn), ("crit", alert.crit))
        if threshold is not None
    ]
    words = f"{' and '.join(levels)}, over {format_duration(alert.window_seconds)}"
    if alert.for_seconds:
        words += f", for at least {format_duration(alert.for_seconds)}"
    if alert.by:
        words += f", for each {' and '.join(alert.by)}"
    return f"{words[0].upper()}{words[1:]}."


def _list_queries(
    terms: list[Term], by: tuple[str, ...], length: int, usable: Usable, language: str
) -> Iterator[tuple[str, str]]:
    for term in terms:
        asked = LANGUAGES[language].render_alert(ask_term(term, usable.deployment, by, whole=True), length, 0)
        yield str(term), asked.get("query") or asked["expr"]
