"""A real Telegraf, started with a configuration given as text."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.servers import cache
from tests.servers.influxdb2 import ORG, TOKEN
from tests.servers.process import Server


class Telegraf(Server):
    """Runs ``telegraf --strict-env-handling`` on one configuration; ``port`` is that of its statsd input."""

    def __init__(self, folder: Path, config: str, port: int, env: Mapping[str, str] | None = None) -> None:
        self.port = port
        path = folder / "telegraf.conf"
        path.write_text(config)
        command: list[str | Path] = [cache.binary("telegraf"), "--strict-env-handling", "--config", path]
        super().__init__("telegraf", command, folder, self._listens, env)

    def _listens(self) -> bool:
        return "Started the statsd service" in self.log()

    def warnings(self) -> list[str]:
        """Return the lines of the log that are warnings or errors."""
        return [line for line in self.log().splitlines() if " W! " in line or " E! " in line]

    def send(self, *lines: str | bytes) -> None:
        """Send each argument as one UDP datagram."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            for line in lines:
                client.sendto(line if isinstance(line, bytes) else line.encode(), ("127.0.0.1", self.port))


FLOATS = "float_counters = true\n  float_sets = true"


def config(port: int, output: str, *, statsd: str = FLOATS, interval: str = "1s", host: str = "web-1") -> str:
    """Return a small configuration: a statsd input on ``port`` and one output section."""
    return f"""
[agent]
  interval = "{interval}"
  flush_interval = "{interval}"
  hostname = "{host}"
  skip_processors_after_aggregators = true
[[inputs.statsd]]
  protocol = "udp"
  service_address = "127.0.0.1:{port}"
  percentiles = [50.0, 90.0, 99.0]
  read_buffer_size = 4194304
  {statsd}
{output}
"""


def influxdb1_output(url: str, database: str) -> str:
    """Return the output section that writes into a database of InfluxDB 1.8."""
    return f"""
[[outputs.influxdb]]
  urls = ["{url}"]
  database = "{database}"
  skip_database_creation = true
"""


def influxdb2_output(url: str, bucket: str, token: str = TOKEN) -> str:
    """Return the output section that writes into a bucket of InfluxDB 2.7."""
    return f"""
[[outputs.influxdb_v2]]
  urls = ["{url}"]
  organization = "{ORG}"
  bucket = "{bucket}"
  token = "{token}"
"""


def check_config(config_text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run ``telegraf config check`` on a text."""
    path = folder / "checked.conf"
    path.write_text(config_text)
    return subprocess.run(
        [cache.binary("telegraf"), "--strict-env-handling", "config", "check", "--config", path],
        capture_output=True,
        text=True,
        check=False,
    )
