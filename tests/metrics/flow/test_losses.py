"""Losses on the way, and the counters that show them: one value a datagram, so that datagrams are values."""

from __future__ import annotations

import pytest

from tests.metrics.flow.chain import Chain
from tests.metrics.flow.load import load
from tests.servers.fixtures import StartInfluxDB1, StartTelegraf
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.process import wait_until
from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.options import Options

pytestmark = pytest.mark.more

FLOOD = 30_000


def test_a_flood_is_stored_or_counted_by_the_kernel_or_by_telegraf(
    start_telegraf: StartTelegraf, influxdb1: InfluxDB1, database: str
) -> None:
    chain = Chain(start_telegraf, influxdb1, database, statsd="allowed_pending_messages = 10")
    chain.telegraf.pause()
    chain.telegraf.send(*(b"flood.hits:1|c" for _ in range(FLOOD)))
    chain.telegraf.resume()

    def queue_drops() -> int:
        return chain.internal("internal_statsd", "udp_packets_dropped")

    def accounted() -> int:
        return chain.total("flood_hits") + chain.kernel_drops() + queue_drops()

    wait_until(lambda: accounted() == FLOOD, 30)
    stored, kernel, queue = chain.total("flood_hits"), chain.kernel_drops(), queue_drops()
    assert stored + kernel + queue == FLOOD
    assert stored > 0
    assert kernel > 0
    assert chain.internal("internal_statsd", "udp_packets_received") == FLOOD - kernel


def test_a_restart_of_the_agent_loses_what_is_counted_and_what_it_held_since_its_last_collection(
    start_telegraf: StartTelegraf, influxdb1: InfluxDB1, database: str
) -> None:
    chain = Chain(start_telegraf, influxdb1, database)
    with load(chain.port) as running:
        assert wait_until(lambda: chain.total("load_hits") > 0, 30)
        chain.telegraf.stop()
        before = chain.total("load_hits")
        last_collection = max(chain.values("load_hits")) / 1e9
        assert wait_until(lambda: running.dropped.get("refused", 0) > 1_000, 30)
        chain.telegraf.start()
        assert wait_until(lambda: chain.total("load_hits") > before, 30)
    # While nothing listened every value was refused, and counted; every other one was sent.
    assert set(running.dropped) == {"refused"}
    assert running.sent + running.dropped["refused"] == running.made

    first_refused = next(number for number, step in enumerate(running.steps) if step.dropped)
    taken = running.steps[first_refused - 1].sent
    after = running.sent - taken
    wait_until(lambda: chain.total("load_hits") == before + after, 30)
    # After the restart nothing is lost; before it, what came since the last collection, and nothing else.
    assert chain.total("load_hits") == before + after
    collected = next(number for number, step in enumerate(running.steps) if step.sent == before)
    lost = taken - before
    assert lost == running.steps[first_refused - 1].sent - running.steps[collected].sent > 0
    assert abs(running.steps[collected].time - last_collection) < 2
    assert running.made == chain.total("load_hits") + running.dropped["refused"] + lost


def test_what_was_dropped_in_an_outage_is_a_metric_once_the_agent_is_back(
    start_telegraf: StartTelegraf, influxdb1: InfluxDB1, database: str
) -> None:
    chain = Chain(start_telegraf, influxdb1, database)
    client = Client(Options(port=chain.port, threads=False, flush_seconds=3600, report_seconds=0))
    chain.telegraf.stop()
    for _ in range(4):  # each of the reports between is lost too
        for _ in range(50):
            client.incr("load.hits")
        client.flush()
    chain.telegraf.start()
    client.flush()
    client.close()

    dropped = client.health()["dropped"]
    assert dropped["refused"] > 4 * 50
    wait_until(lambda: chain.total("zemanta_ops_dropped") == dropped["refused"], 30)
    assert chain.total("zemanta_ops_dropped") == dropped["refused"]


def test_a_restart_of_the_database_loses_nothing_that_telegraf_can_hold(
    start_telegraf: StartTelegraf, start_influxdb1: StartInfluxDB1
) -> None:
    influxdb = start_influxdb1()
    chain = Chain(start_telegraf, influxdb, influxdb.create("restarted"))
    with load(chain.port) as running:
        assert wait_until(lambda: chain.total("load_hits") > 0, 30)
        influxdb.kill()  # harder than a stop: what it has acknowledged is in its log on the disk
        assert wait_until(lambda: " E! [outputs.influxdb]" in chain.telegraf.log(), 30)
        made = running.made
        assert wait_until(lambda: running.made > made + 2_000, 30)
        influxdb.start()
    wait_until(lambda: chain.total("load_hits") == running.made, 30)
    assert chain.total("load_hits") == running.sent == running.made
    assert running.dropped == {}
    assert chain.internal("internal_write", "metrics_dropped") == chain.kernel_drops() == 0


def test_what_telegraf_could_not_hold_for_the_database_is_counted_by_it(
    start_telegraf: StartTelegraf, start_influxdb1: StartInfluxDB1
) -> None:
    influxdb = start_influxdb1()
    database = influxdb.create("overrun")
    # The load's output has hardly any room; Telegraf's measurements of itself have their own, and so has a record.
    tight = '  alias = "load"\n  namepass = ["load_*"]\n  metric_batch_size = 2\n  metric_buffer_limit = 4\n'
    others = f'[[outputs.influxdb]]\n  urls = ["{influxdb.url}"]\n  database = "{database}"\n  namedrop = ["load_*"]\n'
    others += "  skip_database_creation = true\n"
    record = '[[outputs.file]]\n  files = ["record"]\n  data_format = "influx"\n  namepass = ["load_*"]\n'
    chain = Chain(start_telegraf, influxdb, database, output=tight, sections=others + record)
    collected = chain.telegraf.folder / "record"

    def recorded() -> dict[int, float]:
        lines = [line.split() for line in collected.read_text().splitlines()] if collected.exists() else []
        return {int(time): float(fields.removeprefix("value=")) for _, fields, time in lines}

    with load(chain.port) as running:
        assert wait_until(lambda: chain.total("load_hits") > 0, 30)
        influxdb.stop()
        held = len(recorded())
        assert wait_until(lambda: len(recorded()) > held + 10, 60)
        influxdb.start()
        stored = chain.total("load_hits")
        assert wait_until(lambda: chain.total("load_hits") > stored, 30)
    assert wait_until(lambda: sum(recorded().values()) == running.made, 30)
    assert wait_until(lambda: max(chain.values("load_hits")) == max(recorded()), 30)

    lost = {time: value for time, value in recorded().items() if time not in chain.values("load_hits")}
    # The number of missing points is the number that Telegraf reports as dropped, and they hold the missing values.
    wait_until(lambda: chain.internal("internal_write", "metrics_dropped", "alias = 'load'") == len(lost), 30)
    assert chain.internal("internal_write", "metrics_dropped", "alias = 'load'") == len(lost) > 0
    assert chain.total("load_hits") + sum(lost.values()) == running.made == running.sent


def test_what_influxdb_1x_refuses_stands_in_telegrafs_log_alone(
    start_telegraf: StartTelegraf, influxdb1: InfluxDB1, database: str
) -> None:
    influxdb1.write('taken value="text"', database)
    chain = Chain(start_telegraf, influxdb1, database)
    chain.telegraf.send("taken:1|c", "free:1|c")
    assert wait_until(lambda: chain.total("free") == 1, 30)
    assert wait_until(lambda: "will be dropped" in chain.telegraf.log(), 30)
    written = chain.internal("internal_write", "metrics_written")
    assert wait_until(lambda: chain.internal("internal_write", "metrics_written") > written, 30)
    assert chain.internal("internal_write", "metrics_rejected") == 0
    assert chain.internal("internal_write", "metrics_dropped") == 0
    assert "type conflict" in chain.telegraf.log()


def test_what_influxdb_1x_refuses_for_its_credentials_is_not_kept_by_telegraf(
    start_telegraf: StartTelegraf, start_influxdb1: StartInfluxDB1
) -> None:
    influxdb = start_influxdb1(auth=True)
    chain = Chain(start_telegraf, influxdb, influxdb.create("closed"))
    chain.telegraf.send("free:1|c")
    assert wait_until(lambda: "will be dropped: 401" in chain.telegraf.log(), 30)
    assert chain.total("free") == 0
