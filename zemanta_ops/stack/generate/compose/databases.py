"""The database of a compose file: the one that the settings name, if it can run on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult

from zemanta_ops.conf import conf
from zemanta_ops.stack.databases import victoriametrics
from zemanta_ops.stack.databases.urls import DEFAULT_PORT, split_url
from zemanta_ops.stack.generate.files import IsSecret, SettingsError

Service = dict[str, Any]

# The versions that the tests run.
IMAGES = {
    "influxdb1": "influxdb:1.8.10",
    "influxdb2": "influxdb:2.7.12",
    "victoriametrics": "victoriametrics/victoria-metrics:v1.151.0",
}
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_HERE = {"INFLUXDB URL": "http://127.0.0.1:8086", "VICTORIAMETRICS WRITE_URL": "http://127.0.0.1:8428"}


@dataclass(frozen=True)
class LocalDatabase:
    """A database that compose runs.

    Attributes:
        name: What its service is called.
        service: The service.
        credentials: Variables that Telegraf and Grafana read too.
        setup: Variables that the database alone reads.
        has_kapacitor: Whether Kapacitor can read it.
        warnings: What compose does not do for it.

    """

    name: str
    service: Service
    credentials: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()
    has_kapacitor: bool = False
    warnings: tuple[str, ...] = ()


def choose_database(is_secret: IsSecret) -> LocalDatabase:
    """Return the database that the settings name.

    Raises:
        SettingsError: None is configured, it is not on this machine, or a setting that is needed is secret.

    """
    databases = conf.list_databases()
    if conf.prometheus in databases:
        raise SettingsError("PROMETHEUS is not run by compose. Configure INFLUXDB or VICTORIAMETRICS to run it here")
    if conf.victoriametrics in databases:
        return _run_victoriametrics(is_secret)
    influxdb = conf.influxdb
    if not influxdb.url:
        places = ", or ".join(f"{place} to {url}" for place, url in _HERE.items())
        raise SettingsError(f"No database is configured. Set {places}")
    url = _split_local("INFLUXDB URL", influxdb.url)
    _refuse_secrets("INFLUXDB", (influxdb.url, influxdb.database, influxdb.org, influxdb.bucket), is_secret)
    return _run_influxdb2(url) if influxdb.bucket else _run_influxdb1(url)


def read_variables(names: Sequence[str]) -> dict[str, str]:
    """Return variables as compose takes them from the environment of whoever runs it."""
    return {name: f"${{{name}:?is not set}}" for name in names}


def _split_local(place: str, given: str) -> SplitResult:
    url = split_url(given)
    if url.hostname not in LOOPBACK:
        raise SettingsError(f"{place} is on another machine. Set it to {_HERE[place]} to run it on this one")
    return url


def _refuse_secrets(section: str, values: Sequence[str], is_secret: IsSecret) -> None:
    if any(is_secret(each) for each in values if each):
        raise SettingsError(f"{section} has a secret beside its credentials, which no generated file may have")


def _run_influxdb1(url: SplitResult) -> LocalDatabase:
    database, _, policy = conf.influxdb.database.partition("/")
    warning = f"compose creates the database without its retention policy {policy}: create it before Telegraf writes"
    service = {
        "image": IMAGES["influxdb1"],
        "network_mode": "host",
        "restart": "unless-stopped",
        "environment": {
            "INFLUXDB_DB": _escape(database),
            "INFLUXDB_HTTP_BIND_ADDRESS": f"127.0.0.1:{url.port or DEFAULT_PORT}",
            "INFLUXDB_BIND_ADDRESS": "127.0.0.1:8088",
            "INFLUXDB_REPORTING_DISABLED": "true",
        },
        "volumes": ["database:/var/lib/influxdb"],
    }
    credentials = ("INFLUX_USERNAME", "INFLUX_PASSWORD") if conf.influxdb.username else ()
    warnings = (warning,) if policy else ()
    return LocalDatabase("influxdb", service, credentials, has_kapacitor=True, warnings=warnings)


def _run_influxdb2(url: SplitResult) -> LocalDatabase:
    service = {
        "image": IMAGES["influxdb2"],
        "network_mode": "host",
        "restart": "unless-stopped",
        "environment": {
            "INFLUXD_HTTP_BIND_ADDRESS": f"127.0.0.1:{url.port or DEFAULT_PORT}",
            "INFLUXD_REPORTING_DISABLED": "true",
            "DOCKER_INFLUXDB_INIT_MODE": "setup",
            "DOCKER_INFLUXDB_INIT_USERNAME": "admin",
            "DOCKER_INFLUXDB_INIT_PASSWORD": "${INFLUX_PASSWORD:?is not set}",
            "DOCKER_INFLUXDB_INIT_ADMIN_TOKEN": "${INFLUX_TOKEN:?is not set}",
            "DOCKER_INFLUXDB_INIT_ORG": _escape(conf.influxdb.org),
            "DOCKER_INFLUXDB_INIT_BUCKET": _escape(conf.influxdb.bucket),
        },
        "volumes": ["database:/var/lib/influxdb2"],
    }
    return LocalDatabase("influxdb", service, ("INFLUX_TOKEN",), ("INFLUX_PASSWORD",))


def _run_victoriametrics(is_secret: IsSecret) -> LocalDatabase:
    section = conf.victoriametrics
    place = "VICTORIAMETRICS WRITE_URL"
    if section.nodes or len(section.write_url) > 1:
        raise SettingsError(f"compose runs one VictoriaMetrics. Set {place} to {_HERE[place]}, and leave NODES out")
    url = _split_local(place, section.write_url[0])
    if url.path.strip("/") or section.read_url.rstrip("/") not in ("", section.write_url[0].rstrip("/")):
        raise SettingsError(f"compose runs a single node. Set {place} to {_HERE[place]}, and leave READ_URL out")
    _refuse_secrets("VICTORIAMETRICS", (*section.write_url, section.read_url, section.database), is_secret)
    credentials = ("VM_USERNAME", "VM_PASSWORD") if section.username else ()
    flags = ["-httpAuth.username=%{VM_USERNAME}", "-httpAuth.password=%{VM_PASSWORD}"] if credentials else []
    service = {
        "image": IMAGES["victoriametrics"],
        "network_mode": "host",
        "restart": "unless-stopped",
        "command": [
            f"-httpListenAddr=127.0.0.1:{url.port or victoriametrics.DEFAULT_PORT}",
            "-storageDataPath=/victoria-metrics-data",
            "-retentionPeriod=1y",
            # A point that is written twice counts once.
            "-dedup.minScrapeInterval=1ms",
            *flags,
        ],
        "environment": read_variables(credentials),
        "volumes": ["database:/victoria-metrics-data"],
    }
    return LocalDatabase("victoriametrics", service, credentials)


def _escape(text: str) -> str:
    return text.replace("$", "$$")
