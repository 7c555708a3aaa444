"""What the agent reports about itself (Telegraf: ``inputs.internal``), read from the database that it writes to."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from zemanta_ops.stack.agent_contract import INTERNAL_STATSD, INTERNAL_WRITE, WATCH_METRICS
from zemanta_ops.stack.databases import Database, StoredValue

# Long enough to see how often Telegraf writes, even if that is once in a few minutes.
LOOK_BACK = timedelta(minutes=10)
FRESH_SECONDS = 15.0
# The field that counts each loss, and how to name the loss to a person.
_LOSSES = {
    (INTERNAL_STATSD, "udp_packets_dropped"): "datagrams because its message queue was full",
    (INTERNAL_WRITE, "metrics_dropped"): "metrics because its buffer was full",
    (INTERNAL_WRITE, "metrics_rejected"): "metrics because the database refused them",
}


@dataclass(frozen=True)
class AgentState:
    """The agent's state as its own points show it; ``newest`` is None if there are none.

    ``agent`` is its name for people: Telegraf, or watch_metrics, which reports the same about itself.
    """

    newest: datetime | None = None
    flush_seconds: float | None = None
    received: int = 0
    address: str = ""
    agent: str = "Telegraf"
    lost: Mapping[str, int] = field(default_factory=dict)

    def compute_age(self, now: datetime) -> float | None:
        """Return the age of the newest point in seconds."""
        return (now - self.newest).total_seconds() if self.newest else None

    def is_fresh(self, now: datetime) -> bool:
        """Return whether Telegraf seems to be alive: its newest point is younger than two of its flushes and 15 s."""
        age = self.compute_age(now)
        return age is not None and age < 2 * (self.flush_seconds or 0.0) + FRESH_SECONDS

    def listens_elsewhere(self, port: int) -> bool:
        """Return whether its statsd input uses a different port."""
        return bool(self.address) and self.address.rpartition(":")[2] != str(port)


def read_agent_state(database: Database, now: datetime, recent: float) -> AgentState:
    """Return what the Telegraf of this machine reported, or that of any machine if this one has none.

    ``lost`` and ``received``, the number of datagrams, are those of the last ``recent`` seconds.
    """
    here = {"host": socket.gethostname()}
    written = _read(database, INTERNAL_WRITE, "metrics_written", now, here)
    if not written:
        here = {}
        written = _read(database, INTERNAL_WRITE, "metrics_written", now, here)
    if not written:
        return AgentState()
    since = now - timedelta(seconds=recent)
    received = _read(database, INTERNAL_STATSD, "udp_packets_received", now, here)
    lost = {words: _compute_growth(_read(database, *key, now, here), since) for key, words in _LOSSES.items()}
    return AgentState(
        newest=written[-1].time,
        flush_seconds=_compute_flush_seconds(written),
        received=_compute_growth(received, since),
        address=received[-1].tags.get("address", "") if received else "",
        agent=WATCH_METRICS if written[-1].tags.get("output") == WATCH_METRICS else "Telegraf",
        lost={words: number for words, number in lost.items() if number},
    )


def _read(
    database: Database, measurement: str, value: str, now: datetime, tags: Mapping[str, str]
) -> list[StoredValue]:
    return database.read_values(measurement, value, now - LOOK_BACK, now + LOOK_BACK, tags=tags)


def _compute_growth(readings: Sequence[StoredValue], since: datetime) -> int:
    """Return by how much a counter grew since a time, over all its series; a restart resets it to zero."""
    grown = 0
    before: dict[tuple[tuple[str, str], ...], float] = {}
    for reading in readings:
        key = tuple(sorted(reading.tags.items()))
        value = float(reading.value)
        if reading.time >= since and key in before:
            grown += int(value - before[key] if value >= before[key] else value)
        before[key] = value
    return grown


def _compute_flush_seconds(written: Sequence[StoredValue]) -> float | None:
    """Return the seconds between two flushes of one output, whose number of written metrics grows only then."""
    one = [reading for reading in written if reading.tags == written[-1].tags]
    changes = [later.time for earlier, later in pairwise(one) if later.value != earlier.value]
    gaps = [(b - a).total_seconds() for a, b in pairwise(changes)]
    return median(gaps) if gaps else None
