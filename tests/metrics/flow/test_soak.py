"""Load, through the real Telegraf into the real InfluxDB 1.8, reconciled to the last value."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from tests.metrics.flow.chain import Chain
from tests.servers.fixtures import StartTelegraf
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.process import wait_until

pytestmark = pytest.mark.more

EMITTERS = ("node-1", "node-2")


def emitted(port: int, seconds: int) -> list[dict[str, Any]]:
    """Let the emitters run to their end, at the same time, and return what each printed."""
    command = [sys.executable, "-m", "tests.metrics.flow.emitter", str(port), str(seconds)]
    running = [subprocess.Popen([*command, name], stdout=subprocess.PIPE, text=True) for name in EMITTERS]
    try:
        outputs = [process.communicate(timeout=seconds + 60)[0] for process in running]
    finally:
        for process in running:
            process.kill()
            process.wait()
    return [json.loads(output) for output in outputs]


@pytest.mark.parametrize("seconds", [5, pytest.param(60, marks=pytest.mark.more)])
def test_load_is_reconciled_to_the_last_value(
    seconds: int, start_telegraf: StartTelegraf, influxdb1: InfluxDB1, database: str
) -> None:
    chain = Chain(start_telegraf, influxdb1, database)
    reports = emitted(chain.port, seconds)
    made: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    for report in reports:
        made.update(report["made"])
        dropped.update(report["health"]["dropped"])
        assert report["health"]["queue_depth"] == 0
    datagrams = sum(report["health"]["datagrams"] for report in reports)

    def received() -> int:
        return chain.internal("internal_statsd", "udp_packets_received") + chain.kernel_drops()

    def stored() -> int:
        return chain.total("soak_hits") + chain.total("soak_load", "count") + chain.total("soak_rows", "count")

    print(f"made {dict(made)}, dropped {dict(dropped)}, {datagrams} datagrams")
    wait_until(lambda: received() == datagrams and stored() + dropped.total() == made.total(), 30)
    # Every datagram that was sent: Telegraf received it, or the kernel dropped it.
    assert received() == datagrams
    # Drops of whole datagrams would hide how many values were in them; at this load there are none.
    assert (chain.kernel_drops(), chain.internal("internal_statsd", "udp_packets_dropped")) == (0, 0)
    # Every value that was given: stored, or counted as dropped with the reason.
    assert stored() + dropped.total() == made.total() > seconds * 1_000
    assert 0 < dropped["invalid_value"] <= made["bad"]  # less if the queue was full at that moment
    assert dropped["queue_full"] > 0
    assert set(dropped) == {"invalid_value", "queue_full"}
    assert chain.total("soak_load", "count") <= made["load"]
    # The self-metrics arrived too.
    assert chain.total("zemanta_ops_dropped") == dropped.total()
    assert [report["dropped_before_close"] for report in reports] == [each["health"]["dropped"] for each in reports]
