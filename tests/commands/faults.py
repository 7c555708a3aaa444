"""What the tests of ``check_metrics`` with real servers share."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta, timezone
from typing import Any

from tests.commands.checking import checked_here, hop
from tests.servers.fixtures import StartTelegraf
from tests.servers.process import free_port, wait_until
from tests.servers.stores import Store
from tests.servers.telegraf import Telegraf, config
from tests.servers.victoriametrics import VictoriaMetrics
from zemanta_ops.stack.check.hops import ADVICE

INTERNAL = "[[inputs.internal]]\n"


def found(name: str, store: Store, *arguments: str, port: int = 0, **metrics: Any) -> tuple[int, str, dict[str, Any]]:
    """Check the way to a store; return exit code, and cause and the whole of the hop ``name``."""
    metrics |= {"PORT": port} if port else {}
    code, document = checked_here(*arguments, metrics=metrics, influxdb=store.settings, section=store.section)
    one = hop(document, name)
    assert one["advice"] == ADVICE.get(one["cause"], "")
    shown = str(document)
    assert not any(store.settings[key] in shown for key in ("TOKEN", "PASSWORD") if key in store.settings)
    return code, one["cause"], one


def started(start: StartTelegraf, store: Store, more: str = INTERNAL, interval: str = "500ms") -> Telegraf:
    """Start a Telegraf that writes into a store and about itself."""
    port = free_port()
    return start(config(port, store.output + more, interval=interval), port)


def speaks(store: Store, flushes: int = 1) -> None:
    """Wait until Telegraf has written about itself in this many flushes."""
    now = datetime.now(timezone.utc)

    def written() -> int:
        with store.connect() as database:
            found = database.read_values(
                "internal_write", "metrics_written", now - timedelta(hours=1), now + timedelta(1)
            )
        return len({reading.value for reading in found})

    assert wait_until(lambda: written() >= flushes, 60, every=0.2)


def lost(store: Store) -> int:
    """Return how many dropped metrics Telegraf reports."""
    now = datetime.now(timezone.utc)
    with store.connect() as database:
        found = database.read_values("internal_write", "metrics_dropped", now - timedelta(hours=1), now + timedelta(1))
    return max(int(reading.value) for reading in found)


def flushing(store: Store) -> AbstractContextManager[None]:
    """Make what is written visible at once, if the store is one of VictoriaMetrics."""
    return store.server.flushing() if isinstance(store.server, VictoriaMetrics) else nullcontext()
