"""Generate compose.yaml for the files that the other targets write into the same folder.

All services share the network of the machine and listen on its loopback address alone: the address in the settings is
then the address for the application, for Telegraf and for Grafana, and the very same files run without containers.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import SplitResult

from zemanta_ops.conf import conf
from zemanta_ops.stack.databases.urls import DEFAULT_PORT, split_url
from zemanta_ops.stack.generate.files import Generated, GeneratedFile, IsSecret, SettingsError
from zemanta_ops.stack.settings import list_faults

Service = dict[str, Any]

# The versions that the tests run, and of Grafana the one whose schema they check against.
IMAGES = {
    "telegraf": "telegraf:1.39",
    "influxdb1": "influxdb:1.8.10",
    "influxdb2": "influxdb:2.7.12",
    "grafana": "grafana/grafana:13.2.3",
    "kapacitor": "kapacitor:1.5.9",
}
# Read from the environment of whoever runs it, so the file can be generated without them.
CREDENTIALS = ("USERNAME", "PASSWORD", "TOKEN")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_GRAFANA_PORT = 3000
_HEADER = """\
# Written by: manage.py generate_stack compose
# Beside it belong the files of: manage.py generate_stack telegraf, generate_stack grafana{kapacitor}
# Set GRAFANA_PASSWORD{more}, then run: docker compose up
"""


def generate(is_secret: IsSecret) -> Generated:
    """Return compose.yaml.

    Raises:
        SettingsError: No database is configured, it is not on this machine, or a setting that is needed is secret.

    """
    if faults := list_faults(unused=CREDENTIALS):
        raise SettingsError("; ".join(faults))
    influxdb = conf.influxdb
    if not influxdb.url:
        raise SettingsError("INFLUXDB is not configured. Set URL to http://127.0.0.1:8086, and DATABASE or BUCKET")
    url = split_url(influxdb.url)
    if url.hostname not in LOOPBACK:
        raise SettingsError("INFLUXDB URL is on another machine. Set it to http://127.0.0.1:8086 to run it on this one")
    if any(is_secret(each) for each in (influxdb.url, influxdb.database, influxdb.org, influxdb.bucket)):
        raise SettingsError("INFLUXDB has a secret beside its credentials, which no generated file may have")
    services = {"telegraf": _run_telegraf(), "grafana": _run_grafana()}
    services |= _run_influxdb2(url) if influxdb.bucket else _run_influxdb1(url)
    volumes: dict[str, Any] = {"database": {}, "grafana": {}, **({"kapacitor": {}} if "kapacitor" in services else {})}
    text = json.dumps({"services": services, "volumes": volumes}, indent=2)
    more = " and INFLUX_PASSWORD, INFLUX_TOKEN" if influxdb.bucket else ""
    kapacitor = ", generate_stack kapacitor" if "kapacitor" in services else ""
    header = _HEADER.format(more=more, kapacitor=kapacitor)
    return Generated([GeneratedFile("compose.yaml", f"{header}{text}\n")])


def _run_telegraf() -> Service:
    return {
        "image": IMAGES["telegraf"],
        "network_mode": "host",
        "restart": "unless-stopped",
        "command": ["telegraf", "--strict-env-handling", "--config", "/etc/telegraf/telegraf.conf"],
        "environment": _read_credentials(),
        "volumes": ["./telegraf.conf:/etc/telegraf/telegraf.conf:ro"],
        "depends_on": ["influxdb"],
    }


def _run_grafana() -> Service:
    return {
        "image": IMAGES["grafana"],
        "network_mode": "host",
        "restart": "unless-stopped",
        "environment": {
            "GF_SERVER_HTTP_ADDR": "127.0.0.1",
            "GF_SERVER_HTTP_PORT": str(_GRAFANA_PORT),
            "GF_SECURITY_ADMIN_PASSWORD": "${GRAFANA_PASSWORD:?is not set}",
            "GF_ANALYTICS_REPORTING_ENABLED": "false",
            **_read_credentials(),
        },
        # The credentials of receivers, if there are alert rules.
        "env_file": [{"path": "./grafana.env", "required": False}],
        "volumes": [
            "./provisioning:/etc/grafana/provisioning:ro",
            "./dashboards:/etc/grafana/dashboards:ro",
            "grafana:/var/lib/grafana",
        ],
        "depends_on": ["influxdb"],
    }


def _run_influxdb1(url: SplitResult) -> dict[str, Service]:
    port = url.port or DEFAULT_PORT
    database = conf.influxdb.database.partition("/")[0]
    influxdb = {
        "image": IMAGES["influxdb1"],
        "network_mode": "host",
        "restart": "unless-stopped",
        "environment": {
            "INFLUXDB_DB": database,
            "INFLUXDB_HTTP_BIND_ADDRESS": f"127.0.0.1:{port}",
            "INFLUXDB_BIND_ADDRESS": "127.0.0.1:8088",
            "INFLUXDB_REPORTING_DISABLED": "true",
        },
        "volumes": ["database:/var/lib/influxdb"],
    }
    kapacitor = {
        "image": IMAGES["kapacitor"],
        "network_mode": "host",
        "restart": "unless-stopped",
        # Only with alerts: docker compose --profile alerts up
        "profiles": ["alerts"],
        "env_file": [{"path": "./kapacitor/kapacitor.env", "required": False}],
        "volumes": [
            "./kapacitor/kapacitor.conf:/etc/kapacitor/kapacitor.conf:ro",
            "./kapacitor/load:/etc/kapacitor/load:ro",
            "kapacitor:/var/lib/kapacitor",
        ],
        "depends_on": ["influxdb"],
    }
    return {"influxdb": influxdb, "kapacitor": kapacitor}


def _run_influxdb2(url: SplitResult) -> dict[str, Service]:
    influxdb = {
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
    return {"influxdb": influxdb}


def _read_credentials() -> dict[str, str]:
    """Return the variables that Telegraf and Grafana read; compose takes them from the environment."""
    if conf.influxdb.bucket:
        return {"INFLUX_TOKEN": "${INFLUX_TOKEN:?is not set}"}
    if conf.influxdb.username:
        return {name: f"${{{name}:?is not set}}" for name in ("INFLUX_USERNAME", "INFLUX_PASSWORD")}
    return {}


def _escape(text: str) -> str:
    return text.replace("$", "$$")
