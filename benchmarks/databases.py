"""What InfluxDB 1.8, InfluxDB 2.7 and VictoriaMetrics take: ``python -m benchmarks.databases [--nodes N]``.

The measurements behind docs/growing.rst. Each database in turn gets intervals of many nodes, one request a node, as
their Telegrafs write: first with new series, then with known ones. Then the same nodes send datagrams to one real
Telegraf in front of the database, for three of its intervals. Everything is on loopback. Needs the servers:
``python -m tests.servers install telegraf influxdb1 influxdb2 victoriametrics``.
"""

from __future__ import annotations

import argparse
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.flow import ALL_FIELDS, Node, cpu_and_memory, lines
from tests.servers.http import HttpError
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.influxdb2 import InfluxDB2
from tests.servers.process import free_port, wait_until
from tests.servers.stores import Store, store_of_1, store_of_2, store_of_victoriametrics
from tests.servers.telegraf import Telegraf, config
from tests.servers.victoriametrics import VictoriaMetrics

INTERVAL = 10
INTERVALS = 3
# A small node, so that one Telegraf can take the datagrams of all of them: each fits into one datagram.
SENDING = Node(combinations=5, others=2)

Start = Callable[[Path, ExitStack], Store]


def start_influxdb1(folder: Path, stack: ExitStack) -> Store:
    """Start InfluxDB 1.8."""
    server = InfluxDB1(folder)
    stack.callback(server.stop)
    server.start()
    return store_of_1(server, server.create("metrics"))


def start_influxdb2(folder: Path, stack: ExitStack) -> Store:
    """Start InfluxDB 2.7."""
    server = InfluxDB2(folder)
    stack.callback(server.stop)
    server.start()
    return store_of_2(server, server.create("metrics"))


def start_victoriametrics(folder: Path, stack: ExitStack) -> Store:
    """Start VictoriaMetrics, single node."""
    server = VictoriaMetrics(folder)
    stack.callback(server.stop)
    server.start()
    return store_of_victoriametrics(server, "metrics")


STARTS: dict[str, Start] = {
    "InfluxDB 1.8": start_influxdb1,
    "InfluxDB 2.7": start_influxdb2,
    "VictoriaMetrics": start_victoriametrics,
}


def measure_writes(store: Store, nodes: int) -> Iterator[str]:
    """Yield a line an interval of all nodes: new series, and the same series twice more."""
    for title in ("new series", "known", "known"):
        now = time.time_ns()
        bodies = [lines(Node(), f"node-{each}", now, ALL_FIELDS) for each in range(nodes)]
        number = sum(map(len, bodies))
        cpu, _ = cpu_and_memory(store.server)
        start = time.monotonic()
        for body in bodies:
            store.write("\n".join(body))
        seconds = time.monotonic() - start
        cpu_after, memory = cpu_and_memory(store.server)
        yield (
            f"{title:>10}: {number:,} points in {seconds:.1f} s ({number / seconds:,.0f}/s), "
            f"{(cpu_after - cpu) / number * 1e6:.0f} us CPU a point, {memory / 2**20:,.0f} MiB"
        )


def measure_disk(store: Store, points: int) -> str:
    """Return the bytes on disk for each point, after an orderly end that writes everything."""
    store.server.stop()
    size = sum(path.stat().st_size for path in store.server.folder.rglob("*") if path.is_file())
    store.server.start()
    return f"      disk: {size / points:.0f} bytes a point of up to 11 fields"


def build_datagram(node: int, interval: int) -> bytes:
    """Return what one small node sends in one interval."""
    made = []
    for number in range(SENDING.combinations):
        tags = f"host=node-{node},view=view-{number}"
        made.append(f"load.count,{tags}:{interval + 1}|c")
        made.append(f"load.duration,{tags}:12.5|ms:13.5|ms")
    made += [f"load.waiting,host=node-{node},queue=q{number}:{number}|g" for number in range(SENDING.others)]
    return "\n".join(made).encode()


def measure_chain(store: Store, nodes: int, folder: Path) -> str:
    """Send the datagrams of all nodes evenly over each interval; return what arrived, and what Telegraf needed."""
    port = free_port()
    telegraf = Telegraf(folder, config(port, store.output, interval=f"{INTERVAL}s"), port)
    telegraf.start()
    try:
        before, _ = cpu_and_memory(telegraf)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(("127.0.0.1", port))
            start = time.monotonic()
            for sent in range(nodes * INTERVALS):
                client.send(build_datagram(sent % nodes, sent // nodes))
                time.sleep(max(0.0, start + (sent + 1) * INTERVAL / nodes - time.monotonic()))
        expected = nodes * SENDING.combinations
        wait_until(lambda: count_series(store) >= expected, 40, 1)
        cpu = cpu_and_memory(telegraf)[0] - before
        found = count_series(store)
    finally:
        telegraf.stop()
    number = nodes * INTERVALS
    share = f"{found:,} of {expected:,} counters arrived"
    return f"     chain: {number:,} datagrams, {share}, {cpu / number * 1e6:.0f} us of Telegraf's CPU each"


def count_series(store: Store) -> int:
    """Return how many counters of the nodes have arrived."""
    try:
        return len(store.last_points("^load_count$"))
    except HttpError:
        return 0


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=1_000)
    nodes = parser.parse_args().nodes
    print(f"{nodes:,} nodes, {Node().series} series each")
    for name, start in STARTS.items():
        with TemporaryDirectory() as folder, ExitStack() as stack:
            (data := Path(folder, "data")).mkdir()
            (agent := Path(folder, "agent")).mkdir()
            store = start(data, stack)
            print(name)
            for line in measure_writes(store, nodes):
                print(line, flush=True)
            print(measure_disk(store, 3 * nodes * Node().series))
            print(measure_chain(store, nodes, agent), flush=True)


if __name__ == "__main__":
    main()
