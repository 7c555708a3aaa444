"""A real Telegraf that writes what it received into a file, and the totals of that file."""

from __future__ import annotations

import re
import time
from pathlib import Path

from tests.servers.fixtures import StartTelegraf
from tests.servers.process import free_port, wait_until
from tests.servers.telegraf import Telegraf, config

INTERVAL = 0.1

_VALUE = re.compile(r"^([^, ]+)[^ ]* (?:.*,)?value=([0-9.eE+-]+)")


class Collector:
    """The receiving end of a conservation test."""

    def __init__(self, start: StartTelegraf, folder: Path, output: str = "") -> None:
        self.port = free_port()
        self._file = folder / "metrics.influx"
        output += f'[[outputs.file]]\n  files = ["{self._file}"]\n  data_format = "influx"\n'
        self.telegraf: Telegraf = start(config(self.port, output, interval=f"{INTERVAL}s", statsd=""), self.port)

    def lines(self) -> list[str]:
        """Return the line protocol written so far."""
        return self._file.read_text().splitlines() if self._file.exists() else []

    def total(self, measurement: str) -> float:
        """Return the sum of a counter over all intervals and series."""
        found = [_VALUE.match(line) for line in self.lines()]
        return sum(float(match[2]) for match in found if match and match[1] == measurement)

    def reaches(self, measurement: str, total: float, seconds: float = 20.0) -> bool:
        """Wait until a counter's sum is there, and a few intervals longer: what comes twice comes late."""
        if wait_until(lambda: self.total(measurement) >= total, seconds):
            time.sleep(4 * INTERVAL)
        return self.total(measurement) == total

    def kernel_drops(self) -> int:
        """Return how many datagrams the kernel dropped at the agent's socket."""
        wanted = f":{self.port:04X}"
        rows = [line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:]]
        return sum(int(row[-1]) for row in rows if row[1].endswith(wanted))
