"""From whether the probe came, and what Telegraf says about itself, to where a metric is lost."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from zemanta_ops.stack.check.hops import Hop, failed
from zemanta_ops.stack.check.telegraf_stats import Internals
from zemanta_ops.stack.databases import Database, DatabaseError, Point, Reading
from zemanta_ops.stack.databases.errors import from_answer

# The agent's point has the time of its collection, between the sending and the arrival; clocks are this exact.
CLOCK_TOLERANCE = 5.0
_SAME_BATCH = 0.5
_KERNEL = "datagrams in the kernel, its receive buffer being full"


@dataclass(frozen=True)
class Arrival:
    """The probe as it was found, or that it was not; ``error`` is the database's last failure while waiting."""

    sent_at: datetime
    until: datetime
    attempts: int
    reading: Reading | None = None
    latency: float | None = None
    error: DatabaseError | None = None

    def skew(self) -> float:
        """Return by how many seconds the probe's time lies outside the time in which it travelled."""
        if self.reading is None:
            return 0.0
        early = (self.reading.time - self.sent_at).total_seconds()
        late = (self.reading.time - self.until).total_seconds()
        return min(early, 0.0) or max(late, 0.0)


def telegraf_hop(arrival: Arrival, internals: Internals, database: Database, port: int, lost_by_kernel: int) -> Hop:
    """Return what is known of the agent's half of the way."""
    lost = {**internals.lost, **({_KERNEL: lost_by_kernel} if lost_by_kernel > 0 else {})}
    if lost:
        return failed("telegraf", "agent_dropping", f"{internals.agent} lost {_list(lost)}", lost=lost)
    if arrival.error is not None:
        return Hop("telegraf", "skipped", "the database failed while the probe was on its way")
    age = internals.age(arrival.until)
    if arrival.reading is not None:
        return _well(internals, age)
    return _suspect(arrival, internals, age, database, port)


def probe_hop(arrival: Arrival, telegraf: Hop, timeout: float) -> Hop:
    """Return whether the probe arrived, and when."""
    if arrival.reading is None:
        return _not_arrived(arrival, telegraf, timeout)
    skew = arrival.skew()
    if abs(skew) > CLOCK_TOLERANCE:
        ahead = "ahead of" if skew > 0 else "behind"
        text = f"the probe arrived with a time {abs(skew):.0f} s {ahead} this machine's clock"
        return failed("probe", "clock_skew", text, arrival.latency, skew_seconds=skew)
    again = f", sent {arrival.attempts} times" if arrival.attempts > 1 else ""
    text = f"the metric was readable {arrival.latency:.2f} s after it was sent{again}"
    return Hop("probe", "ok", text, seconds=arrival.latency)


def _not_arrived(arrival: Arrival, telegraf: Hop, timeout: float) -> Hop:
    if arrival.error is not None:
        return failed("probe", arrival.error.kind, f"the database could not be asked any more: {arrival.error}")
    text = f"the probe was not readable within {timeout:g} s"
    return failed("probe", telegraf.cause or "probe_lost", text)


def _well(internals: Internals, age: float | None) -> Hop:
    if age is None:
        return Hop("telegraf", "warning", "the agent says nothing about itself", "no_internals")
    pace = f", every {internals.flush_seconds:.1f} s" if internals.flush_seconds else ""
    return Hop(
        "telegraf", "ok", f"{internals.agent} wrote about itself {max(age, 0):.1f} s ago{pace}, and lost nothing"
    )


def _suspect(arrival: Arrival, internals: Internals, age: float | None, database: Database, port: int) -> Hop:
    """Tell why nothing came, from the most certain sign to the least."""
    refusal = write_directly(database)
    if refusal is not None:
        words = "the database may be read, but takes nothing"
        cause = {"forbidden": "read_only", "unauthorized": "read_only"}.get(refusal.kind, refusal.kind)
        return failed("telegraf", cause, f"{words}: {refusal}")
    if age is None:
        return Hop("telegraf", "warning", "the agent says nothing about itself in this database", "no_internals")
    waited = (arrival.until - arrival.sent_at).total_seconds()
    if age < waited - _SAME_BATCH:
        # It wrote what it collected after the probe had been sent, and the probe was not in it.
        if internals.listens_elsewhere(port):
            text = f"{internals.agent} listens on {internals.address}: another program has port {port}"
            return failed("telegraf", "agent_elsewhere", text, address=internals.address)
        return Hop("telegraf", "ok", f"{internals.agent} wrote about itself {max(age, 0):.1f} s ago, and lost nothing")
    # A metric takes up to one interval of collection and one of flushing, which are seldom far apart.
    if internals.flush_seconds and waited < 2 * internals.flush_seconds and internals.fresh(arrival.until):
        text = f"{internals.agent} writes every {internals.flush_seconds:.0f} s, and last did {age:.0f} s ago"
        return failed("telegraf", "slow_flush", text, flush_seconds=internals.flush_seconds)
    text = f"{internals.agent} last wrote into this database {age:.0f} s ago"
    return failed("telegraf", "agent_not_writing", text, age_seconds=age)


def write_directly(database: Database) -> DatabaseError | None:
    """Write one point past the agent; return what the database has against it. It is always the same series."""
    point = Point("zemanta_ops_probe", {"direct": float(time.time_ns() % 2**48)}, {"metric_type": "direct"})
    try:
        report = database.write([point])
    except DatabaseError as error:
        return error
    return from_answer(400, report.refused[0][1]) if report.refused else None


def _list(lost: Mapping[str, int]) -> str:
    return " and ".join(f"{number:,} {words}" for words, number in lost.items())
