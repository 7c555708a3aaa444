"""Follows one metric from the application to InfluxDB and says at which hop it stops: ``check_metrics``."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import datetime, timezone

from zemanta_ops.conf import conf
from zemanta_ops.metrics.options import Options, from_settings
from zemanta_ops.stack.check.diagnosis import Arrival, probe_hop, telegraf_hop
from zemanta_ops.stack.check.hops import HOPS, FlowReport, Hop, failed, skipped
from zemanta_ops.stack.check.probe import Probe
from zemanta_ops.stack.check.telegraf_stats import Internals, read_internals
from zemanta_ops.stack.databases import Database, DatabaseError, MissingClientError, Retry
from zemanta_ops.stack.databases.errors import SILENT, TRANSIENT
from zemanta_ops.stack.settings import bad_settings, open_database
from zemanta_ops.stack.sockets import kernel_drops_of_port, show_address

# One request to the database may take so long; a database that hangs is told after it.
REQUEST_SECONDS = 5.0
_RETRY = Retry(attempts=2, kinds=TRANSIENT - SILENT)
_POLL_SECONDS = 0.2
_REFUSALS = {"refused": "agent_down", "dns": "agent_unknown"}


def default_timeout() -> float:
    """Return how long to wait for the probe: three of the agent's intervals and some, in seconds."""
    return 3 * conf.metrics.agent_interval + 5


def check(timeout: float | None = None, waiting: Callable[[float], None] | None = None) -> FlowReport:
    """Send a probe and follow it; never raises for what it finds.

    Args:
        timeout: seconds to wait until the probe is readable; ``default_timeout()`` if None.
        waiting: called with the seconds waited so far, while it waits.

    """
    timeout = default_timeout() if timeout is None else timeout
    options = from_settings()
    with ExitStack() as stack:
        settings, database = _check_settings(options)
        if settings.status == "failed":
            return _stop([settings], "the settings come first")
        if database:
            stack.enter_context(database)
        probe = stack.enter_context(closing(Probe(options)))
        drops_before = kernel_drops_of_port(options.port)
        agent = _check_agent(probe, options)
        if database is None:
            return _stop([settings, agent], "no InfluxDB is configured: set ZEMANTA_OPS['INFLUXDB']")
        found = _check_database(database)
        if agent.status == "failed":
            if found.status == "ok":
                agent = _agent_elsewhere(agent, database, options)
            return _stop([settings, agent, found], "nothing could be sent")
        if found.status == "failed" and found.cause != "limit":
            return _stop([settings, agent, found], "the database comes first")
        arrival = _wait(probe, database, timeout, waiting)
        # A database that failed just now is not asked again: it would cost another time-out.
        internals = Internals() if arrival.error else _internals(database)
        lost_by_kernel = (kernel_drops_of_port(options.port) or 0) - (drops_before or 0)
        telegraf = telegraf_hop(arrival, internals, database, options.port, lost_by_kernel)
        return FlowReport((settings, agent, found, telegraf, probe_hop(arrival, telegraf, timeout)), arrival.latency)


def _stop(hops: list[Hop], why: str) -> FlowReport:
    return FlowReport((*hops, *(skipped(name, why) for name in HOPS[len(hops) :])))


def _check_settings(options: Options) -> tuple[Hop, Database | None]:
    bad = list(bad_settings())
    if bad:
        return failed("settings", "setting", "; ".join(bad)), None
    if not options.enabled:
        return failed("settings", "disabled", "metrics are switched off"), None
    try:
        database = open_database(timeout=REQUEST_SECONDS, retry=_RETRY)
    except ValueError as error:
        return failed("settings", "incomplete", str(error)), None
    except MissingClientError as error:
        return failed("settings", "missing_client", str(error)), None
    where = f"{options.protocol} {show_address(options.host, options.port)}, {options.dialect} dialect"
    return Hop("settings", "ok", f"{where}; {database.name if database else 'no InfluxDB'}"), database


def _check_agent(probe: Probe, options: Options) -> Hop:
    where = f"{options.protocol} {show_address(options.host, options.port)}"
    start = time.monotonic()
    lost = probe.send()
    seconds = time.monotonic() - start
    if not lost:
        return Hop("agent", "ok", f"{where} takes datagrams", seconds=seconds)
    words = {"refused": f"nothing listens on {where}", "dns": f"the host name {options.host} is not known"}
    text = words.get(lost, f"{where} cannot be reached: {lost}")
    return failed("agent", _REFUSALS.get(lost, "agent_network"), text, seconds)


def _agent_elsewhere(agent: Hop, database: Database, options: Options) -> Hop:
    """Return the failed hop with the port that Telegraf says it listens on, if that is another."""
    internals = _internals(database)
    fresh = internals.fresh(datetime.now(timezone.utc))
    if agent.cause != "agent_down" or not fresh or not internals.listens_elsewhere(options.port):
        return agent
    text = f"{agent.text}; {internals.agent} is alive and listens on {internals.address}"
    return failed("agent", "agent_elsewhere", text, agent.seconds, address=internals.address)


def _check_database(database: Database) -> Hop:
    start = time.monotonic()
    try:
        version = database.version()
        database.verify()
        room = database.series_room()
    except DatabaseError as error:
        return failed("database", error.kind, f"{database.name}: {error}", time.monotonic() - start)
    seconds = time.monotonic() - start
    if room and room[0] >= room[1]:
        text = f"{database.name} is full: {room[0]} series, and max-series-per-database is {room[1]}"
        return failed("database", "limit", text, seconds, series=room[0], limit=room[1])
    return Hop("database", "ok", f"{database.name} can be read, InfluxDB {version}", seconds=seconds)


def _wait(probe: Probe, database: Database, timeout: float, waiting: Callable[[float], None] | None) -> Arrival:
    """Look for the probe until it is there or the time is over; it is sent again every interval of the agent.

    Sent again, it survives the loss of one datagram, and another canary that sets the same gauge in one interval.
    """
    sent_at = datetime.now(timezone.utc)
    deadline = probe.sent_at + timeout
    again = time.monotonic() + conf.metrics.agent_interval
    error: DatabaseError | None = None
    while True:
        try:
            reading, error = probe.find(database), None
        except DatabaseError as failure:
            reading, error = None, failure
        now = time.monotonic()
        if reading:
            return Arrival(sent_at, datetime.now(timezone.utc), probe.attempts, reading, now - probe.sent_at)
        if now >= deadline:
            return Arrival(sent_at, datetime.now(timezone.utc), probe.attempts, error=error)
        if now >= again:
            probe.send()
            again = now + conf.metrics.agent_interval
        if waiting:
            waiting(now - probe.sent_at)
        time.sleep(min(_POLL_SECONDS, max(deadline - now, 0)))


def _internals(database: Database) -> Internals:
    recent = max(60.0, 3 * conf.metrics.agent_interval)
    try:
        return read_internals(database, datetime.now(timezone.utc), recent)
    except DatabaseError:
        # Only the diagnosis depends on it.
        return Internals()
