"""A process that emits for some seconds and prints what became of it: ``python -m tests.metrics.flow.emitter``.

It overfills its queue and gives bad values on purpose, so that drops are counted for real.
"""

from __future__ import annotations

import json
import sys
import time

from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.options import Options

# Less than a thread emits between two turns of the flusher.
QUEUE_SIZE = 1_000
TICK_SECONDS = 0.01
# In the first second, and again every few seconds.
BURST_TICKS, FIRST_BURST = 300, 50
VIEWS = [f"view-{number}" for number in range(50)]
# Longer than a flush and a report of the client's own counts.
SETTLE_SECONDS = 1.5


def emit(client: Client, seconds: float) -> dict[str, int]:
    """Emit until the time is over; return how many calls were made, by type."""
    made = {"hits": 0, "load": 0, "rows": 0, "bad": 0}
    end = time.monotonic() + seconds
    tick = 0
    while time.monotonic() < end:
        tick += 1
        for view in VIEWS:
            client.incr("soak.hits", 1, view=view)
            client.timing("soak.load", 0.001 * (tick % 100), view=view)
            client.histogram("soak.rows", tick % 1000, view=view)
        client.gauge("soak.level", float("nan"))
        burst = 10 * QUEUE_SIZE if tick % BURST_TICKS == FIRST_BURST else 0
        for _ in range(burst):
            client.incr("soak.hits", 1, view="burst")
        made["hits"] += len(VIEWS) + burst
        made["load"] += len(VIEWS)
        made["rows"] += len(VIEWS)
        made["bad"] += 1
        time.sleep(TICK_SECONDS)
    return made


def main(port: int, seconds: float, name: str) -> None:
    """Emit, wait until the last report of the own counts is out, and print the counts."""
    client = Client(
        Options(
            port=port,
            host_tag=name,
            tags={"emitter": name},
            flush_seconds=0.1,
            queue_size=QUEUE_SIZE,
            report_seconds=0.5,
        )
    )
    made = emit(client, seconds)
    client.flush()
    settled = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < settled:
        time.sleep(0.05)
    before = client.health()
    client.close()
    print(json.dumps({"made": made, "health": client.health(), "dropped_before_close": before["dropped"]}))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3])
