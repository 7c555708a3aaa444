"""Instrumentations: each is one module with ``install()`` and ``uninstall()``, switched on by its name in INSTRUMENT.

Both functions may be called twice. An instrumentation whose library is missing is silently absent.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Protocol, cast

NAMES = ("cache", "celery", "commands", "database", "http", "responses", "tasks")


class Instrumentation(Protocol):
    """What a module of this package offers."""

    def install(self) -> None:
        """Start to measure."""

    def uninstall(self) -> None:
        """Stop, and put back what was replaced."""


def load(name: str) -> Instrumentation:
    """Return the instrumentation called ``name``, one of NAMES."""
    return cast("Instrumentation", import_module(f"{__name__}.{name}"))


def install(names: Iterable[str]) -> None:
    """Install each named instrumentation; a name that is not in NAMES is left to the system checks."""
    for name in names:
        if name in NAMES:
            load(name).install()


def uninstall(names: Iterable[str] = NAMES) -> None:
    """Remove each named instrumentation, all of them by default, installed or not."""
    for name in names:
        load(name).uninstall()
