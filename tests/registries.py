"""Every registry of this process that a test module or a test could change for those that run after it.

An import of a test module must leave them as they were, and so must a test. ``conftest`` compares them around both,
puts them back and fails whatever changed them. What a decryption adds by itself is put back without a failure.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import weakref
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from django.core.cache import caches
from django.core.management import get_commands
from django.db import connections

from zemanta_ops.metrics import instrumentation
from zemanta_ops.metrics.gauges import registry as gauges
from zemanta_ops.metrics.request.state import RESPONSE_HOOKS
from zemanta_ops.secrets import backends, ledger
from zemanta_ops.secrets.files import formats
from zemanta_ops.stack import databases, generate
from zemanta_ops.stack.declarations import read_declarations
from zemanta_ops.stack.declarations.collection import DECLARED

SIGNAL_MODULES = (
    "celery.signals",
    "django.contrib.auth.signals",
    "django.core.signals",
    "django.db.backends.signals",
    "django.db.models.signals",
    "django.tasks.signals",
    "django.test.signals",
)
OURS = ("zemanta_ops.", "example_project.", "tests.")
# Connected once a process, for good, and no test leaves that behind: what sends the last samples, from the first one
# on, and what the package connects when Django starts.
ONCE = ("zemanta_ops.metrics.delivery.shutdown.", "zemanta_ops.serving.")
HANDLED = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGPIPE", "SIGXFSZ")  # not SIGTERM, for the same reason
    if hasattr(signal, name)
]
# pytest changes it in each phase of a test.
_PHASE = "PYTEST_CURRENT_TEST"


@dataclass(frozen=True)
class Registry:
    """Reads a registry into a value that can be compared, and puts such a value back."""

    name: str
    read: Callable[[], Any]
    restore: Callable[[Any], None]
    is_silent: bool = False


def _of_mapping(name: str, mapping: MutableMapping[Any, Any], ignored: str = "") -> Registry:
    def read() -> dict[Any, Any]:
        return {key: value for key, value in mapping.items() if key != ignored}

    def restore(before: dict[Any, Any]) -> None:
        for key in read().keys() - before.keys():
            del mapping[key]
        mapping.update(before)

    return Registry(name, read, restore)


def _of_list(name: str, found: list[Any]) -> Registry:
    def restore(before: list[Any]) -> None:
        found[:] = before

    return Registry(name, found.copy, restore)


def _of_attribute(name: str, module: ModuleType, attribute: str) -> Registry:
    return Registry(name, lambda: getattr(module, attribute), lambda before: setattr(module, attribute, before))


def _list_patches() -> Iterator[str]:
    for name in instrumentation.NAMES:
        module = instrumentation.load(name)
        patches = [*vars(module).values(), *getattr(module, "_list_patches", tuple)()]
        if any(getattr(each, "active", False) is True for each in patches):
            yield name


def _remove_instrumentations(before: tuple[frozenset[str], frozenset[str]]) -> None:
    instrumentation.uninstall()
    instrumentation.install(before[0] | before[1])


def _list_receivers() -> dict[tuple[str, Any], str]:
    """Return the receivers of Django's and Celery's signals that are of this project; libraries connect their own."""
    return {
        (signal_, receiver[0]): name
        for signal_, each in _SIGNALS.items()
        for receiver in each.receivers or ()
        if (name := _name_receiver(receiver[1])).startswith(OURS) and not name.startswith(ONCE)
    }


def _name_receiver(receiver: Any) -> str:
    found = receiver() if isinstance(receiver, weakref.ReferenceType) else receiver
    return f"{getattr(found, '__module__', '')}.{getattr(found, '__qualname__', '')}"


def _disconnect(before: dict[tuple[str, Any], str]) -> None:
    left = _list_receivers().keys() - before.keys()
    for name, each in _SIGNALS.items():
        each.receivers = [receiver for receiver in each.receivers or () if (name, receiver[0]) not in left]
        if hasattr(each, "sender_receivers_cache"):
            each.sender_receivers_cache.clear()


def _read_handlers() -> dict[int, Any]:
    return {number: signal.getsignal(number) for number in HANDLED}


def _restore_handlers(before: dict[int, Any]) -> None:
    for number, handler in before.items():
        signal.signal(number, handler)


def _read_logging() -> dict[str, int]:
    """Return what keeps records from being logged: the level disabled for all loggers, and each disabled logger."""
    loggers = logging.root.manager.loggerDict.items()
    disabled = {name: 1 for name, each in loggers if isinstance(each, logging.Logger) and each.disabled}
    return {"logging.disable()": logging.root.manager.disable, "root level": logging.root.level, **disabled}


def _restore_logging(before: dict[str, int]) -> None:
    logging.disable(before["logging.disable()"])
    logging.root.setLevel(before["root level"])
    for name in _read_logging().keys() - before.keys():
        logging.getLogger(name).disabled = False


def _restore_path(before: dict[str, bool]) -> None:
    sys.path[:] = before


def _find_signals() -> dict[str, Any]:
    modules = [import_module(name) for name in SIGNAL_MODULES if find_spec(name.rpartition(".")[0]) and find_spec(name)]
    return {
        f"{module.__name__}.{name}": value
        for module in modules
        for name, value in vars(module).items()
        if hasattr(value, "receivers")
    }


_SIGNALS = _find_signals()

REGISTRIES = (
    _of_mapping("gauges", gauges._registry),
    _of_list("declarations", DECLARED),
    _of_mapping("backends", backends._PATHS),
    _of_mapping("formats", formats._BY_SUFFIX),
    _of_attribute("databases of metrics", databases, "MODULES"),
    _of_mapping("generate targets", generate.TARGETS),
    _of_list("response hooks", RESPONSE_HOOKS),
    Registry(
        "instrumentations",
        lambda: (frozenset(instrumentation._own), frozenset(_list_patches())),
        _remove_instrumentations,
    ),
    Registry("receivers of signals", _list_receivers, _disconnect),
    Registry("revealed secrets", ledger.plaintexts, lambda _: ledger.forget(), is_silent=True),
    Registry("decrypted tokens", ledger.entries, lambda _: ledger.forget(), is_silent=True),
    Registry("overridden settings", ledger.overrides, lambda _: ledger.forget(), is_silent=True),
    _of_mapping("Django's databases", connections.settings),
    _of_mapping("Django's caches", caches.settings),
    _of_mapping("management commands", get_commands()),
    Registry("logging", _read_logging, _restore_logging),
    Registry("signal handlers", _read_handlers, _restore_handlers),
    _of_mapping("environment variables", os.environ, _PHASE),
    Registry("sys.path", lambda: dict.fromkeys(sys.path, True), _restore_path),
    Registry("the working directory", os.getcwd, os.chdir),
)


def load_lazy() -> None:
    """Register what is registered when it is first asked for, so that no test seems to have left it."""
    gauges.find_gauges()
    read_declarations()


class Snapshot:
    """What the registries held at one moment."""

    def __init__(self) -> None:
        self._before = [(registry, registry.read()) for registry in REGISTRIES]

    def restore(self) -> list[str]:
        """Put the registries back, and return a line for each that had changed and should not have."""
        changed = []
        for registry, before in self._before:
            after = registry.read()
            if after != before:
                if not registry.is_silent:
                    changed.append(f"{registry.name}: {_describe_change(before, after)}")
                registry.restore(before)
        return changed


def _describe_change(before: Any, after: Any) -> str:
    """Return the names of what changed, or how many there are: a value may be a secret."""
    if isinstance(before, dict):
        return ", ".join(sorted(str(key) for key in {**before, **after} if before.get(key) != after.get(key)))
    return f"{len(after)} instead of {len(before)}"
