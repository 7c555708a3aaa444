"""The provisioning files of Grafana: where the metrics are, and where the dashboards are. No credentials."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zemanta_ops.stack.generate.grafana.layout import name_datasource

# Grafana expands variables of its environment in these files, in every text.
INFLUXDB2_TOKEN = "$INFLUX_TOKEN"  # noqa: S105  (a variable's name)
INFLUXDB_USER = ("$INFLUX_USERNAME", "$INFLUX_PASSWORD")
VICTORIAMETRICS_USER = ("$VM_USERNAME", "$VM_PASSWORD")
PROMETHEUS_USER = ("$PROMETHEUS_USERNAME", "$PROMETHEUS_PASSWORD")
FOLDER = "/etc/grafana/dashboards"
_HEADER = "# Written by: manage.py generate_stack grafana"


@dataclass(frozen=True)
class Source:
    """Where the metrics are; ``language`` is the one that dashboards ask in."""

    language: str
    url: str
    database: str = ""
    org: str = ""
    bucket: str = ""
    # The variables of the environment that have a user and a password; empty if the database asks for none.
    user: tuple[str, str] | None = None


def render_datasource_file(source: Source, project: str) -> str:
    """Return ``provisioning/datasources/zemanta_ops.yaml``."""
    entry: dict[str, Any] = {
        "name": f"{project} metrics",
        "uid": name_datasource(project),
        "access": "proxy",
        "url": _escape(source.url),
        "editable": False,
    }
    if source.language == "promql":
        entry |= {"type": "prometheus", "jsonData": {"httpMethod": "POST"}}
        if source.user:
            entry |= {"basicAuth": True, "basicAuthUser": source.user[0]}
            entry["secureJsonData"] = {"basicAuthPassword": source.user[1]}
    elif source.language == "flux":
        options = {"version": "Flux", "organization": _escape(source.org), "defaultBucket": _escape(source.bucket)}
        entry |= {"type": "influxdb", "jsonData": options, "secureJsonData": {"token": INFLUXDB2_TOKEN}}
    else:
        options = {"version": "InfluxQL", "dbName": _escape(source.database), "httpMode": "POST"}
        entry |= {"type": "influxdb", "jsonData": options}
        if source.user:
            entry |= {"user": source.user[0], "secureJsonData": {"password": source.user[1]}}
    return render_document({"apiVersion": 1, "datasources": [entry]})


def render_provider_file(project: str) -> str:
    """Return ``provisioning/dashboards/zemanta_ops.yaml``."""
    provider = {
        "name": f"zemanta_ops {project}",
        "orgId": 1,
        "folder": project,
        "type": "file",
        "disableDeletion": False,
        "allowUiUpdates": False,
        "updateIntervalSeconds": 30,
        "options": {"path": FOLDER, "foldersFromFilesStructure": False},
    }
    return render_document({"apiVersion": 1, "providers": [provider]})


def _escape(text: str) -> str:
    return text.replace("$", "$$")


def render_document(document: Mapping[str, Any]) -> str:
    """Return YAML: JSON is YAML too, and quotes whatever needs it."""
    return f"{_HEADER}\n{json.dumps(document, indent=2, ensure_ascii=False)}\n"
