"""What may be wrong on the way of a metric, and what to do about it: the words of ``check_metrics``."""

from __future__ import annotations

# The key is in the output of ``check_metrics --json``; docs/check_metrics.rst explains each.
ADVICE: dict[str, str] = {
    "disabled": "set ENABLED to True in ZEMANTA_OPS['METRICS'], or leave it out",
    "setting": "correct the setting; manage.py check says more",
    "incomplete": "give ZEMANTA_OPS['INFLUXDB'] a URL and either DATABASE (1.x) or ORG, BUCKET and TOKEN (2.x)",
    "missing_client": 'pip install "zemanta-ops[influxdb]"',
    "agent_down": "start Telegraf (or manage.py watch_metrics), or correct HOST and PORT",
    "agent_elsewhere": "set PORT to the port of the agent's statsd input, or move that input",
    "agent_unknown": "correct HOST: the name has no address here",
    "agent_network": "look at the route and the firewall between this machine and HOST",
    "unreachable": "start InfluxDB, or correct the URL",
    "blocked": "the connection itself is never answered: look for a firewall, or correct the host of the URL",
    "timeout": "the port takes the connection and never answers: InfluxDB hangs or is overloaded, or something "
    "between here and there swallows the traffic; look at its log, its disk and its load",
    "unauthorized": "correct TOKEN (2.x), or USERNAME and PASSWORD (1.x)",
    "forbidden": "these credentials may not read the database: grant them READ",
    "missing": "create the database or bucket, or correct DATABASE, or BUCKET and ORG",
    "overloaded": "InfluxDB asks to come back later: look at its load and its limits",
    "server": "InfluxDB failed: look at its log",
    "refused": "InfluxDB refused the request: look at its version and its log",
    "foreign": "point the URL to InfluxDB itself, not to something that only takes its writes",
    "limit": "InfluxDB takes no new series: raise max-series-per-database (1.x), or have fewer tag values; "
    "manage.py metrics_series shows what this application can produce",
    "no_internals": "switch on [[inputs.internal]] in Telegraf, so that the next failure can be told apart; "
    "watch_metrics writes only with --write",
    "agent_not_writing": "the agent does not write into this database: look at Telegraf's log; its output's URL, "
    "database and token are its own, not those of these settings; watch_metrics writes only with --write",
    "read_only": "these credentials may not write; if Telegraf uses them too, grant them WRITE",
    "slow_flush": "Telegraf writes seldom: lower its flush_interval, or give --timeout more seconds than it",
    "agent_dropping": "Telegraf loses metrics: raise metric_buffer_limit, allowed_pending_messages and "
    "read_buffer_size, or find out why its writes are slow",
    "probe_lost": "what the application sends does not come out of Telegraf: is it Telegraf that listens on HOST and "
    "PORT (watch_metrics writes only with --write), and does its output keep this measurement (namepass, namedrop)?",
    "clock_skew": "set the clocks of the machines (chrony, ntpd): points land at the wrong time",
}
