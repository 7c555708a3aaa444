"""Texts that a dashboard, a TICKscript or a rule would read as something else, and units that nobody knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zemanta_ops.stack.declarations.faults.fault import Fault, make_fault
from zemanta_ops.stack.declarations.messages import PLACEHOLDERS, fill_message, list_placeholders
from zemanta_ops.stack.declarations.model import Alert, Objective
from zemanta_ops.stack.declarations.runbooks import find_runbook, is_page
from zemanta_ops.stack.declarations.units import find_unit, suggest_unit

# "$" is a variable to Grafana, "{{" a template to Grafana and Kapacitor, "'''" ends a text of TICKscript.
FORBIDDEN = ("'''", "{{", "$")
TEXTS = ("meaning", "trouble", "impact", "action", "message", "runbook", "empty_if")
_SAMPLE = 0.5


def find_text_faults(declaration: Any) -> Iterator[Fault]:
    """Yield a fault for each text, placeholder, unit and runbook that cannot be used."""
    for name in TEXTS:
        text = getattr(declaration, name, "")
        for mark in FORBIDDEN:
            if mark in text:
                yield make_fault("zemanta_ops.E214", declaration, f"has {mark} in its {name}", "Write it without.")
    unit = getattr(declaration, "unit", "")
    if find_unit(unit) is None:
        meant = suggest_unit(unit)
        hint = f"Did you mean {meant}?" if meant else "Give a unit such as ms or ratio, or a plural noun such as jobs."
        yield make_fault("zemanta_ops.E215", declaration, f"has the unknown unit {unit!r}", hint)
    if isinstance(declaration, (Alert, Objective)):
        yield from _check_runbook(declaration)
    if isinstance(declaration, Alert):
        yield from _check_message(declaration)


def _check_runbook(declared: Alert | Objective) -> Iterator[Fault]:
    if declared.runbook and not is_page(declared.runbook):
        text = "has a runbook that is not an address of http or https without a password"
        hint = "Give the address of a page, for example https://wiki.example.com/errors."
        yield make_fault("zemanta_ops.E218", declared, text, hint)
        return
    if isinstance(declared, Alert) and declared.crit and not find_runbook(declared) and not declared.is_shipped:
        hint = "Give runbook the address of a page that says what to do, or set ALERTS RUNBOOKS."
        yield make_fault("zemanta_ops.W201", declared, "calls a person and has no runbook", hint)


def _check_message(alert: Alert) -> Iterator[Fault]:
    allowed = {*PLACEHOLDERS, *alert.by}
    hint = f"Allowed: {', '.join(f'{{{name}}}' for name in sorted(allowed))}."
    sample: dict[str, Any] = {**dict.fromkeys(allowed, "x"), "value": _SAMPLE}
    try:
        unknown = [name for name in list_placeholders(alert.message) if name not in allowed]
        if not unknown:
            fill_message(alert.message, sample)
    except (ValueError, TypeError) as error:
        yield make_fault("zemanta_ops.E214", alert, f"has a message that cannot be formatted: {error}", hint)
        return
    for name in unknown:
        yield make_fault("zemanta_ops.E214", alert, f"has the unknown placeholder {{{name}}} in its message", hint)
