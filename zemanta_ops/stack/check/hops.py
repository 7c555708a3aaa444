"""The hops of check_metrics on the way to the database: the exit code, the causes and the advice of each."""

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
    "incomplete": "name one database, with all that it needs: the page on settings lists that. Run: manage.py check",
    "missing_client": "install the package that the message names",
    "agent_down": "start Telegraf (or manage.py watch_metrics), or correct HOST and PORT",
    "agent_elsewhere": "set PORT to the port of the agent's statsd input, or move that input",
    "agent_protocol": "set PROTOCOL to the protocol of the agent's statsd input, or change that input",
    "agent_full": "raise max_tcp_connections of the agent's statsd input: each process of the application has one",
    "agent_unknown": "correct HOST: this machine cannot resolve the name",
    "agent_network": "check the route and the firewall between this machine and HOST; over TCP, also whether the agent "
    "there is frozen and accepts no more connections",
    "agent_restarting": "find out why the agent ends: journalctl -u telegraf, memory limits, its configuration",
    "agent_hangs": "the agent is frozen or overloaded: check its log and its load, then restart it. After too many "
    "open files it accepts no more connections: raise LimitNOFILE of its unit",
    "port_taken": "stop the program that has the port, or give the agent another; watch_metrics writes only with "
    "--write",
    "unreachable": "start the database, or correct its URL",
    "blocked": "the connection is never answered: check for a firewall, or correct the host of the URL",
    "timeout": "the port accepts the connection and never answers: the database hangs or is overloaded, or something "
    "in between drops the traffic. Check its log, its disk and its load",
    "tls": "make the scheme of the URL fit the server; for a certificate, see the page on certificates: "
    "SSL_CERT_FILE names the authority",
    "gateway": "a proxy or load balancer in front of the database does not reach it: start the database, or correct "
    "the proxy's backend; with a 503, also its limit on requests (nginx: limit_req, limit_conn)",
    "proxy": "the URL leads to something else than the database: correct its host, port and path, or let the proxy "
    "pass /ping, /query, /write and /api on without a login or a redirect. It may ask for USERNAME and PASSWORD of the "
    "settings",
    "wrong_path": "correct the path of the URL: a cluster has /insert/TENANT/influx and /select/TENANT/prometheus, a "
    "single node none; vmagent and vminsert cannot be read",
    "unauthorized": "correct TOKEN (InfluxDB 2.x), or USERNAME and PASSWORD",
    "forbidden": "these credentials may not read the database: grant them READ. If it was dropped, its grants were "
    "dropped with it: create it again first",
    "missing": "create the database or bucket (through the 1.x interface of 2.x, its mapping too), or correct "
    "DATABASE, or BUCKET and ORG",
    "overloaded": "the database asks to be tried again later: check its load and its limits",
    "server": "the database failed: check its log",
    "refused": "the database refused the request: check its version and its log",
    "too_large": "raise the limit on the size of a body (nginx: client_max_body_size; InfluxDB 1.x: max-body-size), or "
    "lower metric_batch_size in telegraf.conf",
    "foreign": "set the URL to the database itself, not to a server that only accepts its writes; for "
    "VictoriaMetrics, use ZEMANTA_OPS['VICTORIAMETRICS']",
    "limit": "the database accepts no new series: raise max-series-per-database (InfluxDB 1.x), or use fewer tag "
    "values; manage.py metrics_series shows what this application can produce",
    "disk_full": "the disk of the database is full: free space or shorten the retention policy, then restart InfluxDB "
    "(VictoriaMetrics goes on by itself). Telegraf keeps what it cannot write, up to metric_buffer_limit",
    "no_internals": "enable [[inputs.internal]] in Telegraf, so that the next failure can be located. If it is "
    "enabled, its points are filtered, or lost because metric_buffer_limit is too low; watch_metrics writes only with "
    "--write",
    "no_name": "set TELEGRAF_HOSTNAME to the name of this machine, so that losses can be found",
    "same_name": "give each Telegraf a TELEGRAF_HOSTNAME of its own",
    "agent_not_writing": "check Telegraf's log (journalctl -u telegraf): its output has a URL, database, policy and "
    "credentials of its own, not those of these settings, with https:// also a tls_ca, needs the right to write, and "
    "may filter (namepass); watch_metrics writes only with --write",
    "agent_tls": "let the output in telegraf.conf fit the server: https:// in its urls, and the file of the authority "
    "in tls_ca, because SSL_CERT_FILE of the application is not Telegraf's. See the page on certificates",
    "undelivered": "vmagent keeps what it cannot deliver: check its log, and the nodes that it writes to: are they up, "
    "is their disk full, are the path and the credentials right?",
    "agent_failing": "the database refuses what Telegraf writes: check Telegraf's log (journalctl -u telegraf), the "
    "disk, the rights of its credentials, and a proxy's limit on the size of a body",
    "agent_rejected": "Telegraf's log names the metrics (journalctl -u telegraf). A field type conflict: the "
    "database has integers from before; set float_counters, and begin a new database or retention policy",
    "slow_flush": "Telegraf writes rarely: lower its flush_interval, or set --timeout to more seconds",
    "agent_dropping": "Telegraf loses metrics: raise metric_buffer_limit, allowed_pending_messages and "
    "read_buffer_size, or find out why its writes are slow",
    "probe_lost": "Telegraf does not write what the application sends. Check that it is Telegraf that listens on "
    "HOST and PORT (watch_metrics writes only with --write), that its output keeps the probe (namepass, namedrop, "
    "fieldpass), and that nothing renames it (metric_separator, name_prefix, name_override, templates, processors)",
    "extensions_off": "set datadog_extensions = true in the agent's statsd input, or DIALECT to influx",
    "tags_lost": "let the agent keep the tags (tagexclude, taginclude, processors)",
    "push_missing": "schedule manage.py push_cloudwatch, or deploy the Lambda function, and read its log",
    "push_stale": "the schedule has stopped, or every run fails: run manage.py push_cloudwatch and read its report",
    "push_incomplete": "runs fail for these declarations: run manage.py push_cloudwatch and read its report",
    "agent_precision": "remove the setting from telegraf.conf, or make it 1s: points get a time rounded to it, and "
    "those of one series that round to the same time replace each other",
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
