"""Find where a metric is lost, from the arrival of the probe and from what Telegraf reports about itself."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from zemanta_ops.stack.check.hops import Hop, fail_hop
from zemanta_ops.stack.check.telegraf_stats import AgentState
from zemanta_ops.stack.databases import Database, DatabaseError, Point, StoredValue
from zemanta_ops.stack.databases.errors import classify_answer

# The probe's time is that of its collection, between sending and arrival. Clocks may differ by this many seconds.
CLOCK_TOLERANCE = 5.0
_SAME_BATCH = 0.5
_KERNEL = "datagrams in the kernel because its receive buffer was full"


@dataclass(frozen=True)
class Arrival:
    """Whether and how the probe was found; ``error`` is the last failure of the database while waiting."""

    sent_at: datetime
    until: datetime
    attempts: int
    reading: StoredValue | None = None
    latency: float | None = None
    error: DatabaseError | None = None

    def compute_skew(self) -> float:
        """Return by how many seconds the probe's time is outside the time between sending and arrival."""
        if self.reading is None:
            return 0.0
        early = (self.reading.time - self.sent_at).total_seconds()
        late = (self.reading.time - self.until).total_seconds()
        return min(early, 0.0) or max(late, 0.0)


def judge_telegraf(arrival: Arrival, state: AgentState, database: Database, port: int, lost_by_kernel: int) -> Hop:
    """Return what is known about the agent's part of the way."""
    lost = {**state.lost, **({_KERNEL: lost_by_kernel} if lost_by_kernel > 0 else {})}
    if lost:
        return fail_hop("telegraf", "agent_dropping", f"{state.agent} lost {_join_losses(lost)}", lost=lost)
    if arrival.error is not None:
        return Hop("telegraf", "skipped", "the database failed while the probe was on its way")
    age = state.compute_age(arrival.until)
    if arrival.reading is not None:
        return _describe_success(state, age)
    return _find_suspect(arrival, state, age, database, port)


def judge_probe(arrival: Arrival, telegraf: Hop, timeout: float) -> Hop:
    """Return whether the probe arrived, and when."""
    if arrival.reading is None:
        return _describe_absence(arrival, telegraf, timeout)
    skew = arrival.compute_skew()
    if abs(skew) > CLOCK_TOLERANCE:
        ahead = "ahead of" if skew > 0 else "behind"
        text = f"the probe arrived with a time {abs(skew):.0f} s {ahead} this machine's clock"
        return fail_hop("probe", "clock_skew", text, arrival.latency, skew_seconds=skew)
    again = f", sent {arrival.attempts} times" if arrival.attempts > 1 else ""
    text = f"the metric was readable {arrival.latency:.2f} s after it was sent{again}"
    return Hop("probe", "ok", text, seconds=arrival.latency)


def _describe_absence(arrival: Arrival, telegraf: Hop, timeout: float) -> Hop:
    if arrival.error is not None:
        return fail_hop("probe", arrival.error.kind, f"the database could not be queried any more: {arrival.error}")
    text = f"the probe was not readable within {timeout:g} s"
    return fail_hop("probe", telegraf.cause or "probe_lost", text)


def _describe_success(state: AgentState, age: float | None) -> Hop:
    if age is None:
        return Hop("telegraf", "warning", "the agent reports nothing about itself", "no_internals")
    pace = f", every {state.flush_seconds:.1f} s" if state.flush_seconds else ""
    return Hop("telegraf", "ok", f"{state.agent} wrote about itself {max(age, 0):.1f} s ago{pace}, and lost nothing")


def _find_suspect(arrival: Arrival, state: AgentState, age: float | None, database: Database, port: int) -> Hop:
    """Return why nothing arrived, from the most certain sign to the least."""
    refusal = write_directly(database)
    if refusal is not None:
        words = "the database can be read, but does not accept writes"
        cause = {"forbidden": "read_only", "unauthorized": "read_only"}.get(refusal.kind, refusal.kind)
        return fail_hop("telegraf", cause, f"{words}: {refusal}")
    if age is None:
        return Hop("telegraf", "warning", "the agent reports nothing about itself in this database", "no_internals")
    waited = (arrival.until - arrival.sent_at).total_seconds()
    if age < waited - _SAME_BATCH:
        # It wrote what it had collected after the probe was sent, and the probe was not included.
        if state.listens_elsewhere(port):
            text = f"{state.agent} listens on {state.address}: another program uses port {port}"
            return fail_hop("telegraf", "agent_elsewhere", text, address=state.address)
        return Hop("telegraf", "ok", f"{state.agent} wrote about itself {max(age, 0):.1f} s ago, and lost nothing")
    # A metric waits up to one interval for its collection and one for the flush, which are usually about the same.
    if state.flush_seconds and waited < 2 * state.flush_seconds and state.is_fresh(arrival.until):
        text = f"{state.agent} writes every {state.flush_seconds:.0f} s, and last did {age:.0f} s ago"
        return fail_hop("telegraf", "slow_flush", text, flush_seconds=state.flush_seconds)
    text = f"{state.agent} last wrote into this database {age:.0f} s ago"
    return fail_hop("telegraf", "agent_not_writing", text, age_seconds=age)


def write_directly(database: Database) -> DatabaseError | None:
    """Write one point without the agent, always to the same series; return why the database refuses it, or None."""
    point = Point("zemanta_ops_probe", {"direct": float(time.time_ns() % 2**48)}, {"metric_type": "direct"})
    try:
        report = database.write([point])
    except DatabaseError as error:
        return error
    return classify_answer(400, report.refused[0][1]) if report.refused else None


def _join_losses(lost: Mapping[str, int]) -> str:
    return " and ".join(f"{number:,} {words}" for words, number in lost.items())
