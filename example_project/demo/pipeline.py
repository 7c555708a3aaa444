"""The real Telegraf and InfluxDB behind the agent, if the tests have installed them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from example_project.demo import cleanup
from example_project.demo.findings import COUNT
from example_project.demo.traffic import Request
from tests.servers import cache
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.process import free_port
from tests.servers.telegraf import Telegraf
from zemanta_ops.stack.generate.telegraf.outputs import InfluxDB1Output
from zemanta_ops.stack.generate.telegraf.telegraf_conf import TelegrafConfig, render_config

DATABASE = "telegraf"
ARRIVAL_SECONDS = 10.0


class Pipeline:
    """A running Telegraf, which writes into a running InfluxDB."""

    def __init__(self, telegraf: Telegraf, influxdb: InfluxDB1) -> None:
        self._influxdb = influxdb
        self.url = influxdb.url
        self.target = f"127.0.0.1:{telegraf.port}"

    def counted(self) -> Counter[Request]:
        """Return how often InfluxDB has each request."""
        measurement = COUNT.replace(".", "_")
        query = f'SELECT sum(value) FROM "{measurement}" GROUP BY "method", "view", "status"'
        counts: Counter[Request] = Counter()
        for row in self._influxdb.query(query, DATABASE):
            counts[Request(row["method"], row["view"], row["status"])] = int(row["sum"])
        return counts

    def wait_for(self, wanted: Counter[Request]) -> Counter[Request]:
        """Return what InfluxDB has as soon as it is what is wanted, or when the time is over."""
        deadline = time.monotonic() + ARRIVAL_SECONDS
        while (found := self.counted()) != wanted and time.monotonic() < deadline:
            time.sleep(0.1)
        return found


def is_installed() -> bool:
    """Return whether Telegraf and InfluxDB are installed."""
    return cache.installed("telegraf") and cache.installed("influxdb1")


@contextmanager
def pipeline(folder: Path) -> Iterator[Pipeline | None]:
    """Yield the running pipeline; None if it is not installed."""
    if not is_installed():
        yield None
        return
    with ExitStack() as stack:
        influxdb = InfluxDB1(folder)
        influxdb.command = cleanup.build_launch(folder, influxdb.command)
        stack.callback(influxdb.stop)
        influxdb.start()
        influxdb.create(DATABASE)
        port = free_port()
        output = InfluxDB1Output(influxdb.url, DATABASE)
        config = TelegrafConfig(address=f"127.0.0.1:{port}", interval=1.0, output=output)
        telegraf = Telegraf(folder, render_config(config), port)
        telegraf.command = cleanup.build_launch(folder, telegraf.command)
        stack.callback(telegraf.stop)
        telegraf.start()
        yield Pipeline(telegraf, influxdb)
