"""One setting: a typed property with its default, its old name and its faults; and the section that it belongs to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload

from zemanta_ops import parsing

T = TypeVar("T")

SETTING = "ZEMANTA_OPS"


def read_django_setting(name: str) -> Any:
    """Return a Django setting, or None if it is absent or Django is not configured."""
    from django.conf import settings

    try:
        return getattr(settings, name, None)
    except Exception:  # noqa: BLE001  (the settings module may raise anything when it is loaded)
        return None


def read_section(key: str) -> Mapping[str, Any]:
    """Return ``ZEMANTA_OPS[key]``, or an empty mapping if there is none."""
    whole = read_django_setting(SETTING)
    part = whole.get(key) if isinstance(whole, Mapping) else None
    return part if isinstance(part, Mapping) else {}


def has_section(key: str) -> bool:
    """Return whether ``ZEMANTA_OPS`` has a section, even an empty one."""
    whole = read_django_setting(SETTING)
    return isinstance(whole, Mapping) and key in whole


class Setting(Generic[T]):
    """A typed property: name, default, and the function that converts text or a Python value to ``T``.

    ``old_name`` is the setting of django-statsd-influx that it replaces.
    """

    def __init__(
        self, default: T | Callable[[], T], parse: Callable[[Any], T], old_name: str = "", doc: str = ""
    ) -> None:
        self.default = default
        self.old_name = old_name
        self._parse = parse
        self.__doc__ = doc

    def __set_name__(self, owner: type[Section], name: str) -> None:
        self.name = name.upper()

    @overload
    def __get__(self, instance: None, owner: type[Section]) -> Setting[T]: ...
    @overload
    def __get__(self, instance: Section, owner: type[Section]) -> T: ...
    def __get__(self, instance: Section | None, owner: type[Section]) -> Setting[T] | T:
        if instance is None:
            return self
        for _, raw in instance.list_sources(self):
            try:
                return self.parse(raw)
            except (TypeError, ValueError):
                continue
        default = self.default
        return default() if callable(default) else default

    def parse(self, raw: Any) -> T:
        """Return the value.

        Raises:
            DeferredError: The value is a secret that this process does not decrypt.
            ValueError: It is not one that the setting accepts; the message does not repeat it.

        """
        parsing.refuse_deferred(raw)
        return self._parse(raw)


@dataclass(frozen=True)
class Fault:
    """A value that cannot be used.

    ``place`` is where it was given and ``reason`` the rest of a sentence; the value, which may be a secret, is in
    neither. ``is_decisive`` means that no other place takes precedence. ``is_deferred`` means that the value is a
    secret that this process does not decrypt.
    """

    setting: Setting[Any]
    place: str
    reason: str
    is_decisive: bool
    is_deferred: bool

    def __str__(self) -> str:
        return f"{self.place} {self.reason}"


class Section:
    """One key of ``ZEMANTA_OPS``; its settings are class attributes."""

    key = ""
    env_prefix = ""

    @classmethod
    def settings(cls) -> dict[str, Setting[Any]]:
        """Return the settings of this section by upper-case name."""
        return {item.name: item for item in vars(cls).values() if isinstance(item, Setting)}

    def list_sources(self, setting: Setting[Any]) -> list[tuple[str, Any]]:
        """Return ``(place, raw value)`` for every place that has the setting, by precedence."""
        found: list[tuple[str, Any]] = []
        if self.env_prefix and self.env_prefix + setting.name in os.environ:
            found.append((self.env_prefix + setting.name, os.environ[self.env_prefix + setting.name]))
        values = read_section(self.key)
        if setting.name in values:
            _name_secret(values[setting.name], f"{SETTING}.{self.key}.{setting.name}")
            found.append((f'{SETTING}["{self.key}"]["{setting.name}"]', values[setting.name]))
        if setting.old_name and (old := read_django_setting(setting.old_name)) is not None:
            # The README of django-statsd-influx ends these lines with a comma, which makes them 1-tuples.
            found.append((setting.old_name, old[0] if isinstance(old, tuple) and len(old) == 1 else old))
        return found

    @property
    def place(self) -> str:
        """Where the section is, for people."""
        return f'{SETTING}["{self.key}"]'

    def list_given(self) -> set[str]:
        """Return the names of the settings that have a value other than empty text; a secret counts as a value."""
        values = read_section(self.key)
        # A secret that was not decrypted raises when it is compared, so the class is asked first.
        return {name for name in self.settings() if name in values and not _is_empty(values[name])}

    def find_conflicts(self) -> Iterator[str]:
        """Yield a sentence for each contradiction between the settings of this section."""
        yield from ()

    def find_faults(self) -> Iterator[Fault]:
        """Yield a fault for each value that cannot be used, in every place."""
        for setting in self.settings().values():
            for rank, (place, raw) in enumerate(self.list_sources(setting)):
                try:
                    setting.parse(raw)
                except (TypeError, ValueError) as error:
                    deferred = isinstance(error, parsing.DeferredError)
                    yield Fault(setting, place, str(error), rank == 0, deferred)


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, (str, list, tuple)) and not value)


def _name_secret(value: Any, path: str) -> None:
    """Let a Secret, which is recognized by its ``bind_to()``, know its setting, for overrides and for its binding."""
    bind_to = getattr(type(value), "bind_to", None)
    if callable(bind_to):
        bind_to(value, path, None)
