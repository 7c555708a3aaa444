"""The panels of an objective: the share that is bad, what is left of the error budget, and how fast it burns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from zemanta_ops.stack.declarations.model import Objective
from zemanta_ops.stack.declarations.runbooks import find_runbook
from zemanta_ops.stack.declarations.terms import Expression, Term, above, below, to_regex
from zemanta_ops.stack.generate.grafana.absence import Absence
from zemanta_ops.stack.generate.grafana.panels import Asked, Limits, Panel
from zemanta_ops.stack.generate.grafana.sources import Sources, write_text
from zemanta_ops.stack.queries import RatioQuery

# The burn rates that call for a person and for a ticket, over an hour: see evaluation.objectives.
_PAGE, _TICKET = 14.4, 3.0
_HOUR = "1h"
_LOW = 0.25
_BUDGET = (
    "What is left of the error budget over {period}. At 0 the objective is missed; below that it is overspent. "
    "`manage.py list_objectives` prints when it runs out."
)
_BURN = (
    "How many times faster than allowed the error budget is spent, hour by hour: at 1 it lasts for exactly {period}. "
    "An hour with fewer than {minimum} events has no value."
)


def draw_objective(sources: Sources, objective: Objective) -> list[Panel]:
    """Return the panels of an objective."""
    share = _ask_bad_share(sources, objective)
    if share is None:
        return [_draw_counts(sources, objective)]
    few = f"every hour has fewer than {objective.min_events} events"
    share_absence, burn_absence = (
        sources.find_absence(objective.all_term.metric, sparse_if) for sparse_if in ("there was no event", few)
    )
    return [_draw_share(objective, share, share_absence), *_draw_budget(objective, share, burn_absence)]


def _ask_bad_share(sources: Sources, objective: Objective) -> RatioQuery | None:
    """Return the query of the share of bad events; None if they are not of the metric that all events are of."""
    bad, good = objective.bad_term, objective.good_term
    if good is not None:
        return replace(_ask_within(sources, good, objective.all_term), factor=-1, offset=1)
    return None if bad is None else sources.ask_share(Expression("/", bad, objective.all_term))


def _ask_within(sources: Sources, good: Term, base: Term) -> RatioQuery:
    """Return the share of one bucket's counter in that of all: both are read, the tag ``le`` tells them apart."""
    filters = {tag: values for tag, values in base.filters.items() if tag != "le"}
    selection = sources.select_term(Term("total", base.metric, filters))
    return RatioQuery({"le": to_regex(good.filters["le"])}, selection, denominator={"le": to_regex(base.filters["le"])})


def _draw_share(objective: Objective, share: RatioQuery, absence: Absence) -> Panel:
    if objective.within is None:
        allowed, asked = 1 - objective.target, share
        text, limits = (
            f"Share of events that were bad. The objective allows {allowed:.3%}.",
            Limits(crit=above(allowed)),
        )
    else:
        asked, limits = replace(share, factor=1, offset=0), None
        text = f"Share of requests within {objective.within:g} ms. The objective is {objective.target:.3%}."
    return Panel(
        f"objective {objective.name}",
        f"Objective: {objective.name}",
        write_text(objective, text),
        [Asked(objective.name, asked)],
        unit="ratio",
        limits=limits,
        runbook=find_runbook(objective),
        width=10,
        absence=absence,
    )


def _draw_budget(objective: Objective, share: RatioQuery, absence: Absence) -> Iterator[Panel]:
    allowed = 1 - objective.target
    burn = replace(
        share,
        factor=share.factor / allowed,
        offset=share.offset / allowed,
        minimum=max(objective.min_events, 1),
    )
    left = replace(burn, factor=-burn.factor, offset=1 - burn.offset, minimum=1, whole=True)
    yield Panel(
        f"budget {objective.name}",
        f"Error budget left: {objective.name}",
        _BUDGET.format(period=objective.period),
        [Asked(objective.name, left)],
        "stat",
        "ratio",
        Limits(warn=below(_LOW), crit=below(0)),
        runbook=find_runbook(objective),
        width=4,
        period=objective.period,
    )
    yield Panel(
        f"burn {objective.name}",
        f"Burn rate: {objective.name}",
        _BURN.format(period=objective.period, minimum=objective.min_events),
        [Asked(objective.name, burn)],
        limits=Limits(above(_TICKET), above(_PAGE)),
        runbook=find_runbook(objective),
        width=10,
        interval=_HOUR,
        absence=absence,
    )


def _draw_counts(sources: Sources, objective: Objective) -> Panel:
    asked = [Asked("all", sources.ask(objective.all_term, ()))]
    if objective.bad_term is not None:
        asked.append(Asked("bad", sources.ask(objective.bad_term, ())))
    text = (
        f"All events, and those that were bad. The objective allows {1 - objective.target:.3%}. They are of two "
        "metrics: `manage.py list_objectives` prints what is left of the error budget."
    )
    return Panel(
        f"objective {objective.name}",
        f"Objective: {objective.name}",
        write_text(objective, text),
        asked,
        unit="events",
        runbook=find_runbook(objective),
        absence=sources.find_absence(objective.all_term.metric),
    )
