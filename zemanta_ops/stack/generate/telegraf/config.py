"""The text of a telegraf.conf."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from zemanta_ops.stack.generate.telegraf.outputs import Output, Printed
from zemanta_ops.stack.generate.telegraf.toml import Value, Variable, section

PERCENTILES = (50.0, 90.0, 95.0, 99.0)
HOSTNAME = Variable("TELEGRAF_HOSTNAME", "the tag host, where the name of the machine will not do", optional=True)

# Without it the kernel holds 92 datagrams of 1,432 bytes.
READ_BUFFER_BYTES = 4 * 1024 * 1024
PENDING_DATAGRAMS = 10_000
TCP_CONNECTIONS = 1_024
# Points that wait for a database that does not answer.
BUFFERED_POINTS = 50_000
# For each series Telegraf reserves eight bytes for each timing that its percentiles are made of.
PERCENTILE_BYTES = 128 * 1024 * 1024
PERCENTILE_LIMITS = (1_000, 50_000)


@dataclass(frozen=True)
class Agent:
    """What a Telegraf needs to know to receive what the application sends; the defaults are those of the settings."""

    address: str = "127.0.0.1:8125"
    protocol: str = "udp"
    dogstatsd: bool = False
    interval: float = 10.0
    queue_size: int = 100_000
    max_series: int = 5_000
    own_host_tag: bool = False
    templates: Sequence[str] = ()
    output: Output = field(default_factory=Printed)


def percentile_limit(max_series: int) -> int:
    """Return of how many timings of a series the percentiles are made, so that ``max_series`` fit into the memory."""
    low, high = PERCENTILE_LIMITS
    return max(low, min(high, PERCENTILE_BYTES // 8 // max_series // 1_000 * 1_000))


def render(agent: Agent) -> str:
    """Return the file.

    Raises:
        ValueError: a setting of the output cannot be used.
    """
    seconds = f"{agent.interval:.9g}s"
    host = (
        "the agent adds it" if agent.own_host_tag else "the application sends it; the agent adds it to its own points"
    )
    return "\n".join(
        [
            "# Written by: manage.py generate_stack telegraf",
            "# Start Telegraf with --strict-env-handling, as the drop-in for systemd does.",
            "",
            f"# The tag host: {host}.",
            section(
                "[agent]",
                {
                    "interval": seconds,
                    "flush_interval": seconds,
                    "hostname": HOSTNAME,
                    "omit_hostname": False,
                    "metric_buffer_limit": BUFFERED_POINTS,
                    "skip_processors_after_aggregators": True,
                },
            ),
            section("[[inputs.statsd]]", _statsd(agent)),
            "# What Telegraf says about itself; check_metrics reads it.",
            section("[[inputs.internal]]", {"collect_memstats": False}),
            section(f"[[outputs.{agent.output.name}]]", agent.output.values()),
        ]
    )


def variables(agent: Agent) -> list[Variable]:
    """Return the variables that the file takes from the environment."""
    values = agent.output.values().values()
    flat = [each for value in values for each in (value if isinstance(value, list) else [value])]
    return [*(each for each in flat if isinstance(each, Variable)), HOSTNAME]


def _statsd(agent: Agent) -> Mapping[str, Value]:
    tcp = agent.protocol == "tcp"
    # Over TCP each line is a message of its own, and a flush of one process may have as many as its queue.
    pending = max(PENDING_DATAGRAMS, agent.queue_size) if tcp else PENDING_DATAGRAMS
    return {
        "protocol": agent.protocol,
        "service_address": agent.address,
        "allowed_pending_messages": pending,
        **({"max_tcp_connections": TCP_CONNECTIONS} if tcp else {"read_buffer_size": READ_BUFFER_BYTES}),
        **({"datadog_extensions": True} if agent.dogstatsd else {}),
        "percentiles": PERCENTILES,
        "percentile_limit": percentile_limit(agent.max_series),
        # A counter, a gauge and a set of one name meet in one field, which has one type.
        "float_counters": True,
        "float_sets": True,
        "delete_gauges": True,
        **({"templates": agent.templates} if agent.templates else {}),
    }
