"""The outputs of Telegraf: InfluxDB 1.x, InfluxDB 2.x, or standard output."""

from __future__ import annotations

from collections.abc import Mapping
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
class StdoutOutput:
    """Standard output, for a Telegraf without a database: it does not start without an output."""

    name = "file"

    def build_values(self) -> Mapping[str, Value]:
        """Return the settings of ``outputs.file``."""
        return {"files": ["stdout"], "data_format": "influx"}


def complete_url(url: str, port: int | None = None) -> str:
    """Return a URL of http or https, with this port if it has none.

    Raises:
        ValueError: It is not such a URL, or it has credentials or a query in it. The message does not repeat it.

    """
    parts = split_url(url)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("INFLUXDB URL must not have credentials or a query in it. Use USERNAME, PASSWORD or TOKEN")
    return show_url(parts, port)
