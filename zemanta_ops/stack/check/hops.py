"""The hops of a metric from the application to the database, the finding at each, its causes and the advice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

HOPS = ("settings", "agent", "database", "telegraf", "probe")
# Beside the way of a metric: checked only if ZEMANTA_OPS["CLOUDWATCH"] is set.
CLOUDWATCH = "cloudwatch"
FIRST_EXIT_CODE = 10

Status = Literal["ok", "warning", "failed", "skipped"]

# The key is in the output of ``check_metrics --json``; docs/check_metrics.rst explains each.
ADVICE: dict[str, str] = {
    "disabled": "set ENABLED to True in ZEMANTA_OPS['METRICS'], or leave it out",
    "setting": "correct the setting. Run: manage.py check",
    "incomplete": "give ZEMANTA_OPS['INFLUXDB'] a URL and either DATABASE (1.x) or ORG, BUCKET and TOKEN (2.x)",
    "missing_client": "install the package that the message names",
    "agent_down": "start Telegraf (or manage.py watch_metrics), or correct HOST and PORT",
    "agent_elsewhere": "set PORT to the port of the agent's statsd input, or move that input",
    "agent_unknown": "correct HOST: this machine cannot resolve the name",
    "agent_network": "check the route and the firewall between this machine and HOST",
    "unreachable": "start InfluxDB, or correct the URL",
    "blocked": "the connection is never answered: check for a firewall, or correct the host of the URL",
    "timeout": "the port accepts the connection and never answers: InfluxDB hangs or is overloaded, or something in "
    "between drops the traffic. Check its log, its disk and its load",
    "unauthorized": "correct TOKEN (2.x), or USERNAME and PASSWORD (1.x)",
    "forbidden": "these credentials may not read the database: grant them READ",
    "missing": "create the database or bucket, or correct DATABASE, or BUCKET and ORG",
    "overloaded": "InfluxDB asks to be tried again later: check its load and its limits",
    "server": "InfluxDB failed: check its log",
    "refused": "InfluxDB refused the request: check its version and its log",
    "foreign": "set the URL to InfluxDB itself, not to a server that only accepts its writes",
    "limit": "InfluxDB accepts no new series: raise max-series-per-database (1.x), or use fewer tag values; "
    "manage.py metrics_series shows what this application can produce",
    "no_internals": "enable [[inputs.internal]] in Telegraf, so that the next failure can be located; "
    "watch_metrics writes only with --write",
    "agent_not_writing": "the agent does not write to this database: check Telegraf's log; its output has a URL, "
    "database and token of its own, not those of these settings; watch_metrics writes only with --write",
    "read_only": "these credentials may not write; if Telegraf uses them too, grant them WRITE",
    "slow_flush": "Telegraf writes rarely: lower its flush_interval, or set --timeout to more seconds",
    "agent_dropping": "Telegraf loses metrics: raise metric_buffer_limit, allowed_pending_messages and "
    "read_buffer_size, or find out why its writes are slow",
    "probe_lost": "Telegraf does not write what the application sends. Check that it is Telegraf that listens on HOST "
    "and PORT (watch_metrics writes only with --write), and that its output keeps the probe (namepass, namedrop)",
    "push_missing": "schedule manage.py push_cloudwatch, or deploy the Lambda function, and read its log",
    "push_stale": "the schedule has stopped, or every run fails: run manage.py push_cloudwatch and read its report",
    "push_incomplete": "runs fail for these declarations: run manage.py push_cloudwatch and read its report",
    "clock_skew": "synchronize the clocks of the machines (chrony, ntpd): points get the wrong time",
}


@dataclass(frozen=True)
class Hop:
    """The finding at one hop. If something is wrong, ``cause`` is a key of ``ADVICE``; times are in seconds."""

    name: str
    status: Status
    text: str
    cause: str = ""
    seconds: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def advice(self) -> str:
        """Return what to do."""
        return ADVICE.get(self.cause, "")

    @property
    def exit_code(self) -> int:
        """Return the exit code for a failure of this hop."""
        return FIRST_EXIT_CODE + (*HOPS, CLOUDWATCH).index(self.name)


@dataclass(frozen=True)
class FlowReport:
    """All hops in order; ``latency`` is how many seconds the probe took to be readable, None if it did not arrive."""

    hops: tuple[Hop, ...]
    latency: float | None = None

    @property
    def exit_code(self) -> int:
        """Return the exit code of the first hop that failed, 0 if none did."""
        return next((hop.exit_code for hop in self.hops if hop.status == "failed"), 0)

    def build_document(self) -> dict[str, Any]:
        """Return the report as values for JSON."""
        return {
            "ok": self.exit_code == 0,
            "exit_code": self.exit_code,
            "latency_seconds": self.latency,
            "hops": [{**asdict(hop), "advice": hop.advice} for hop in self.hops],
        }


def skip_hop(name: str, text: str) -> Hop:
    """Return a hop that was not checked, and why."""
    return Hop(name, "skipped", text)


def fail_hop(name: str, cause: str, text: str, seconds: float | None = None, **details: Any) -> Hop:
    """Return a hop at which the flow stops."""
    return Hop(name, "failed", text, cause, seconds, details)
