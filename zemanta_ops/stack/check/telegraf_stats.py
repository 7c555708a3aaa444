"""What the agent reports about itself (Telegraf: ``inputs.internal``), read from the database that it writes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from zemanta_ops.stack.agent_contract import INTERNAL_STATSD, INTERNAL_WRITE, OUTPUT_ALIAS, WATCH_METRICS
from zemanta_ops.stack.databases import Database, StoredValue

# Long enough to see how often Telegraf writes, even if that is once in a few minutes.
LOOK_BACK = timedelta(minutes=10)
FRESH_SECONDS = 15.0
# The field that counts each loss, and how to name the loss to a person.
_LOSSES = {
    (INTERNAL_STATSD, "udp_packets_dropped"): "datagrams because its message queue was full",
    (INTERNAL_WRITE, "metrics_dropped"): "metrics because its buffer was full",
}


@dataclass(frozen=True)
class AgentState:
    """The agent's state as its own points show it; ``newest`` is None if there are none.

    Attributes:
        newest: The time of its newest point.
        flush_seconds: How often it writes.
        received: Datagrams received recently.
        address: Where its statsd input listens.
        agent: Its name for people: Telegraf, or watch_metrics, which reports the same about itself.
        lost: What it lost recently, in words.
        failed: Writes that failed recently, if the newest did too.
        waiting: Points that wait for the database.
        rejected: Metrics that the database refused recently.
        refused: Writes of which the database refused a part recently.
        restarts: How often its counters began again.
        is_shared: Two agents report under one name, so their counters cannot be told apart.
        others: How many other agents report here, if the one of this machine is not among them.

    """

    newest: datetime | None = None
    flush_seconds: float | None = None
    received: int = 0
    address: str = ""
    agent: str = "Telegraf"
    lost: Mapping[str, int] = field(default_factory=dict)
    failed: int = 0
    waiting: int = 0
    rejected: int = 0
    refused: int = 0
    restarts: int = 0
    is_shared: bool = False
    others: int = 0

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


def read_agent_state(database: Database, now: datetime, recent: float, hosts: Sequence[str]) -> AgentState:
    """Return what the agent reported whose tag ``host`` is one of ``hosts``, or the only agent there is.

    Counts are those of the last ``recent`` seconds.
    """
    for host in hosts:
        if written := _choose_output(_read(database, INTERNAL_WRITE, "metrics_written", now, host)):
            return _build_state(database, now, recent, host, written)
    # One agent of many: a short time is enough to count them, and a thousand of them must not take long.
    start = now - timedelta(seconds=max(2 * FRESH_SECONDS, 1.5 * recent / 3))
    found = database.read_values(INTERNAL_WRITE, "metrics_written", start, now + LOOK_BACK)
    names = {reading.tags.get("host", "") for reading in found}
    if len(names) != 1:
        return AgentState(others=len(names))
    (host,) = names
    written = _choose_output(_read(database, INTERNAL_WRITE, "metrics_written", now, host))
    return _build_state(database, now, recent, host, written) if written else AgentState()


def _build_state(
    database: Database, now: datetime, recent: float, host: str, written: Sequence[StoredValue]
) -> AgentState:
    since = now - timedelta(seconds=recent)
    own = {key: value for key, value in written[-1].tags.items() if key in ("alias", "output")}

    def read(name: str) -> list[StoredValue]:
        return [each for each in _read(database, INTERNAL_WRITE, name, now, host) if own.items() <= each.tags.items()]

    received = _read(database, INTERNAL_STATSD, "udp_packets_received", now, host)
    restarts, is_shared = _count_restarts(written)
    can_refuse = database.refuses_parts and not is_shared
    lost = {}
    for (measurement, name), words in _LOSSES.items():
        values = read(name) if measurement == INTERNAL_WRITE else _read(database, measurement, name, now, host)
        lost[words] = _compute_growth(values, since)
    errors, waiting = read("write_errors"), read("buffer_size")
    failed = _compute_growth(errors, since)
    return AgentState(
        newest=written[-1].time,
        flush_seconds=_compute_flush_seconds(written),
        received=_compute_growth(received, since),
        address=received[-1].tags.get("address", "") if received else "",
        agent=WATCH_METRICS if written[-1].tags.get("output") == WATCH_METRICS else "Telegraf",
        lost={} if is_shared else {words: number for words, number in lost.items() if number},
        failed=failed if _compare_newest(errors) > 0 and _compare_newest(waiting) >= 0 else 0,
        waiting=int(float(waiting[-1].value)) if waiting else 0,
        rejected=0 if is_shared else _compute_growth(read("metrics_rejected"), since),
        # A refusal of some points of a write is logged as an error, and the write counts as done. So does a URL of
        # several that is dead, which only databases that never refuse a part can have.
        refused=_compute_growth(read("errors"), since) if can_refuse and not failed else 0,
        restarts=restarts,
        is_shared=is_shared,
    )


def _read(database: Database, measurement: str, value: str, now: datetime, host: str) -> list[StoredValue]:
    return database.read_values(measurement, value, now - LOOK_BACK, now + LOOK_BACK, tags={"host": host})


def _choose_output(written: Sequence[StoredValue]) -> Sequence[StoredValue]:
    """Return the readings of the generated output if there are any: others may be those of another Telegraf."""
    return [each for each in written if each.tags.get("alias") == OUTPUT_ALIAS] or written


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


def _compare_newest(readings: Sequence[StoredValue]) -> float:
    """Return by how much a value changed in the last readings."""
    return float(readings[-1].value) - float(readings[-3].value) if len(readings) >= 3 else 0.0


def _count_restarts(written: Sequence[StoredValue]) -> tuple[int, bool]:
    """Return how often the counter of one output fell, and whether two agents write it.

    Then it comes back, and mostly falls to a higher number than the time before. An agent that was started again begins
    with about the same number.
    """
    values = [float(reading.value) for reading in written if reading.tags == written[-1].tags]
    falls = [number for number in range(1, len(values)) if values[number] < values[number - 1]]
    came_back = sum(max(values[number : number + 4]) >= values[number - 1] for number in falls)
    higher = [values[number] > values[before] for before, number in pairwise(falls)]
    return len(falls), came_back > 1 and sum(higher) > 0.7 * len(higher)


def _compute_flush_seconds(written: Sequence[StoredValue]) -> float | None:
    """Return the seconds between two flushes of one output, whose number of written metrics grows only then."""
    one = [reading for reading in written if reading.tags == written[-1].tags]
    changes = [later.time for earlier, later in pairwise(one) if later.value != earlier.value]
    gaps = [(b - a).total_seconds() for a, b in pairwise(changes)]
    return median(gaps) if gaps else None
