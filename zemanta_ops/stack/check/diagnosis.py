"""Find where a metric is lost, from the arrival of the probe and from what Telegraf reports about itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from zemanta_ops.stack.agent_contract import WATCH_METRICS
from zemanta_ops.stack.check.agent_config import AgentConfig
from zemanta_ops.stack.check.agent_output import find_obstacle
from zemanta_ops.stack.check.agent_process import TELEGRAF, AgentProcess
from zemanta_ops.stack.check.hops import Hop, fail_hop
from zemanta_ops.stack.check.probe import write_directly
from zemanta_ops.stack.check.telegraf_stats import AgentState
from zemanta_ops.stack.databases import Database, DatabaseError, StoredValue

# The probe's time is that of its collection, between sending and arrival. Clocks may differ by this many seconds.
CLOCK_TOLERANCE = 5.0
_SAME_BATCH = 0.5
# Restarts in ten minutes: this many can be those of a person who is mending the configuration; more cannot.
_RESTARTS = 2
_MANY_RESTARTS = 9
_KERNEL = "datagrams in the kernel because its receive buffer was full"
# Telegraf adds this tag itself, so it says nothing about those that were sent.
_HOST = "host"
# The right to write is that of the application: it says nothing about the agent's.
_NOT_OURS = ("forbidden", "unauthorized", "read_only")


@dataclass(frozen=True)
class Arrival:
    """Whether and how the probe was found.

    ``error`` is the last failure of the database while waiting, ``sent_tags`` are those that the probe was sent with.
    """

    sent_at: datetime
    until: datetime
    attempts: int
    reading: StoredValue | None = None
    latency: float | None = None
    error: DatabaseError | None = None
    sent_tags: Mapping[str, str] = field(default_factory=dict)

    def compute_skew(self) -> float:
        """Return by how many seconds the probe's time is outside the time between sending and arrival."""
        if self.reading is None:
            return 0.0
        early = (self.reading.time - self.sent_at).total_seconds()
        late = (self.reading.time - self.until).total_seconds()
        return min(early, 0.0) or max(late, 0.0)


@dataclass(frozen=True)
class Evidence:
    """What is known about the agent besides the arrival of the probe.

    Attributes:
        state: What it reports about itself.
        port: The port that the application sends to.
        dogstatsd: Whether the application writes tags as DogStatsD does.
        process: The program that has the port on this machine; None if that is unknown.
        changes: How often another socket took the port while the probe was on its way.
        is_stuck: Whether what was sent stayed unread.
        lost_by_kernel: Datagrams that the kernel dropped meanwhile.
        failed_before: What an agent behind the database's URL had not delivered before the probe was sent.

    """

    state: AgentState
    port: int
    dogstatsd: bool = False
    process: AgentProcess | None = None
    changes: int = 0
    is_stuck: bool = False
    lost_by_kernel: int = 0
    failed_before: Mapping[str, int] = field(default_factory=dict)

    @property
    def config(self) -> AgentConfig:
        """The agent's configuration; empty if it cannot be read."""
        return self.process.config if self.process else AgentConfig()

    @property
    def stranger(self) -> str:
        """The name of the program on the port if it is known and writes to no database."""
        name = self.process.name if self.process else ""
        if self.process and name == WATCH_METRICS:
            return "" if self.process.writes else f"{name} without --write"
        return name if name and name != TELEGRAF else ""


def judge_telegraf(arrival: Arrival, evidence: Evidence, database: Database) -> Hop:
    """Return what is known about the agent's part of the way."""
    if arrival.error is not None:
        return Hop("telegraf", "skipped", "the database failed while the probe was on its way")
    if failure := _find_failure(evidence, database):
        return failure
    # The agent's points have the time of its clock.
    age = evidence.state.compute_age(arrival.until + timedelta(seconds=arrival.compute_skew()))
    if arrival.reading is not None:
        return _describe_success(evidence.state, age)
    suspects: tuple[Callable[[], Hop | None], ...] = (
        lambda: _suspect_process(evidence),
        lambda: _suspect_database(database),
        lambda: _suspect_restarts(evidence),
        lambda: _suspect_pace(arrival, evidence, age),
        lambda: _suspect_output(arrival, evidence, age, database),
    )
    found = (suspect() for suspect in suspects)
    alive = Hop("telegraf", "ok", f"{evidence.state.agent} wrote about itself {max(age or 0, 0):.1f} s ago")
    return next((hop for hop in found if hop), alive)


def judge_probe(arrival: Arrival, telegraf: Hop, timeout: float, evidence: Evidence) -> Hop:
    """Return whether the probe arrived, when, and with its tags."""
    if arrival.reading is None:
        return _describe_absence(arrival, telegraf, timeout)
    skew = arrival.compute_skew()
    if abs(skew) > CLOCK_TOLERANCE:
        return _describe_skew(skew, arrival, evidence.config)
    again = f", sent {arrival.attempts} times" if arrival.attempts > 1 else ""
    text = f"the metric was readable {arrival.latency:.2f} s after it was sent{again}"
    lost = sorted(name for name in arrival.sent_tags if name not in arrival.reading.tags)
    if lost:
        return _describe_lost_tags(arrival, evidence, lost, text)
    return Hop("probe", "ok", text, seconds=arrival.latency)


def _describe_skew(skew: float, arrival: Arrival, config: AgentConfig) -> Hop:
    ahead = "ahead of" if skew > 0 else "behind"
    text = f"the probe arrived with a time {abs(skew):,.0f} s {ahead} this machine's clock"
    is_rounded = abs(skew) <= config.precision_seconds
    text += f": the agent's configuration has {config.precision}" if is_rounded else ""
    return fail_hop(
        "probe", "agent_precision" if is_rounded else "clock_skew", text, arrival.latency, skew_seconds=skew
    )


def _describe_lost_tags(arrival: Arrival, evidence: Evidence, lost: list[str], text: str) -> Hop:
    sees_tags = evidence.config.lacks_extensions is False
    is_unread = evidence.dogstatsd and not sees_tags and not set(arrival.sent_tags) - {*lost, _HOST}
    all_lost = is_unread or len(lost) == len(arrival.sent_tags)
    cause = "extensions_off" if is_unread else "tags_lost"
    what = f"{text}, but without its tags {', '.join(lost)}"
    return Hop("probe", "failed" if all_lost else "warning", what, cause, arrival.latency, {"tags": lost})


def _describe_absence(arrival: Arrival, telegraf: Hop, timeout: float) -> Hop:
    if arrival.error is not None:
        return fail_hop("probe", arrival.error.kind, f"the database could not be queried any more: {arrival.error}")
    text = f"the probe was not readable within {timeout:g} s"
    return fail_hop("probe", telegraf.cause or "probe_lost", text)


def _describe_success(state: AgentState, age: float | None) -> Hop:
    if age is None and state.others:
        text = f"{state.others} agents report about themselves, none of them under the name of this machine"
        return Hop("telegraf", "warning", text, "no_name")
    if age is None:
        return Hop("telegraf", "warning", "the agent reports nothing about itself", "no_internals")
    if state.is_shared:
        text = "two agents report about themselves under the name of this machine, so losses cannot be told apart"
        return Hop("telegraf", "warning", text, "same_name")
    if state.restarts > _RESTARTS:
        return Hop("telegraf", "warning", f"{_describe_restarts(state)}, unless you did that", "agent_restarting")
    pace = f", every {state.flush_seconds:.1f} s" if state.flush_seconds else ""
    return Hop("telegraf", "ok", f"{state.agent} wrote about itself {max(age, 0):.1f} s ago{pace}, and lost nothing")


def _find_failure(evidence: Evidence, database: Database) -> Hop | None:
    """Return what is wrong whether the probe arrived or not: metrics are being lost."""
    state = evidence.state
    if state.failed and state.waiting:
        return _explain_failed_writes(state, database)
    lost = {**state.lost, **({_KERNEL: evidence.lost_by_kernel} if evidence.lost_by_kernel > 0 else {})}
    if lost:
        return fail_hop("telegraf", "agent_dropping", f"{state.agent} lost {_join_losses(lost)}", lost=lost)
    if state.rejected or state.refused:
        what = f"{state.rejected:,} metrics" if state.rejected else f"a part of {state.refused} writes"
        text = f"the database refused {what} of {state.agent}, which gave them up"
        return fail_hop("telegraf", "agent_rejected", text, rejected=state.rejected, refused=state.refused)
    if evidence.changes > 1 or (state.restarts > _MANY_RESTARTS and not state.is_shared):
        return fail_hop("telegraf", "agent_restarting", _describe_restarts(state))
    return None


def _describe_restarts(state: AgentState) -> str:
    began = f"its counters began again {state.restarts} times in ten minutes"
    what = began if state.restarts else "its port was opened again"
    return f"{state.agent} ends and is started again: {what}"


def _explain_failed_writes(state: AgentState, database: Database) -> Hop:
    refusal = write_directly(database)
    text = f"{state.failed} writes of {state.agent} failed, and {state.waiting:,} points wait for the database"
    if refusal is None or refusal.kind in _NOT_OURS:
        return fail_hop("telegraf", "agent_failing", text, waiting=state.waiting)
    return fail_hop("telegraf", _name_cause(refusal), f"{text}: {refusal}", waiting=state.waiting)


def _suspect_process(evidence: Evidence) -> Hop | None:
    """Return what this machine shows: another program on the port, or one that does not read it."""
    state, process = evidence.state, evidence.process
    if state.listens_elsewhere(evidence.port) and (process is None or evidence.stranger or not process.name):
        text = f"{state.agent} listens on {state.address}: another program uses port {evidence.port}"
        return fail_hop("telegraf", "agent_elsewhere", text, address=state.address)
    name = process.name if process and process.name else "the program on the port"
    if evidence.is_stuck or (process and process.is_stopped):
        text = f"{name} has port {evidence.port} and does not read what arrives"
        return fail_hop("telegraf", "agent_hangs", text)
    if evidence.stranger and not state.newest:
        text = f"{evidence.stranger} (process {process.pid if process else 0}) has port {evidence.port}, not Telegraf"
        return fail_hop("telegraf", "port_taken", text)
    return None


def _suspect_database(database: Database) -> Hop | None:
    refusal = write_directly(database)
    if refusal is None or refusal.kind in _NOT_OURS:
        return None
    words = "the database can be read, but does not accept writes"
    return fail_hop("telegraf", _name_cause(refusal), f"{words}: {refusal}")


def _name_cause(refusal: DatabaseError) -> str:
    return "agent_rejected" if "field type conflict" in str(refusal) else refusal.kind


def _suspect_restarts(evidence: Evidence) -> Hop | None:
    """Return a finding if the agent was started again often, unless this machine shows that it now goes on."""
    state = evidence.state
    has_gone_on = evidence.process is not None and bool(evidence.process.name) and not evidence.changes
    if has_gone_on or state.is_shared or state.restarts <= _RESTARTS:
        return None
    return fail_hop("telegraf", "agent_restarting", _describe_restarts(state))


def _suspect_pace(arrival: Arrival, evidence: Evidence, age: float | None) -> Hop | None:
    """Return a finding if the agent writes too rarely for the probe to have arrived."""
    waited = (arrival.until - arrival.sent_at).total_seconds()
    state = evidence.state
    seconds = evidence.config.flush_seconds or state.flush_seconds
    if not seconds or waited >= 2 * seconds:
        return None
    # A metric waits up to one interval for its collection and one for the flush, which are usually about the same.
    if age is not None and (age < waited - _SAME_BATCH or not state.is_fresh(arrival.until)):
        return None
    if age is None and not evidence.config.flush_seconds:
        return None
    last = f"last did {age:.0f} s ago" if age is not None else "has not done so yet"
    text = f"{state.agent} writes every {seconds:.0f} s, and {last}"
    return fail_hop("telegraf", "slow_flush", text, flush_seconds=seconds)


def _suspect_output(arrival: Arrival, evidence: Evidence, age: float | None, database: Database) -> Hop | None:
    """Return a finding if what the agent writes does not arrive in this database."""
    state, config = evidence.state, evidence.config
    waited = (arrival.until - arrival.sent_at).total_seconds()
    if age is not None and age < waited - _SAME_BATCH:
        # It wrote what it had collected after the probe was sent, and the probe was not included.
        return None
    if undelivered := database.describe_undelivered(evidence.failed_before):
        return fail_hop("telegraf", "undelivered", f"writes are accepted and do not arrive. {undelivered}")
    if obstacle := find_obstacle(config.targets, evidence.process.pid if evidence.process else 0):
        return fail_hop("telegraf", obstacle.cause, f"{state.agent} cannot write: {obstacle.text}")
    outputs = f". Its configuration has: {'; '.join(config.outputs)}" if config.outputs else ""
    if age is None and config.has_internal is False:
        text = f"the agent reports nothing about itself{outputs}"
        return Hop("telegraf", "warning", text, "no_internals")
    if age is None:
        others = f", but {state.others} others have" if state.others else ""
        text = f"the agent of this machine has written nothing into this database{others}{outputs}"
        return fail_hop("telegraf", "agent_not_writing", text)
    text = f"{state.agent} last wrote into this database {age:.0f} s ago{outputs}"
    return fail_hop("telegraf", "agent_not_writing", text, age_seconds=age)


def _join_losses(lost: Mapping[str, int]) -> str:
    return " and ".join(f"{number:,} {words}" for words, number in lost.items())
