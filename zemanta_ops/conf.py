"""The only reader of ``django.conf.settings``: one typed property a setting, the default beside it.

A value comes from the first place that has it: the environment (``ZEMANTA_OPS_METRICS_<NAME>``, metrics only), the
dict ``ZEMANTA_OPS`` in the Django settings, the setting of django-statsd-influx that it replaces, the default. It is
read on every access, so tests may override settings. A value of the wrong type counts as absent here, because metrics
never raise into a request; the system checks report it.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, overload

from zemanta_ops import parsing

T = TypeVar("T")

ENV_PREFIX = "ZEMANTA_OPS_METRICS_"
SETTING = "ZEMANTA_OPS"


def django_setting(name: str) -> Any:
    """Return a Django setting, or None where it is absent or Django is not configured."""
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured

    try:
        return getattr(settings, name, None)
    except ImproperlyConfigured:
        return None


def section(name: str) -> Mapping[str, Any]:
    """Return ``ZEMANTA_OPS[name]``, or an empty mapping where there is none."""
    whole = django_setting(SETTING)
    part = whole.get(name) if isinstance(whole, Mapping) else None
    return part if isinstance(part, Mapping) else {}


class Setting(Generic[T]):
    """A typed property: name, default, the function that turns raw text or a Python value into ``T``."""

    def __init__(
        self, default: T | Callable[[], T], parse: Callable[[Any], T], fallback: str = "", doc: str = ""
    ) -> None:
        self.default = default
        self.parse = parse
        self.fallback = fallback
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
        for _, raw in instance.sources(self):
            try:
                return self.parse(raw)
            except (TypeError, ValueError):
                continue
        default = self.default
        return default() if callable(default) else default


class Section:
    """One key of ``ZEMANTA_OPS``; its settings are class attributes."""

    key = ""
    env_prefix = ""

    @classmethod
    def settings(cls) -> dict[str, Setting[Any]]:
        """Return the settings of this section by upper-case name."""
        return {item.name: item for item in vars(cls).values() if isinstance(item, Setting)}

    def sources(self, setting: Setting[Any]) -> list[tuple[str, Any]]:
        """Return ``(place, raw value)`` of one setting, the strongest first; absent places are left out."""
        found: list[tuple[str, Any]] = []
        if self.env_prefix and self.env_prefix + setting.name in os.environ:
            found.append((self.env_prefix + setting.name, os.environ[self.env_prefix + setting.name]))
        values = section(self.key)
        if setting.name in values:
            found.append((f'{SETTING}["{self.key}"]["{setting.name}"]', values[setting.name]))
        if setting.fallback and (old := django_setting(setting.fallback)) is not None:
            # The README of django-statsd-influx ends these lines with a comma, which makes them 1-tuples.
            found.append((setting.fallback, old[0] if isinstance(old, tuple) and len(old) == 1 else old))
        return found


def hostname() -> str | None:
    """Return this machine's name with dots as dashes, as django-statsd-influx tagged it."""
    try:
        return socket.gethostname().replace(".", "-") or None
    except OSError:
        return None


class Metrics(Section):
    """``ZEMANTA_OPS["METRICS"]``."""

    key = "METRICS"
    env_prefix = ENV_PREFIX

    enabled: Setting[bool | None] = Setting(None, parsing.boolean, doc="None: on, except while tests run")
    host = Setting("127.0.0.1", parsing.text, "STATSD_INFLUX_HOST", "the agent's host name or address")
    port = Setting(8125, parsing.port, "STATSD_INFLUX_PORT", "the agent's port")
    protocol = Setting("udp", parsing.one_of("udp", "tcp"), doc="udp or tcp")
    dialect = Setting("influx", parsing.one_of("influx", "dogstatsd"), doc="how tags are written on the wire")
    prefix = Setting("", parsing.text, "PROJECT_NAME", "goes before every metric name, with a dot")
    tags: Setting[Mapping[str, Any]] = Setting(dict, parsing.tags, doc="tags on every metric: environment, version")
    host_tag: Setting[str | None] = Setting(
        hostname, parsing.host_tag, "HOSTNAME", "value of the tag host; None leaves the tag to the agent"
    )
    datagram_bytes = Setting(1432, parsing.whole(64, 65507), doc="largest datagram, in bytes")
    flush_seconds = Setting(1.0, parsing.number(0.01, 3600), doc="how often the buffer is sent, in seconds")
    queue_size = Setting(100_000, parsing.whole(1, 100_000_000), doc="most samples that wait for a flush")
    max_series = Setting(5000, parsing.whole(1, 10_000_000), doc="most series of one metric name")
    max_tag_values = Setting(1000, parsing.whole(1, 10_000_000), doc="most values of one tag of one metric name")
    exclude_paths: Setting[tuple[str, ...]] = Setting(
        (), parsing.strings, doc="paths that are not measured; a * at the end makes it a prefix"
    )
    sample_rate = Setting(1.0, parsing.sample_rate, doc="share of the requests that is measured: 1, 1/2, 1/3 …")
    request_tags = Setting("", parsing.text, doc="dotted path of a function (request, response) -> dict of tags")
    instrument: Setting[tuple[str, ...]] = Setting((), parsing.strings, doc="names of the instrumentations to install")
    gauge_lock = Setting("database", parsing.text, doc="what lets one collector run: database, cache:<alias> or none")
    legacy_names: Setting[tuple[str, ...]] = Setting(
        (), parsing.strings, doc="patterns of dotted names of before, which Telegraf is to take apart into tags"
    )
    agent_interval = Setting(10.0, parsing.number(0.1, 3600), doc="the agent's collection interval, in seconds")


class InfluxDB(Section):
    """``ZEMANTA_OPS["INFLUXDB"]``: where the agent writes and the commands look for it."""

    key = "INFLUXDB"

    url = Setting("", parsing.text, doc="for example http://127.0.0.1:8086")
    database = Setting("", parsing.text, doc="InfluxDB 1.x: the database")
    username = Setting("", parsing.text, doc="InfluxDB 1.x: the user")
    password = Setting("", parsing.text, doc="InfluxDB 1.x: the user's password")
    org = Setting("", parsing.text, doc="InfluxDB 2.x: the organisation")
    bucket = Setting("", parsing.text, doc="InfluxDB 2.x: the bucket")
    token = Setting("", parsing.text, doc="InfluxDB 2.x: an API token")


class Conf:
    """All settings of the package: ``conf.metrics.port``, ``conf.influxdb.url``."""

    metrics = Metrics()
    influxdb = InfluxDB()


conf = Conf()
