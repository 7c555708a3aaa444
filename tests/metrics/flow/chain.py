"""A real Telegraf that writes into a real InfluxDB 1.8, and the counts on both sides of it."""

from __future__ import annotations

from pathlib import Path

from tests.servers.fixtures import StartTelegraf
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.process import free_port
from tests.servers.telegraf import FLOATS, config, influxdb1_output

INTERVAL = 0.5
INTERNAL = "[[inputs.internal]]\n  collect_memstats = false\n"


class Chain:
    """Starts Telegraf on a free port in front of an empty database.

    ``output`` are further lines of its output section, ``sections`` further sections, ``statsd`` further lines of the
    statsd input.
    """

    def __init__(
        self,
        start: StartTelegraf,
        influxdb: InfluxDB1,
        database: str,
        *,
        output: str = "",
        sections: str = "",
        statsd: str = "",
    ) -> None:
        self.influxdb = influxdb
        self.database = database
        self.port = free_port()
        text = config(
            self.port,
            f"{influxdb1_output(influxdb.url, database)}{output}\n{sections}{INTERNAL}",
            statsd=f"{FLOATS}\n  {statsd}",
            interval=f"{INTERVAL * 1000:.0f}ms",
        )
        self.telegraf = start(text, self.port)

    def total(self, measurement: str, field: str = "value") -> int:
        """Return what is stored of a measurement, over all its points."""
        rows = self.influxdb.query(f'SELECT SUM("{field}") AS total FROM "{measurement}"', self.database)
        return round(rows[0]["total"]) if rows else 0

    def values(self, measurement: str) -> dict[int, float]:
        """Return the stored values of one series by their time."""
        rows = self.influxdb.query(f'SELECT value FROM "{measurement}"', self.database)
        return {row["time"]: row["value"] for row in rows}

    def internal(self, measurement: str, field: str, where: str = "") -> int:
        """Return the newest count that Telegraf has written about itself."""
        text = f'SELECT LAST("{field}") AS newest FROM "{measurement}" {where and f"WHERE {where}"}'
        rows = self.influxdb.query(text, self.database)
        return round(rows[0]["newest"]) if rows else 0

    def kernel_drops(self) -> int:
        """Return how many datagrams the kernel dropped at Telegraf's socket, while it is open."""
        wanted = f":{self.port:04X}"
        rows = [line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:]]
        return sum(int(row[-1]) for row in rows if row[1].endswith(wanted))
