"""Management commands: how long each took and how it ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand

from zemanta_ops.metrics.catalog import COMMAND_DURATION
from zemanta_ops.metrics.client import default_client
from zemanta_ops.metrics.clock import perf_counter
from zemanta_ops.metrics.instrumentation.patching import Patch


def _execute(original: Callable[..., Any], command: BaseCommand, /, *args: Any, **options: Any) -> Any:
    started = perf_counter()
    outcome = "error"
    try:
        result = original(command, *args, **options)
        outcome = "ok"
    except SystemExit as exit_:
        outcome = "error" if exit_.code else "ok"
        raise
    else:
        return result
    finally:
        # A command object does not know its name: Django finds commands by the name of their module.
        name = type(command).__module__.rpartition(".")[2]
        default_client.timing(COMMAND_DURATION.name, perf_counter() - started, command=name, outcome=outcome)


_PATCH = Patch(BaseCommand, "execute", _execute)
install = _PATCH.apply
uninstall = _PATCH.remove
