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
from collections.abc import Iterator, Mapping
from typing import Any

from zemanta_ops import parsing, times
from zemanta_ops.setting import SETTING, Fault, Section, Setting, read_section

__all__ = ["conf"]

ENV_PREFIX = "ZEMANTA_OPS_METRICS_"


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
    host = Setting("127.0.0.1", parsing.accept_host, "STATSD_INFLUX_HOST", "the agent's host name or address")
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
    exclude_views: Setting[tuple[str, ...]] = Setting(
        (), parsing.accept_strings, doc="values of the tag view that are not measured; a * at the end makes it a prefix"
    )
    sample_rate = Setting(1.0, parsing.accept_sample_rate, doc="share of the requests that is measured: 1, 1/2, 1/3 …")
    buckets: Setting[tuple[float, ...]] = Setting(
        (), parsing.accept_buckets, doc="limits in milliseconds of the counters that percentiles over hosts come from"
    )
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
    agent_jitter = Setting(
        0.0, parsing.accept_number(0, 3600), doc="most seconds by which the agent delays a write, so that nodes differ"
    )


class DatabaseSection(Section):
    """A section that names the database that the agent writes to and the commands read from; one of them at a time."""

    url_name = "WRITE_URL"

    def names_database(self) -> bool:
        """Return whether it has a URL; an empty one leaves the database out."""
        return self.url_name in self.list_given()

    def find_conflicts(self) -> Iterator[str]:
        """Yield a sentence for each contradiction between the settings of this section."""
        given = self.list_given()
        if given and self.url_name not in read_section(self.key):
            yield f'{self.place} has no {self.url_name}. Add it, or set it to "" to leave {self.key} out'
        if "PASSWORD" in given and "USERNAME" not in given:
            yield f"{self.place} has PASSWORD but not USERNAME. Add USERNAME"


class InfluxDB(DatabaseSection):
    """``ZEMANTA_OPS["INFLUXDB"]``."""

    key = "INFLUXDB"
    url_name = "URL"

    url = Setting("", parsing.accept_url, doc="for example http://127.0.0.1:8086")
    database = Setting("", parsing.accept_database, doc="InfluxDB 1.x: the database, or database/policy")
    username = Setting("", parsing.accept_username, doc="InfluxDB 1.x: the user")
    password = Setting("", parsing.accept_text, doc="InfluxDB 1.x: the user's password")
    org = Setting("", parsing.accept_text, doc="InfluxDB 2.x: the organisation")
    bucket = Setting("", parsing.accept_text, doc="InfluxDB 2.x: the bucket")
    token = Setting("", parsing.accept_token, doc="InfluxDB 2.x: an API token")
    retention: Setting[int | None] = Setting(
        None, times.accept_duration, doc="how long the database keeps points, for example 90d"
    )

    def find_conflicts(self) -> Iterator[str]:
        """Yield a sentence for each contradiction between the settings of this section."""
        yield from super().find_conflicts()
        if not self.names_database():
            return
        given = self.list_given()
        if ("DATABASE" in given) == ("BUCKET" in given):
            yield f"{self.place} needs either DATABASE (InfluxDB 1.x) or BUCKET with ORG and TOKEN (InfluxDB 2.x)"
        elif "BUCKET" in given and "ORG" not in given:
            yield f"{self.place} has BUCKET but not ORG. Add ORG"


class VictoriaMetrics(DatabaseSection):
    """``ZEMANTA_OPS["VICTORIAMETRICS"]``: used instead of INFLUXDB."""

    key = "VICTORIAMETRICS"

    write_url: Setting[tuple[str, ...]] = Setting(
        (), parsing.accept_urls, doc="for example http://vm:8428, or http://vminsert:8480/insert/0/influx"
    )
    read_url = Setting("", parsing.accept_url, doc="for example http://vmselect:8481/select/0/prometheus")
    username = Setting("", parsing.accept_username, doc="user for HTTP basic authentication")
    password = Setting("", parsing.accept_text, doc="that user's password")
    database = Setting("telegraf", parsing.accept_text, doc="value of the label db")
    nodes: Setting[tuple[str, ...]] = Setting(
        (), parsing.accept_urls, doc="the single nodes behind vmagent and vmauth, for generate_stack victoriametrics"
    )

    def find_conflicts(self) -> Iterator[str]:
        """Yield a sentence for each contradiction between the settings of this section."""
        yield from super().find_conflicts()
        if self.nodes and not self.read_url:
            yield f"{self.place} has NODES but not READ_URL. Set READ_URL to the address of vmauth"


class Prometheus(DatabaseSection):
    """``ZEMANTA_OPS["PROMETHEUS"]``: a database behind Prometheus' remote write, used instead of INFLUXDB."""

    key = "PROMETHEUS"

    write_url = Setting("", parsing.accept_url, doc="for example http://prometheus:9090/api/v1/write")
    read_url = Setting("", parsing.accept_url, doc="for example http://prometheus:9090")
    username = Setting("", parsing.accept_username, doc="user for HTTP basic authentication")
    password = Setting("", parsing.accept_text, doc="that user's password")

    def find_conflicts(self) -> Iterator[str]:
        """Yield a sentence for each contradiction between the settings of this section."""
        yield from super().find_conflicts()
        if self.write_url and not self.read_url:
            yield f"{self.place} has no READ_URL. Add the address that PromQL is sent to"


class CloudWatch(Section):
    """``ZEMANTA_OPS["CLOUDWATCH"]``: what ``push_cloudwatch`` fetches."""

    key = "CLOUDWATCH"

    regions: Setting[tuple[str, ...]] = Setting(
        (), parsing.accept_strings, doc="AWS regions to ask; empty: the one that the environment of AWS names"
    )
    roles: Setting[tuple[str, ...]] = Setting(
        ("own",), parsing.accept_strings, doc="ARNs of roles to assume; own is the identity of the process"
    )
    linked_accounts = Setting(False, parsing.accept_boolean, doc="include accounts that share their metrics")
    resource_tags: Setting[tuple[str, ...]] = Setting(
        (), parsing.accept_strings, doc="AWS tags of resources that become tags of their series"
    )
    tags: Setting[Mapping[str, Any]] = Setting(dict, parsing.accept_tags, doc="tags on every series")
    declarations: Setting[Mapping[str, Any]] = Setting(
        dict, parsing.accept_by_name, doc="what to fetch, by name; shipped ones are changed by their name"
    )


class Alerts(Section):
    """``ZEMANTA_OPS["ALERTS"]``: whom ``check_alerts`` notifies."""

    key = "ALERTS"

    receivers: Setting[Mapping[str, Any]] = Setting(
        dict, parsing.accept_by_name, doc="who is notified, by name; BACKEND chooses how"
    )
    runbooks = Setting("", parsing.accept_url, doc="the address of the page that generate_stack runbooks wrote")


class Conf:
    """All settings of the package: ``conf.metrics.port``, ``conf.influxdb.url``."""

    metrics = Metrics()
    influxdb = InfluxDB()
    victoriametrics = VictoriaMetrics()
    prometheus = Prometheus()
    cloudwatch = CloudWatch()
    alerts = Alerts()

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

    @classmethod
    def list_databases(cls) -> list[DatabaseSection]:
        """Return the sections that name a database; more than one is a conflict."""
        return [each for each in cls.sections().values() if isinstance(each, DatabaseSection) and each.names_database()]

    @classmethod
    def find_conflicts(cls) -> Iterator[str]:
        """Yield a sentence for each contradiction within a section, and between the sections."""
        for section in cls.sections().values():
            yield from section.find_conflicts()
        names = [section.key for section in cls.list_databases()]
        if len(names) > 1:
            yield f"{SETTING} has {' and '.join(names)}. Keep one: the agent writes to one database"


conf = Conf()
