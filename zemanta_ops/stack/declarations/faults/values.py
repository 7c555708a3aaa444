"""Numbers and times that cannot be: thresholds in the wrong order, windows off the grid, targets out of range."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zemanta_ops.stack.declarations.durations import DAY, format_duration, parse_duration
from zemanta_ops.stack.declarations.faults.fault import Fault, make_fault
from zemanta_ops.stack.declarations.known import Deployment
from zemanta_ops.stack.declarations.model import Alert, Composite, Objective
from zemanta_ops.stack.declarations.terms import Expression


def find_value_faults(declaration: Any, deployment: Deployment) -> Iterator[Fault]:
    """Yield a fault for each number or time that cannot be used."""
    if isinstance(declaration, Alert):
        yield from _check_thresholds(declaration)
        yield from _check_grid(declaration, deployment, ("window", "for_"))
    elif isinstance(declaration, Composite):
        yield from _check_division(declaration)
        yield from _check_grid(declaration, deployment, ("window",))
    elif isinstance(declaration, Objective):
        yield from _check_objective(declaration, deployment)


def _check_division(composite: Composite) -> Iterator[Fault]:
    expression = composite.expression
    if isinstance(expression, Expression) and expression.operation == "/" and expression.right == 0:
        yield make_fault("zemanta_ops.E217", composite, "divides by zero", "Divide by another number, or by a metric.")


def _check_thresholds(alert: Alert) -> Iterator[Fault]:
    warn, crit = alert.warn, alert.crit
    if warn is None and crit is None:
        yield make_fault(
            "zemanta_ops.E210", alert, "has neither warn nor crit", "Give one, for example crit=above(0.05)."
        )
    if warn is None or crit is None:
        return
    if warn.direction != crit.direction:
        yield make_fault(
            "zemanta_ops.E210", alert, "has warn and crit in different directions", "Use above or below for both."
        )
    elif not warn.is_crossed_by(crit.value):
        hint = f"With {warn.direction}, crit must be {warn.direction} warn."
        yield make_fault(
            "zemanta_ops.E210", alert, f"has warn {warn.value:g} and crit {crit.value:g} in the wrong order", hint
        )


def _check_grid(declaration: Composite | Alert, deployment: Deployment, names: tuple[str, ...]) -> Iterator[Fault]:
    every, wrong = _read(declaration, "every")
    yield from wrong
    if every is None:
        return
    if every == 0 or DAY % every:
        yield make_fault(
            "zemanta_ops.E211",
            declaration,
            f"has every={declaration.every!r}, which does not divide a day",
            "For example 1m.",
        )
        return
    for name in names:
        seconds, wrong = _read(declaration, name, every)
        yield from wrong
        if seconds is None:
            continue
        if seconds % every:
            text = f"has a {name} of {format_duration(seconds)}, which is not a multiple of every"
            yield make_fault("zemanta_ops.E211", declaration, text, f"every is {format_duration(every)}.")
        if name == "window" and seconds < max(deployment.agent_interval, 1):
            text = f"has a window of {format_duration(seconds)}, shorter than AGENT_INTERVAL"
            yield make_fault(
                "zemanta_ops.E211", declaration, text, f"AGENT_INTERVAL is {deployment.agent_interval:g} s."
            )


def _read(declaration: Any, name: str, default: int | None = None) -> tuple[int | None, list[Fault]]:
    given = getattr(declaration, name)
    if given == "" and default is not None:
        return default, []
    try:
        return parse_duration(given), []
    except ValueError as error:
        return None, [make_fault("zemanta_ops.E211", declaration, f"has a {name} that {error}", "For example 5m.")]


def _check_objective(objective: Objective, deployment: Deployment) -> Iterator[Fault]:
    if not 0 < objective.target < 1:
        text = f"has a target of {objective.target:g}, which is not between 0 and 1"
        yield make_fault("zemanta_ops.E212", objective, text, "Give a share, for example 0.999.")
    period, wrong = _read(objective, "period")
    yield from wrong
    if period is None:
        return
    if period < DAY:
        yield make_fault("zemanta_ops.E211", objective, "has a period of less than a day", "For example 30d.")
    if deployment.retention is not None and period > deployment.retention:
        text = f"has a period of {objective.period}, longer than the database keeps points"
        hint = f"INFLUXDB RETENTION is {format_duration(deployment.retention)}."
        yield make_fault("zemanta_ops.E213", objective, text, hint)
