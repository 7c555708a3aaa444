"""What one real Telegraf and one real InfluxDB 1.8 take: ``python -m benchmarks.flow``.

The measurements behind docs/sizing.rst. A node is modelled by ``Node``; its metrics go through the real client, a real
Telegraf takes datagrams at growing rates, and intervals of many such nodes are written into a real InfluxDB 1.8, one
request a node as their Telegrafs write. Needs the two servers: ``python -m tests.servers install telegraf influxdb1``.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.metrics.agents import agent
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.process import Server, free_port, wait_until
from tests.servers.telegraf import FLOATS, Telegraf, config, influxdb1_output
from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.options import Options
from zemanta_ops.stack.databases import Point

RATES = (500, 1_000, 2_000, 4_000, 8_000)
RATE_SECONDS = 5
NODES = 1_000
# The fields of a timing beside its count: all that Telegraf writes with four percentiles, and those of a short list.
ALL_FIELDS = ("sum", "mean", "stddev", "lower", "upper", "median", *(f"{each}_percentile" for each in (50, 90, 95, 99)))
FEW_FIELDS = ("sum", "upper", "95_percentile")
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Node:
    """One machine: how many combinations of method, view and status are requested, and how many others are sent."""

    combinations: int = 60
    others: int = 30
    processes: int = 4
    requests: int = 50  # a second and process
    interval: int = 10  # the agent's, in seconds
    line_bytes: int = 90
    value_bytes: int = 12

    @property
    def series(self) -> int:
        """Each combination is a counter and a timing."""
        return 2 * self.combinations + self.others

    @property
    def points(self) -> float:
        """Points a second."""
        return self.series / self.interval

    @property
    def datagrams(self) -> int:
        """Datagrams a second, if every process has every series in every second."""
        size = self.series * self.line_bytes + self.requests * self.value_bytes
        return self.processes * ceil(size / (1432 - self.line_bytes))  # a line that does not fit goes into the next


def cpu_and_memory(server: Server) -> tuple[float, int]:
    """Return the CPU seconds and the bytes of memory of a server so far."""
    fields = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS, int(fields[21]) * PAGE


def emit(client: Client, node: Node) -> None:
    """Emit what a process of the node does in one second: each combination at least once."""
    for number in range(max(node.requests, node.combinations)):
        tags = {"method": "GET", "view": f"shop-view-{number % node.combinations}", "status": "200"}
        client.incr("http.request.count", **tags)
        client.timing("http.request.duration", 0.001 * number, **tags)
    for number in range(node.others):
        client.gauge("queue.waiting", number, queue=f"queue-{number}")


def real_datagrams(node: Node) -> int:
    """Return how many datagrams a second the real client makes of the node."""
    with agent() as receiver:
        client = Client(
            Options(port=receiver.port, host_tag="node-1", tags={"env": "production"}, threads=False, flush_seconds=60)
        )
        client.health()
        client.flush()
        before = client.health()["datagrams"]
        emit(client, node)
        client.flush()
        return node.processes * int(client.health()["datagrams"] - before)


def datagrams() -> list[bytes]:
    """Return full datagrams as the client packs them: timings of a few series."""
    lines = [f"http.request.duration,host=node-1,method=GET,status=200,view=shop-view-{number}" for number in range(60)]
    packed = [line + ":12.345|ms" * 8 for line in lines]
    return ["\n".join(packed[start : start + 8]).encode()[:1432] for start in range(0, 56, 8)]


def flood(telegraf: Telegraf, rate: int) -> int:
    """Send at a rate, in steps of 10 ms, and return how many datagrams were sent."""
    packets, sent = datagrams(), 0
    start = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", telegraf.port))
        while (elapsed := time.monotonic() - start) < RATE_SECONDS:
            while sent < elapsed * rate:
                client.send(packets[sent % len(packets)])
                sent += 1
            time.sleep(0.01)
    return sent


def measure_agent(folder: Path, influxdb: InfluxDB1) -> Iterator[str]:
    """Yield a line a rate: what was sent, what Telegraf received and dropped, what it cost."""
    port = free_port()
    database = influxdb.create("agent")
    text = config(port, influxdb1_output(influxdb.url, database) + "[[inputs.internal]]", statsd=FLOATS)
    telegraf = Telegraf(folder, text, port)
    telegraf.start()

    def internal(field: str) -> int:
        rows = influxdb.query(f'SELECT LAST("{field}") AS newest FROM internal_statsd', database)
        return round(rows[0]["newest"]) if rows else 0

    try:
        received_before = dropped_before = 0
        for rate in RATES:
            before, _ = cpu_and_memory(telegraf)
            sent = flood(telegraf, rate)
            wait_until(lambda: internal("udp_packets_received") - received_before >= sent, 5)  # noqa: B023
            received, dropped = internal("udp_packets_received"), internal("udp_packets_dropped")
            cpu = (cpu_and_memory(telegraf)[0] - before) / sent * 1e6
            taken = received - received_before - (dropped - dropped_before)
            received_before, dropped_before = received, dropped
            yield f"{rate:>8,}/s: {sent:,} datagrams sent, {taken:,} taken ({taken / sent:.2%}), {cpu:.0f} us CPU each"
    finally:
        telegraf.stop()


def lines(node: Node, name: str, time_ns: int, fields: tuple[str, ...]) -> list[str]:
    """Return what the Telegraf of one node writes in one interval, timings with ``count`` and these fields."""
    timing = {"count": 12, **dict.fromkeys(fields, 1.5)}
    made = []
    for number in range(node.combinations):
        tags = {"host": name, "method": "GET", "status": "200", "view": f"shop-view-{number}"}
        made.append(Point("http_request_count", {"value": 12.0}, {**tags, "metric_type": "counter"}, time_ns))
        made.append(Point("http_request_duration", timing, {**tags, "metric_type": "timing"}, time_ns))
    for number in range(node.others):
        tags = {"host": name, "queue": f"queue-{number}", "metric_type": "gauge"}
        made.append(Point("queue_waiting", {"value": float(number)}, tags, time_ns))
    return [point.encode() for point in made]


def measure_database(influxdb: InfluxDB1, node: Node) -> Iterator[str]:
    """Yield a line an interval of all nodes: new series, the same series again, and with fewer fields."""
    database = influxdb.create("database")
    for title, fields in (("new series", ALL_FIELDS), ("known series", ALL_FIELDS), ("four fields", FEW_FIELDS)):
        now = time.time_ns()
        bodies = [lines(node, f"node-{each}", now, fields) for each in range(NODES)]
        number = sum(map(len, bodies))
        texts = ["\n".join(each) for each in bodies]
        cpu, _ = cpu_and_memory(influxdb)
        start = time.monotonic()
        for text in texts:
            influxdb.write(text, database)
        seconds = time.monotonic() - start
        cpu_after, memory = cpu_and_memory(influxdb)
        yield (
            f"{title:>13}: {number:,} points in {seconds:.1f} s ({number / seconds:,.0f}/s), "
            f"{(cpu_after - cpu) / number * 1e6:.0f} us CPU each, memory then {memory / 2**20:,.0f} MiB"
        )


def main() -> None:
    """Print everything."""
    node = Node()
    print(f"a node: {node.series} series, {node.points:g} points/s, {node.datagrams} datagrams/s by the formula,")
    print(f"        {real_datagrams(node)} datagrams/s of the real client")
    print(f"{NODES:,} nodes: {NODES * node.series:,} series, {NODES * node.points:,.0f} points/s")
    with TemporaryDirectory() as folder:
        (telegraf := Path(folder, "telegraf")).mkdir()
        (database := Path(folder, "influxdb")).mkdir()
        influxdb = InfluxDB1(database)
        influxdb.start()
        try:
            print("Telegraf, full datagrams:")
            for line in measure_agent(telegraf, influxdb):
                print(line, flush=True)
            print(f"InfluxDB 1.8, intervals of {NODES:,} nodes, a request a node:")
            for line in measure_database(influxdb, node):
                print(line, flush=True)
        finally:
            influxdb.stop()


if __name__ == "__main__":
    main()
