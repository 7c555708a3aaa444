"""Check what ``metrics.py`` of the installed apps declares: ``zemanta_ops.E2xx`` and ``W2xx``."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004  (Django's own name)


@register("zemanta_ops")
def check_declarations(**_: Any) -> list[CheckMessage]:
    """Check every declaration against what this deployment emits."""
    # Processes that serve requests register the checks and never run them: they load nothing of the stack.
    from zemanta_ops.stack.declarations.faults import find_faults
    from zemanta_ops.stack.declarations.registry import read_declarations
    from zemanta_ops.stack.inventory.deployment import read_deployment

    declared = read_declarations()
    if all(each.is_shipped for each in declared.everything) and not declared.failures:
        # Reading the project's source for what it emits takes a while, and nothing refers to it.
        return []
    faults = find_faults(declared, read_deployment(declared))
    return [(Error if fault.is_error else Warning)(fault.text, hint=fault.hint, id=fault.id) for fault in faults]
