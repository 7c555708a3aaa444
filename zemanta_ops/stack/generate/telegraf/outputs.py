"""The outputs of Telegraf: InfluxDB 1.x and 2.x, VictoriaMetrics, Prometheus' remote write, or standard output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from zemanta_ops.stack.databases.urls import show_url, split_url
from zemanta_ops.stack.generate.telegraf.toml import Text, Value, Variable

TOKEN = Variable("INFLUX_TOKEN", "an API token of InfluxDB 2.x that may write the bucket")
USERNAME = Variable("INFLUX_USERNAME", "a user of InfluxDB 1.x who may write the database")
PASSWORD = Variable("INFLUX_PASSWORD", "the password of that user")
# The values of these are in the file, unless they are secret.
URL = Variable("INFLUX_URL", "the URL of InfluxDB, with its port")
DATABASE = Variable("INFLUX_DATABASE", "the database")
POLICY = Variable("INFLUX_POLICY", "its retention policy")
ORG = Variable("INFLUX_ORG", "the organisation")
BUCKET = Variable("INFLUX_BUCKET", "the bucket")
VM_USERNAME = Variable("VM_USERNAME", "a user of VictoriaMetrics, vmagent or vmauth who may write")
VM_PASSWORD = Variable("VM_PASSWORD", "the password of that user")
VM_URL = Variable("VM_URL", "the URL of VictoriaMetrics, with its port")
REMOTE_USERNAME = Variable("REMOTE_WRITE_USERNAME", "a user who may send with remote write")
REMOTE_PASSWORD = Variable("REMOTE_WRITE_PASSWORD", "the password of that user")
REMOTE_URL = Variable("REMOTE_WRITE_URL", "the URL that remote write is sent to")

_TENANT_TAGS = ("vm_account_id", "vm_project_id")


class Output(Protocol):
    """A section ``[[outputs.…]]``."""

    @property
    def name(self) -> str:
        """The name of the plug-in."""
        ...

    def build_values(self) -> Mapping[str, Value]:
        """Return its settings; credentials are variables."""
        ...


@dataclass(frozen=True)
class InfluxDB1Output:
    """A database of InfluxDB 1.x."""

    url: Text
    database: Text
    policy: Text = ""
    auth: bool = False
    name = "influxdb"

    def build_values(self) -> Mapping[str, Value]:
        """Return the settings of ``outputs.influxdb``."""
        return {
            "urls": [self.url],
            "database": self.database,
            # Only an administrator may create it, and an agent should not have those rights.
            "skip_database_creation": True,
            **({"retention_policy": self.policy} if self.policy else {}),
            **({"username": USERNAME, "password": PASSWORD} if self.auth else {}),
        }


@dataclass(frozen=True)
class InfluxDB2Output:
    """A bucket of InfluxDB 2.x."""

    url: Text
    org: Text
    bucket: Text
    name = "influxdb_v2"

    def build_values(self) -> Mapping[str, Value]:
        """Return the settings of ``outputs.influxdb_v2``."""
        return {"urls": [self.url], "organization": self.org, "bucket": self.bucket, "token": TOKEN}


@dataclass(frozen=True)
class VictoriaMetricsOutput:
    """VictoriaMetrics; Telegraf writes to one of several URLs, and to another if that fails."""

    urls: Sequence[Text]
    database: Text
    auth: bool = False
    name = "influxdb"

    def build_values(self) -> Mapping[str, Value]:
        """Return the settings of ``outputs.influxdb``, whose line protocol VictoriaMetrics accepts."""
        return {
            "urls": list(self.urls),
            "database": self.database,
            "skip_database_creation": True,
            **({"username": VM_USERNAME, "password": VM_PASSWORD} if self.auth else {}),
        }

    def is_multitenant(self) -> bool:
        """Return whether tags choose the tenant of each metric."""
        return any("/insert/multitenant/" in f"{url}/" for url in self.urls)


@dataclass(frozen=True)
class RemoteWriteOutput:
    """Prometheus' remote write: Prometheus, Mimir, Grafana Cloud."""

    url: Text
    auth: bool = False
    name = "http"

    def build_values(self) -> Mapping[str, Value]:
        """Return the settings of ``outputs.http`` with the serializer ``prometheusremotewrite``."""
        return {
            "url": self.url,
            "data_format": "prometheusremotewrite",
            **({"username": REMOTE_USERNAME, "password": REMOTE_PASSWORD} if self.auth else {}),
            "headers": {
                "Content-Type": "application/x-protobuf",
                "Content-Encoding": "snappy",
                "X-Prometheus-Remote-Write-Version": "0.1.0",
            },
        }


@dataclass(frozen=True)
class StdoutOutput:
    """Standard output, for a Telegraf without a database: it does not start without an output."""

    name = "file"

    def build_values(self) -> Mapping[str, Value]:
        """Return the settings of ``outputs.file``."""
        return {"files": ["stdout"], "data_format": "influx"}


def choose_tenant_tags(output: Output, tags: Mapping[str, object]) -> dict[str, str]:
    """Return the tags that choose the tenant of what Telegraf itself adds, if the output has several tenants."""
    if not (isinstance(output, VictoriaMetricsOutput) and output.is_multitenant()):
        return {}
    return {name: str(tags[name]) for name in _TENANT_TAGS if name in tags}


def complete_url(url: str, port: int | None = None) -> str:
    """Return a URL of http or https, with this port if it has none.

    Raises:
        ValueError: It is not such a URL, or it has credentials or a query in it. The message does not repeat it.

    """
    return show_url(split_url(url), port)
