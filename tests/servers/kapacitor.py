"""A real Kapacitor 1.5 in a folder of its own, on top of an InfluxDB 1.8."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.servers import cache
from tests.servers.http import answers, call_json
from tests.servers.process import Server, free_port


class Kapacitor(Server):
    """Kapacitor; ``more`` is added to its configuration, such as ``[pagerduty2]``."""

    def __init__(self, folder: Path, influxdb_url: str, more: str = "") -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        path = folder / "kapacitor.conf"
        path.write_text(_config(folder, self.port, influxdb_url) + more)
        command: list[str | Path] = [cache.binary("kapacitor"), "-config", path]
        super().__init__("kapacitord", command, folder, lambda: answers(f"{self.url}/kapacitor/v1/ping"))

    def call(self, path: str, body: Any = None, *, method: str | None = None) -> Any:
        """Call ``/kapacitor/v1/<path>``: a POST if there is a body, else a GET."""
        return call_json(f"{self.url}/kapacitor/v1/{path}", body, method=method)

    def enable(self, task: str, script: str, database: str, *, kind: str = "batch", policy: str = "autogen") -> None:
        """Post a TICKscript as a task and run it."""
        where = [{"db": database, "rp": policy}]
        self.call("tasks", {"id": task, "type": kind, "dbrps": where, "script": script, "status": "enabled"})


def _config(folder: Path, port: int, influxdb_url: str) -> str:
    return f"""
hostname = "localhost"
data_dir = "{folder}"
skip-config-overrides = true
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
[logging]
  file = "STDERR"
  level = "INFO"
[replay]
  dir = "{folder}/replay"
[storage]
  boltdb = "{folder}/kapacitor.db"
[[influxdb]]
  enabled = true
  default = true
  name = "default"
  urls = ["{influxdb_url}"]
  disable-subscriptions = true
[reporting]
  enabled = false
[stats]
  enabled = false
"""
