"""Generate compose.yaml for the files that the other targets write into the same folder.

All services share the network of the machine and listen on its loopback address alone: the address in the settings is
then the address for the application, for Telegraf and for Grafana, and the very same files run without containers.
"""

from __future__ import annotations

import json

from zemanta_ops.stack.generate.compose.databases import LocalDatabase, Service, choose_database, read_variables
from zemanta_ops.stack.generate.files import Generated, GeneratedFile, IsSecret, SettingsError
from zemanta_ops.stack.settings import list_faults

# The versions that the tests run, and of Grafana the one whose schema they check against.
IMAGES = {
    "telegraf": "telegraf:1.39",
    "grafana": "grafana/grafana:13.2.3",
    "kapacitor": "kapacitor:1.5.9",
}
# Read from the environment of whoever runs it, so the file can be generated without them.
CREDENTIALS = ("USERNAME", "PASSWORD", "TOKEN")
_GRAFANA_PORT = 3000
_HEADER = """\
# Written by: manage.py generate_stack compose
# Beside it belong the files of: manage.py generate_stack telegraf, generate_stack grafana{kapacitor}
# Set {variables}, then run: docker compose up
"""


def generate(is_secret: IsSecret) -> Generated:
    """Return compose.yaml.

    Raises:
        SettingsError: No database is configured, it is not on this machine, or a setting that is needed is secret.

    """
    if faults := list_faults(unused=CREDENTIALS):
        raise SettingsError("; ".join(faults))
    database = choose_database(is_secret)
    services = {"telegraf": _run_telegraf(database), "grafana": _run_grafana(database), database.name: database.service}
    if database.has_kapacitor:
        services["kapacitor"] = _run_kapacitor(database)
    volumes: Service = {
        name: {} for name in ("database", "grafana", *(["kapacitor"] if database.has_kapacitor else []))
    }
    text = json.dumps({"services": services, "volumes": volumes}, indent=2)
    header = _HEADER.format(
        kapacitor=", generate_stack kapacitor" if database.has_kapacitor else "",
        variables=", ".join(["GRAFANA_PASSWORD", *database.setup, *database.credentials]),
    )
    return Generated([GeneratedFile("compose.yaml", f"{header}{text}\n")], list(database.warnings))


def _run_telegraf(database: LocalDatabase) -> Service:
    return {
        "image": IMAGES["telegraf"],
        "network_mode": "host",
        "restart": "unless-stopped",
        "command": ["telegraf", "--strict-env-handling", "--config", "/etc/telegraf/telegraf.conf"],
        "environment": read_variables(database.credentials),
        "volumes": ["./telegraf.conf:/etc/telegraf/telegraf.conf:ro"],
        "depends_on": [database.name],
    }


def _run_grafana(database: LocalDatabase) -> Service:
    return {
        "image": IMAGES["grafana"],
        "network_mode": "host",
        "restart": "unless-stopped",
        "environment": {
            "GF_SERVER_HTTP_ADDR": "127.0.0.1",
            "GF_SERVER_HTTP_PORT": str(_GRAFANA_PORT),
            "GF_SECURITY_ADMIN_PASSWORD": "${GRAFANA_PASSWORD:?is not set}",
            "GF_ANALYTICS_REPORTING_ENABLED": "false",
            **read_variables(database.credentials),
        },
        # The credentials of receivers, if there are alert rules.
        "env_file": [{"path": "./grafana.env", "required": False}],
        "volumes": [
            "./provisioning:/etc/grafana/provisioning:ro",
            "./dashboards:/etc/grafana/dashboards:ro",
            "grafana:/var/lib/grafana",
        ],
        "depends_on": [database.name],
    }


def _run_kapacitor(database: LocalDatabase) -> Service:
    return {
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
        "depends_on": [database.name],
    }
