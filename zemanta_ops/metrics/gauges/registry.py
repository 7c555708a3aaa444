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

ACCEPTED = "return a number, None, (number, tags) pairs, or rows (dicts) with the number as 'value' and tags beside it"


@dataclass(frozen=True)
class Reading:
    """One value of one series of a gauge."""

    name: str
    value: float
    tags: Mapping[str, Any]


@dataclass(frozen=True)
class Gauge:
    """A registered gauge; ``every`` and ``timeout`` are seconds."""

    name: str
    function: Callable[[], Any]
    every: float
    timeout: float
    tags: Mapping[str, Any] = field(default_factory=dict)

    def read(self) -> list[Reading]:
        """Call the function and return its readings.

        Raises:
            TypeError: the function returned something that is no number and has none.
        """
        found = self.function()
        if iscoroutinefunction(self.function):
            import asyncio

            found = asyncio.run(found)
        rows = self._rows(found)
        return [
            Reading(self.name, value, {**self.tags, **{str(key): tags[key] for key in tags}}) for value, tags in rows
        ]

    def _rows(self, found: Any) -> list[tuple[float, Mapping[str, Any]]]:
        if found is None:
            return []
        if _is_number(found):
            return [(_number(found), {})]
        if isinstance(found, (str, bytes, Mapping)) or not isinstance(found, Iterable):
            raise self._refusal(found)
        return [self._row(row) for row in found]

    def _row(self, row: Any) -> tuple[float, Mapping[str, Any]]:
        if isinstance(row, Mapping) and _is_number(row.get("value")):
            return _number(row["value"]), {key: tag for key, tag in row.items() if key != "value"}
        if isinstance(row, (tuple, list)) and len(row) == 2 and _is_number(row[0]) and isinstance(row[1], Mapping):
            return _number(row[0]), row[1]
        raise self._refusal(row)

    def _refusal(self, found: object) -> TypeError:
        return TypeError(f"the gauge {self.name!r} gave a {type(found).__name__}: {ACCEPTED}")


_registry: dict[tuple[str, str], Gauge] = {}


def app_gauge(name: str, /, *, every: float = 30, timeout: float | None = None, **tags: Any) -> Callable[[F], F]:
    """Register the decorated function as a gauge of the application's state; the function itself stays as it is.

    Args:
        name: the metric's name; two functions may share it where their tags differ.
        every: seconds between two collections.
        timeout: seconds after which a collection has failed; ``every`` by default.
        tags: tags of all its values.

    The function takes no argument, may be async, and returns a number, None (nothing to report), an iterable of
    ``(number, tags)``, or rows such as ``Job.objects.values("queue").annotate(value=Count("id"))`` gives: the number
    is ``value``, the rest are tags.

    Raises:
        ValueError: ``every`` or ``timeout`` is not above zero.
    """
    limit = every if timeout is None else timeout
    if every <= 0 or limit <= 0:
        raise ValueError(f"the gauge {name!r} needs every and timeout above zero, in seconds")

    def register(function: F) -> F:
        place = f"{function.__module__}.{function.__qualname__}"
        _registry[name, place] = Gauge(name, function, every, limit, tags)
        return function

    return register


def registered() -> list[Gauge]:
    """Return the registered gauges by name, after importing the module ``gauges`` of every installed app."""
    from django.utils.module_loading import autodiscover_modules

    autodiscover_modules("gauges")
    return [_registry[key] for key in sorted(_registry)]


def _is_number(value: object) -> bool:
    return isinstance(value, (Real, Decimal)) and not isinstance(value, bool)


def _number(value: Any) -> float:
    return value if isinstance(value, int) else float(value)
