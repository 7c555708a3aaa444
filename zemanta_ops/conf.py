"""The settings of the package: one typed property per setting, with its default, its old name and its faults.

A value comes from the first place that has it: the environment (``ZEMANTA_OPS_METRICS_<NAME>``, metrics only), the
dict ``ZEMANTA_OPS`` in the Django settings, the setting of django-statsd-influx that it replaces, the default. It is
read on every access, so tests may override settings. A value that cannot be used counts as absent, because metrics
never raise into a request; ``find_faults`` reports it, to the system checks and to the commands.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload

from zemanta_ops import parsing

__all__ = ["conf"]

T = TypeVar("T")

ENV_PREFIX = "ZEMANTA_OPS_METRICS_"
SETTING = "ZEMANTA_OPS"


def read_django_setting(name: str) -> Any:
    """Return a Django setting, or None if it is absent or Django is not configured."""
    from django.conf import settings

    try:
        return getattr(settings, name, None)
    except Exception:  # noqa: BLE001  (the settings module may raise anything when it is loaded)
        return None


def are_settings_ready() -> bool:
    """Return whether the Django settings can be read now: not while their module is being loaded.

    True also if there are none, or if reading them loads them.
    """
    from django.conf import ENVIRONMENT_VARIABLE, settings

    return settings.configured or os.environ.get(ENVIRONMENT_VARIABLE, "") not in sys.modules


def are_settings_loaded() -> bool:
    """Return whether the Django settings are there, so that what was read from them is final."""
    from django.conf import settings

    return bool(settings.configured)


def read_section(key: str) -> Mapping[str, Any]:
    """Return ``ZEMANTA_OPS[key]``, or an empty mapping if there is none."""
    whole = read_django_setting(SETTING)
    part = whole.get(key) if isinstance(whole, Mapping) else None
    return part if isinstance(part, Mapping) else {}


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

    ``place`` names its source and ``reason`` is the rest of a sentence; the value, which may be a secret, is in
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
            found.append((f'{SETTING}["{self.key}"]["{setting.name}"]', values[setting.name]))
        if setting.old_name and (old := read_django_setting(setting.old_name)) is not None:
            # The README of django-statsd-influx ends these lines with a comma, which makes them 1-tuples.
            found.append((setting.old_name, old[0] if isinstance(old, tuple) and len(old) == 1 else old))
        return found

    def find_faults(self) -> Iterator[Fault]:
        """Yield a fault for each value that cannot be used, in every place."""
        for setting in self.settings().values():
            for rank, (place, raw) in enumerate(self.list_sources(setting)):
                try:
                    setting.parse(raw)
                except (TypeError, ValueError) as error:
                    deferred = isinstance(error, parsing.DeferredError)
                    yield Fault(setting, place, str(error), rank == 0, deferred)


def read_hostname() -> str | None:
    """Return the name of this machine with dots replaced by dashes, as in django-statsd-influx's tag."""
    try:
        return socket.gethostname().replace(".", "-") or None
    except OSError:
        return None


class Metrics(Section):
    """``ZEMANTA_OPS["METRICS"]``."""

    key = "METRICS"
    env_prefix = ENV_PREFIX

    enabled: Setting[bool | None] = Setting(None, parsing.accept_boolean, doc="None: on, except while tests run")
    host = Setting("127.0.0.1", parsing.accept_text, "STATSD_INFLUX_HOST", "the agent's host name or address")
    port = Setting(8125, parsing.accept_port, "STATSD_INFLUX_PORT", "the agent's port")
    protocol = Setting("udp", parsing.accept_one_of("udp", "tcp"), doc="udp or tcp")
    dialect = Setting("influx", parsing.accept_one_of("influx", "dogstatsd"), doc="how tags are written on the wire")
    prefix = Setting("", parsing.accept_text, "PROJECT_NAME", "put before every metric name, with a dot")
    tags: Setting[Mapping[str, Any]] = Setting(
        dict, parsing.accept_tags, doc="tags on every metric: environment, version"
    )
    host_tag: Setting[str | None] = Setting(
        read_hostname, parsing.accept_host_tag, "HOSTNAME", "value of the tag host; None leaves the tag to the agent"
    )
    datagram_bytes = Setting(1432, parsing.accept_whole(64, 65507), doc="largest datagram, in bytes")
    flush_seconds = Setting(1.0, parsing.accept_number(0.01, 3600), doc="how often the buffer is sent, in seconds")
    queue_size = Setting(100_000, parsing.accept_whole(1, 100_000_000), doc="most samples that wait for a flush")
    max_series = Setting(5000, parsing.accept_whole(1, 10_000_000), doc="most series of one metric name")
    max_names = Setting(1000, parsing.accept_whole(1, 10_000_000), doc="most metric names of one process")
    max_tag_keys = Setting(50, parsing.accept_whole(1, 10_000), doc="most tag keys of one metric name")
    max_tag_values = Setting(1000, parsing.accept_whole(1, 10_000_000), doc="most values of one tag of one metric name")
    exclude_paths: Setting[tuple[str, ...]] = Setting(
        (), parsing.accept_strings, doc="paths that are not measured; a * at the end makes it a prefix"
    )
    sample_rate = Setting(1.0, parsing.accept_sample_rate, doc="share of the requests that is measured: 1, 1/2, 1/3 …")
    request_tags = Setting("", parsing.accept_text, doc="dotted path of a function (request, response) -> dict of tags")
    instrument: Setting[tuple[str, ...]] = Setting(
        (), parsing.accept_strings, doc="names of the instrumentations to install, and dotted paths of your own"
    )
    gauge_lock = Setting(
        "database", parsing.accept_text, doc="what lets one collector run: database, cache:<alias> or none"
    )
    legacy_names: Setting[tuple[str, ...]] = Setting(
        (), parsing.accept_strings, doc="patterns of legacy dotted names, which Telegraf converts to tags"
    )
    generate_targets: Setting[Mapping[str, str]] = Setting(
        dict,
        parsing.accept_paths,
        doc="targets of generate_stack that the project adds: name to dotted path of a module",
    )
    agent_interval = Setting(10.0, parsing.accept_number(0.1, 3600), doc="the agent's collection interval, in seconds")


class InfluxDB(Section):
    """``ZEMANTA_OPS["INFLUXDB"]``: the database that the agent writes to and the commands read from."""

    key = "INFLUXDB"

    url = Setting("", parsing.accept_text, doc="for example http://127.0.0.1:8086")
    database = Setting("", parsing.accept_text, doc="InfluxDB 1.x: the database")
    username = Setting("", parsing.accept_text, doc="InfluxDB 1.x: the user")
    password = Setting("", parsing.accept_text, doc="InfluxDB 1.x: the user's password")
    org = Setting("", parsing.accept_text, doc="InfluxDB 2.x: the organisation")
    bucket = Setting("", parsing.accept_text, doc="InfluxDB 2.x: the bucket")
    token = Setting("", parsing.accept_text, doc="InfluxDB 2.x: an API token")


class Conf:
    """All settings of the package: ``conf.metrics.port``, ``conf.influxdb.url``."""

    metrics = Metrics()
    influxdb = InfluxDB()

    @classmethod
    def sections(cls) -> dict[str, Section]:
        """Return the sections by their key in ``ZEMANTA_OPS``."""
        return {item.key: item for item in vars(cls).values() if isinstance(item, Section)}

    @classmethod
    def old_names(cls) -> tuple[str, ...]:
        """Return the settings of django-statsd-influx that are still read."""
        settings = [setting for section in cls.sections().values() for setting in section.settings().values()]
        return tuple(setting.old_name for setting in settings if setting.old_name)

    @classmethod
    def find_faults(cls) -> Iterator[Fault]:
        """Yield the faults of all sections."""
        for section in cls.sections().values():
            yield from section.find_faults()


conf = Conf()
