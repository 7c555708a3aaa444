"""A function that is frozen between invocations and killed without notice, with the handler of the docs, over TCP."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.docs.test_deployment import blocks
from tests.servers.fixtures import StartTelegraf
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.process import free_port, wait_until
from tests.servers.telegraf import config, influxdb1_output

FUNCTION = """
import sys
from django.conf import settings
from zemanta_ops import metrics

def application(event, context):
    metrics.incr("invocations")
    return "answered"

settings.configure()
names = {"application": application}
exec(sys.argv[1], names)
for event in sys.stdin:
    print(names["handler"](event, None), flush=True)
"""


def test_what_is_flushed_before_a_freeze_is_stored_and_the_connection_is_made_again_after_it(
    start_telegraf: StartTelegraf, influxdb1: InfluxDB1, database: str
) -> None:
    port = free_port()
    text = config(port, influxdb1_output(influxdb1.url, database), interval="500ms")
    telegraf = start_telegraf(text.replace('protocol = "udp"', 'protocol = "tcp"'), port)
    metrics = {"ENABLED": "true", "PORT": str(port), "PROTOCOL": "tcp", "HOST_TAG": "", "FLUSH_SECONDS": "3600"}
    environment = {f"ZEMANTA_OPS_METRICS_{name}": value for name, value in metrics.items()}
    command = [sys.executable, "-c", FUNCTION, blocks("deployment_serverless", "python")[1]]

    def stored() -> int:
        rows = influxdb1.query("SELECT SUM(value) AS total FROM invocations", database)
        return round(rows[0]["total"]) if rows else 0

    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **environment, "PYTHONPATH": str(Path.cwd())},
        text=True,
    ) as function:
        assert function.stdin
        assert function.stdout

        def invoke(times: int) -> None:
            for _ in range(times):
                print("event", file=function.stdin, flush=True)
                assert function.stdout
                assert function.stdout.readline() == "answered\n"

        try:
            invoke(3)
            function.send_signal(signal.SIGSTOP)
            assert wait_until(lambda: stored() == 3, 20)
            # While the function is frozen, the other side closes the connection.
            telegraf.stop()
            telegraf.start()
            function.send_signal(signal.SIGCONT)
            invoke(2)
        finally:
            function.kill()
    wait_until(lambda: stored() == 5, 20)
    assert stored() == 5
    rows = influxdb1.query("SHOW TAG VALUES FROM invocations WITH KEY = host", database)
    assert [row["value"] for row in rows] == ["web-1"]  # Telegraf's own
