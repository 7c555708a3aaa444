"""Follow one metric from the application to the database, and report the hop at which it stops."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from datetime import datetime, timedelta, timezone
from typing import Any

from zemanta_ops.conf import conf, read_hostname
from zemanta_ops.extras import MissingExtraError
from zemanta_ops.metrics.options import Options, from_settings
from zemanta_ops.stack.check.agent_hop import check_agent
from zemanta_ops.stack.check.agent_process import AgentProcess, ListenerWatch, find_agent_process, is_local
from zemanta_ops.stack.check.cloudwatch import check_cloudwatch
from zemanta_ops.stack.check.diagnosis import Arrival, Evidence, judge_probe, judge_telegraf
from zemanta_ops.stack.check.hops import HOPS, FlowReport, Hop, fail_hop, skip_hop
from zemanta_ops.stack.check.probe import Probe
from zemanta_ops.stack.check.telegraf_stats import AgentState, read_agent_state
from zemanta_ops.stack.databases import Database, DatabaseError, Retry, StoredValue
from zemanta_ops.stack.databases.errors import SILENT, TRANSIENT
from zemanta_ops.stack.settings import NO_DATABASE, find_database, list_faults
from zemanta_ops.stack.sockets import count_kernel_drops_of_port, show_address

# Seconds that one request to the database may take; a hung database is reported after this long.
REQUEST_SECONDS = 5.0
_RETRY = Retry(attempts=2, kinds=TRANSIENT - SILENT)
_POLL_SECONDS = 0.2


def compute_default_timeout(delay: float = 0.0) -> float:
    """Return how many seconds to wait for the probe: three intervals of the agent, its jitter, 5 s, and ``delay``."""
    return 3 * conf.metrics.agent_interval + conf.metrics.agent_jitter + 5 + delay


def check_flow(timeout: float | None = None, waiting: Callable[[float], None] | None = None) -> FlowReport:
    """Send a probe and follow it; return the findings, and do not raise for any of them.

    Args:
        timeout: Seconds to wait until the probe is readable; ``compute_default_timeout()`` if None.
        waiting: Called with the seconds waited so far, while waiting.

    """
    options = from_settings()
    settings, database = _check_settings(options)
    if settings.status == "failed":
        return _stop([settings], "the settings come first")
    with ExitStack() as stack:
        if database:
            stack.enter_context(database)
        probe = stack.enter_context(closing(Probe(options)))
        at_home = is_local(options.host)
        drops_before = _count_drops(options, at_home)
        agent = check_agent(probe, options, is_local=at_home)
        if database is None:
            return _stop([settings, agent], NO_DATABASE)
        found = _check_database(database)
        if agent.status == "failed":
            if found.status == "ok":
                agent = _find_agent_elsewhere(agent, database, options)
            return _stop([settings, agent, found], "nothing could be sent")
        if found.status == "failed" and found.cause != "limit":
            return _stop([settings, agent, found], "the database comes first")
        timeout = compute_default_timeout(database.delay) if timeout is None else timeout
        listener = ListenerWatch(options.protocol, options.port, is_local=at_home)
        failed_before = database.count_failed_deliveries()
        arrival = _wait(probe, database, timeout, listener, waiting)
        evidence = _collect_evidence(arrival, database, options, listener, drops_before, failed_before)
        telegraf = judge_telegraf(arrival, evidence, database)
        last = judge_probe(arrival, telegraf, timeout, evidence)
        hops = (settings, agent, found, telegraf, last)
        return FlowReport((*hops, *check_cloudwatch(database)), arrival.latency)


def _stop(hops: list[Hop], why: str) -> FlowReport:
    return FlowReport((*hops, *(skip_hop(name, why) for name in HOPS[len(hops) :])))


def _check_settings(options: Options) -> tuple[Hop, Database | None]:
    if faults := list_faults():
        cause = "setting" if any(fault.is_decisive for fault in conf.find_faults()) else "incomplete"
        return fail_hop("settings", cause, "; ".join(faults)), None
    if not options.enabled:
        return fail_hop("settings", "disabled", "metrics are switched off"), None
    try:
        database = find_database(timeout=REQUEST_SECONDS, retry=_RETRY)
    except ValueError as error:
        return fail_hop("settings", "incomplete", str(error)), None
    except MissingExtraError as error:
        return fail_hop("settings", "missing_client", str(error)), None
    where = f"{options.protocol} {show_address(options.host, options.port)}, {options.dialect} dialect"
    return Hop("settings", "ok", f"{where}; {database.name if database else 'no database'}"), database


def _collect_evidence(
    arrival: Arrival,
    database: Database,
    options: Options,
    listener: ListenerWatch,
    drops_before: int,
    failed_before: Mapping[str, int],
) -> Evidence:
    process = find_agent_process(options.protocol, options.port) if listener.is_local else None
    # If the database has just failed, another query would only cost another time-out.
    state = AgentState() if arrival.error else _read_agent_state(database, _list_hosts(arrival, process), arrival)
    return Evidence(
        state,
        options.port,
        dogstatsd=options.dialect == "dogstatsd",
        process=process,
        changes=listener.changes,
        is_stuck=listener.is_stuck,
        lost_by_kernel=_count_drops(options, listener.is_local) - drops_before,
        failed_before=failed_before,
    )


def _list_hosts(arrival: Arrival | None = None, process: AgentProcess | None = None) -> list[str]:
    """Return the names under which the agent of this machine may report about itself, the most certain first."""
    from_probe = arrival.reading.tags.get("host", "") if arrival and arrival.reading else ""
    # If the application sends no tag host, the agent adds its own.
    own = from_probe if arrival and "host" not in arrival.sent_tags else ""
    configured = process.config.hostname if process else ""
    names = (own, configured, socket.gethostname(), read_hostname() or "", conf.metrics.host_tag or "")
    return list(dict.fromkeys(name for name in names if name and "$" not in name))


def _count_drops(options: Options, at_home: bool) -> int:
    return (count_kernel_drops_of_port(options.port) or 0) if at_home and options.protocol == "udp" else 0


def _find_agent_elsewhere(agent: Hop, database: Database, options: Options) -> Hop:
    """Return the failed hop, with the port that Telegraf reports if that is a different one."""
    state = _read_agent_state(database, _list_hosts())
    fresh = state.is_fresh(datetime.now(timezone.utc))
    if agent.cause != "agent_down" or not fresh or not state.listens_elsewhere(options.port):
        return agent
    text = f"{agent.text}; {state.agent} is alive and listens on {state.address}"
    return fail_hop("agent", "agent_elsewhere", text, agent.seconds, address=state.address)


def _check_database(database: Database) -> Hop:
    start = time.monotonic()
    try:
        version = database.read_version()
        database.verify()
        usage = database.read_series_usage()
    except DatabaseError as error:
        return fail_hop("database", error.kind, f"{database.name}: {error}", time.monotonic() - start)
    seconds = time.monotonic() - start
    if usage and usage[0] >= usage[1]:
        text = f"{database.name} is full: {usage[0]} series, and max-series-per-database is {usage[1]}"
        return fail_hop("database", "limit", text, seconds, series=usage[0], limit=usage[1])
    return Hop("database", "ok", f"{database.name} can be read, {database.product} {version}", seconds=seconds)


def _wait(
    probe: Probe,
    database: Database,
    timeout: float,
    listener: ListenerWatch,
    waiting: Callable[[float], None] | None,
) -> Arrival:
    """Search for the probe until it is found or the time is over, and send it again in every interval of the agent.

    Sending it again covers the loss of one datagram, and another canary that sets the same gauge in one interval.
    """
    deadline = probe.sent_at + timeout
    again = time.monotonic() + conf.metrics.agent_interval
    error: DatabaseError | None = None

    def conclude(**found: Any) -> Arrival:
        tags = {database.spell_name(name): value for name, value in probe.tags.items()}
        return Arrival(probe.sent_time, datetime.now(timezone.utc), probe.attempts, sent_tags=tags, **found)

    while True:
        listener.look()
        try:
            reading, error = probe.find(database), None
        except DatabaseError as failure:
            reading, error = None, failure
        now = time.monotonic()
        if reading:
            return conclude(reading=reading, latency=now - probe.sent_at)
        if now >= deadline:
            far = None if error else _find_far_away(probe, database)
            return conclude(error=error, reading=far, latency=now - probe.sent_at if far else None)
        if now >= again:
            probe.send()
            again = now + conf.metrics.agent_interval
        if waiting:
            waiting(now - probe.sent_at)
        time.sleep(min(_POLL_SECONDS, max(deadline - now, 0)))


def _find_far_away(probe: Probe, database: Database) -> StoredValue | None:
    """Return the probe if it has a time that is wrong by days, as of a clock without a battery."""
    try:
        return probe.find(database, at_any_time=True)
    except DatabaseError:
        # Not every database may be asked for so long a time.
        return None


def _read_agent_state(database: Database, hosts: list[str], arrival: Arrival | None = None) -> AgentState:
    recent = max(60.0, 3 * conf.metrics.agent_interval)
    # The agent's points have the time of its clock.
    skew = timedelta(seconds=arrival.compute_skew() if arrival else 0.0)
    try:
        return read_agent_state(database, datetime.now(timezone.utc) + skew, recent, hosts)
    except DatabaseError:
        # Only the diagnosis depends on it.
        return AgentState()
