"""What the agent says about itself (Telegraf: ``inputs.internal``), read from the database that it writes to."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from zemanta_ops.stack.databases import Database, Reading
from zemanta_ops.stack.internal_measurements import STATSD, WATCH_METRICS, WRITE

# Far enough back to see how often Telegraf writes, even where that is once in a few minutes.
LOOK_BACK = timedelta(minutes=10)
FRESH_SECONDS = 15.0
# Where each loss is counted, and what it is called for people.
_LOSSES = {
    (STATSD, "udp_packets_dropped"): "datagrams, its message queue being full",
    (WRITE, "metrics_dropped"): "metrics, its buffer being full",
    (WRITE, "metrics_rejected"): "metrics that the database refused",
}


@dataclass(frozen=True)
class Internals:
    """The agent's state as its own points show it; ``newest`` is None where there are none.

    ``agent`` is its name for people: Telegraf, or watch_metrics, which says the same of itself.
    """

    newest: datetime | None = None
    flush_seconds: float | None = None
    received: int = 0
    address: str = ""
    agent: str = "Telegraf"
    lost: Mapping[str, int] = field(default_factory=dict)

    def age(self, now: datetime) -> float | None:
        """Return the age of the newest point in seconds."""
        return (now - self.newest).total_seconds() if self.newest else None

    def fresh(self, now: datetime) -> bool:
        """Tell whether Telegraf seems to be alive: its newest point is younger than two of its flushes and some."""
        age = self.age(now)
        return age is not None and age < 2 * (self.flush_seconds or 0.0) + FRESH_SECONDS

    def listens_elsewhere(self, port: int) -> bool:
        """Tell whether its statsd input has another port than this."""
        return bool(self.address) and self.address.rpartition(":")[2] != str(port)


def read_internals(database: Database, now: datetime, recent: float) -> Internals:
    """Return what Telegraf of this machine said; of any machine if this one has none.

    ``lost`` is what was lost, and ``received`` the number of datagrams that came, in the last ``recent`` seconds.
    """
    here = {"host": socket.gethostname()}
    written = _read(database, WRITE, "metrics_written", now, here)
    if not written:
        here = {}
        written = _read(database, WRITE, "metrics_written", now, here)
    if not written:
        return Internals()
    since = now - timedelta(seconds=recent)
    received = _read(database, STATSD, "udp_packets_received", now, here)
    lost = {words: _grown(_read(database, *key, now, here), since) for key, words in _LOSSES.items()}
    return Internals(
        newest=written[-1].time,
        flush_seconds=_pace(written),
        received=_grown(received, since),
        address=received[-1].tags.get("address", "") if received else "",
        agent=WATCH_METRICS if written[-1].tags.get("output") == WATCH_METRICS else "Telegraf",
        lost={words: number for words, number in lost.items() if number},
    )


def _read(database: Database, measurement: str, value: str, now: datetime, tags: Mapping[str, str]) -> list[Reading]:
    return database.readings(measurement, value, now - LOOK_BACK, now + LOOK_BACK, tags=tags)


def _grown(readings: Sequence[Reading], since: datetime) -> int:
    """Return by how much a counter grew since a time, over all its series; a restart sets it to zero."""
    grown = 0
    before: dict[tuple[tuple[str, str], ...], float] = {}
    for reading in readings:
        key = tuple(sorted(reading.tags.items()))
        value = float(reading.value)
        if reading.time >= since and key in before:
            grown += int(value - before[key] if value >= before[key] else value)
        before[key] = value
    return grown


def _pace(written: Sequence[Reading]) -> float | None:
    """Return the seconds between two flushes of one output: its number of metrics written grows only at a flush."""
    one = [reading for reading in written if reading.tags == written[-1].tags]
    changes = [later.time for earlier, later in pairwise(one) if later.value != earlier.value]
    gaps = [(b - a).total_seconds() for a, b in pairwise(changes)]
    return median(gaps) if gaps else None
