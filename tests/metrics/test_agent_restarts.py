"""A real Telegraf that is stopped and started again: what was not counted as dropped has arrived, over UDP and TCP."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.servers.fixtures import StartTelegraf
from tests.servers.process import free_port, wait_until
from tests.servers.telegraf import config
from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.options import Options

OUTPUT = '[[outputs.file]]\n  files = ["{file}"]\n  data_format = "influx"\n'


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_every_sample_has_arrived_or_was_dropped(protocol: str, start_telegraf: StartTelegraf, tmp_path: Path) -> None:
    port = free_port()
    file = tmp_path / "metrics.influx"
    text = config(port, OUTPUT.format(file=file), interval="200ms", statsd="")
    telegraf = start_telegraf(text.replace('protocol = "udp"', f'protocol = "{protocol}"'), port)
    client = Client(Options(port=port, protocol=protocol, flush_seconds=3600, report_seconds=3600))
    emitted = 0

    def arrived() -> int:
        return sum(int(value) for value in re.findall(r"^n,.* value=(\d+)i", file.read_text(), re.MULTILINE))

    def emit() -> int:
        nonlocal emitted
        client.incr("n")
        emitted += 1
        client.flush()
        return sum(client.health()["dropped"].values())

    def everything_else_arrived() -> bool:
        return wait_until(lambda: arrived() == emitted - sum(client.health()["dropped"].values()), 20)

    assert emit() == 0
    assert everything_else_arrived()
    telegraf.stop()
    for dropped in range(1, 6):
        assert emit() == dropped
    telegraf.start()
    before = client.health()["sent"]
    assert wait_until(lambda: emit() >= 5 and client.health()["sent"] > before, 60)
    assert everything_else_arrived()
    assert set(client.health()["dropped"]) <= {"refused", "network"}
    client.close()
