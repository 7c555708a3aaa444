"""Application-state gauges: functions that return a number, or many by tags, and the registry of them.

Put them into ``gauges.py`` of any installed app; ``manage.py emit_gauges`` finds them there and collects them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from inspect import iscoroutinefunction
from numbers import Real
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[[], Any])

ACCEPTED = "Return a number, None, (number, tags) pairs, or rows: dicts with the number as 'value' and the tags"


@dataclass(frozen=True)
class GaugeValue:
    """One value of one series of a gauge."""

    name: str
    value: float
    tags: Mapping[str, Any]


@dataclass(frozen=True)
class AppGauge:
    """A registered gauge of the application; ``every`` and ``timeout`` are in seconds."""

    name: str
    function: Callable[[], Any]
    every: float
    timeout: float
    tags: Mapping[str, Any] = field(default_factory=dict)

    def read(self) -> list[GaugeValue]:
        """Call the function and return its values.

        Raises:
            TypeError: The function returned something that is not a number and contains none.
        """
        found = self.function()
        if iscoroutinefunction(self.function):
            import asyncio

            found = asyncio.run(found)
        rows = self._read_rows(found)
        return [
            GaugeValue(self.name, value, {**self.tags, **{str(key): tags[key] for key in tags}}) for value, tags in rows
        ]

    def _read_rows(self, found: Any) -> list[tuple[float, Mapping[str, Any]]]:
        if found is None:
            return []
        if _is_number(found):
            return [(_to_number(found), {})]
        if isinstance(found, (str, bytes, Mapping)) or not isinstance(found, Iterable):
            raise self._make_error(found)
        return [self._read_row(row) for row in found]

    def _read_row(self, row: Any) -> tuple[float, Mapping[str, Any]]:
        if isinstance(row, Mapping) and _is_number(row.get("value")):
            return _to_number(row["value"]), {key: tag for key, tag in row.items() if key != "value"}
        if isinstance(row, (tuple, list)) and len(row) == 2 and _is_number(row[0]) and isinstance(row[1], Mapping):
            return _to_number(row[0]), row[1]
        raise self._make_error(row)

    def _make_error(self, found: object) -> TypeError:
        return TypeError(f"the function of the gauge {self.name!r} returned a {type(found).__name__}. {ACCEPTED}")


_registry: dict[tuple[str, str], AppGauge] = {}


def app_gauge(name: str, /, *, every: float = 30, timeout: float | None = None, **tags: Any) -> Callable[[F], F]:
    """Register the decorated function as a gauge of the application's state, and return it unchanged.

    Args:
        name: the metric's name; two functions may share it if their tags differ.
        every: seconds between two collections.
        timeout: seconds after which a collection fails; ``every`` by default.
        tags: tags of all its values.

    The function takes no arguments and may be async. It returns a number, None (nothing to report), an iterable of
    ``(number, tags)``, or rows such as those of ``Job.objects.values("queue").annotate(value=Count("id"))``, in which
    ``value`` is the number and the rest are tags.

    Raises:
        ValueError: ``every`` or ``timeout`` is not greater than zero.
    """
    limit = every if timeout is None else timeout
    if every <= 0 or limit <= 0:
        raise ValueError(f"the gauge {name!r} needs every and timeout in seconds, greater than zero")

    def register(function: F) -> F:
        # By its dotted name, so that a module that is imported twice registers one gauge.
        path = f"{function.__module__}.{function.__qualname__}"
        _registry[name, path] = AppGauge(name, function, every, limit, tags)
        return function

    return register


def find_gauges() -> list[AppGauge]:
    """Import the module ``gauges`` of every installed app, and return the registered gauges by name."""
    from django.utils.module_loading import autodiscover_modules

    autodiscover_modules("gauges")
    return list_gauges()


def list_gauges() -> list[AppGauge]:
    """Return the gauges that are registered so far, by name."""
    return [_registry[key] for key in sorted(_registry)]


def _is_number(value: object) -> bool:
    return isinstance(value, (Real, Decimal)) and not isinstance(value, bool)


def _to_number(value: Any) -> float:
    return value if isinstance(value, int) else float(value)
