"""Instrumentations: modules with ``install()`` and ``uninstall()``, switched on by their names in INSTRUMENT.

Both functions may be called twice. An instrumentation whose library is not installed does nothing. A user's own is
named by the dotted path of its module.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from importlib import import_module
from typing import Protocol, cast

logger = logging.getLogger("zemanta_ops.metrics")

# The registry: a new instrumentation is one module of this package and its name here.
NAMES = ("cache", "celery", "commands", "database", "http", "responses", "tasks")

# The dotted paths that install() has installed.
_own: set[str] = set()


class Instrumentation(Protocol):
    """A module that measures one library."""

    def install(self) -> None:
        """Start to measure."""

    def uninstall(self) -> None:
        """Stop, and put back what was replaced."""


def load(name: str) -> Instrumentation:
    """Return an instrumentation.

    Args:
        name: one of NAMES, or the dotted path of a user's own module.

    Raises:
        ImportError: The module cannot be imported, or lacks ``install()`` or ``uninstall()``.
    """
    module = import_module(f"{__name__}.{name}" if name in NAMES else name)
    for function in ("install", "uninstall"):
        if not callable(getattr(module, function, None)):
            raise ImportError(f"{name} has no function {function}()")
    return cast("Instrumentation", module)


def find_problem(name: str) -> str | None:
    """Return why an entry of INSTRUMENT that is a dotted path cannot be used, or None if it can."""
    try:
        load(name)
    except ImportError as error:
        return f"{type(error).__name__}: {error}"
    except Exception as error:  # noqa: BLE001  (a user's module may raise anything when it is imported)
        # The message may repeat a value that the module read; its type is enough, and the log shows the rest.
        return type(error).__name__
    return None


def install(names: Iterable[str]) -> None:
    """Install each instrumentation; a name that is neither in NAMES nor a dotted path is left to the system checks."""
    for name in names:
        if name in NAMES:
            load(name).install()
        elif "." in name:
            _install_own(name)


def _install_own(path: str) -> None:
    """Install a user's instrumentation; log it if that fails, because metrics never stop an application."""
    try:
        load(path).install()
    except Exception:
        logger.exception("INSTRUMENT %s cannot be installed. Its metrics are missing", path)
    else:
        _own.add(path)


def uninstall(names: Iterable[str] | None = None) -> None:
    """Remove each named instrumentation; by default all of NAMES, and the user's own that are installed."""
    for name in [*NAMES, *sorted(_own)] if names is None else names:
        load(name).uninstall()
        _own.discard(name)
