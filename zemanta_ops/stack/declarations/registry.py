"""The registry of declarations, filled from ``metrics.py`` of every installed app."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from zemanta_ops.stack.declarations.collection import DECLARED
from zemanta_ops.stack.declarations.model import Alert, Composite, Description, Objective

# A gauge is a declaration too: one that nobody describes has its panel.
MODULES = ("metrics", "gauges")
_SHIPPED = "zemanta_ops.stack.declarations.shipped"


@dataclass(frozen=True)
class Failure:
    """A ``metrics.py`` that could not be imported; what the others declare is still used."""

    module: str
    reason: str


@dataclass
class Declarations:
    """Everything that is declared, in the order of the declarations' names."""

    descriptions: list[Description] = field(default_factory=list)
    composites: list[Composite] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    objectives: list[Objective] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    @property
    def everything(self) -> list[Any]:
        """All declarations."""
        return [*self.descriptions, *self.composites, *self.alerts, *self.objectives]

    def keep(self, wanted: Callable[[Any], bool]) -> Declarations:
        """Return those declarations for which ``wanted`` is true."""
        return _sort_out([each for each in self.everything if wanted(each)], self.failures)

    def describe(self, name: str) -> Description | None:
        """Return the description of a metric; a project's own wins over one that ships with this package."""
        found = [each for each in self.descriptions if each.name == name]
        return max(found, key=lambda each: not each.is_shipped, default=None)

    def sort(self) -> Declarations:
        """Sort every list by name, so that what is generated does not depend on the order of imports."""
        self.descriptions.sort(key=lambda each: str(each.name))
        self.composites.sort(key=lambda each: str(each.name))
        self.alerts.sort(key=lambda each: str(each.key))
        self.objectives.sort(key=lambda each: str(each.name))
        return self


def read_declarations(*, shipped: bool = True) -> Declarations:
    """Import ``metrics.py`` and ``gauges.py`` of every installed app and return what is declared.

    Of a module that raises, nothing is declared, and the others are read: it is one of ``failures``.

    Args:
        shipped: Whether to include what this package itself declares about the metrics that it emits.

    """
    failures = [failure for name in _list_modules() if (failure := _import(name)) is not None]
    if shipped:
        import_module(_SHIPPED)
    found = [each for each in DECLARED if shipped or not each.is_shipped]
    return _sort_out(found, failures)


@contextmanager
def isolate() -> Iterator[None]:
    """Forget the project's declarations within the block, for tests."""
    read_declarations()
    before = DECLARED[:]
    DECLARED[:] = [each for each in before if each.is_shipped]
    try:
        yield
    finally:
        DECLARED[:] = before


def _sort_out(found: Sequence[Any], failures: list[Failure]) -> Declarations:
    return Declarations(
        descriptions=[each for each in found if isinstance(each, Description)],
        composites=[each for each in found if isinstance(each, Composite)],
        alerts=[each for each in found if isinstance(each, Alert)],
        objectives=[each for each in found if isinstance(each, Objective)],
        failures=failures,
    ).sort()


def _list_modules() -> list[str]:
    from django.apps import apps
    from django.utils.module_loading import module_has_submodule

    configs = [config for config in apps.get_app_configs() if config.name != "zemanta_ops"]
    return [
        f"{config.name}.{module}"
        for module in MODULES
        for config in configs
        if config.module is not None and module_has_submodule(config.module, module)
    ]


def _import(name: str) -> Failure | None:
    kept = len(DECLARED)
    try:
        import_module(name)
    except (Exception, SystemExit) as error:  # noqa: BLE001  (one broken module must not hide what the others declare)
        # The message may repeat a value that the module read; its type is enough, and the import shows the rest.
        del DECLARED[kept:]
        return Failure(name, type(error).__name__)
    return None
