"""Where an alert leads."""

from __future__ import annotations

from zemanta_ops.stack.declarations.model import Alert, Objective


def find_runbook(declaration: Alert | Objective) -> str:
    """Return the address of the runbook; empty if there is none."""
    return declaration.runbook
