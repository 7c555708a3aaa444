"""The text of a telegraf.conf."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from zemanta_ops.stack.agent_contract import OUTPUT_ALIAS, PERCENTILES
from zemanta_ops.stack.generate.telegraf.outputs import Output, StdoutOutput
from zemanta_ops.stack.generate.telegraf.toml import Value, Variable, render_section

HOSTNAME = Variable("TELEGRAF_HOSTNAME", "the tag host, if the name of the machine is not suitable", optional=True)

# By default the kernel holds 92 datagrams of 1,432 bytes.
READ_BUFFER_BYTES = 4 * 1024 * 1024
PENDING_DATAGRAMS = 10_000
TCP_CONNECTIONS = 1_024
# How many points wait for a database that does not answer.
BUFFERED_POINTS = 50_000
# Telegraf reserves eight bytes per series for each timing that its percentiles are computed from.
PERCENTILE_BYTES = 128 * 1024 * 1024
PERCENTILE_LIMITS = (1_000, 50_000)


@dataclass(frozen=True)
class TelegrafConfig:
    """What a Telegraf needs to receive what the application sends; the defaults are those of the settings."""

    address: str = "127.0.0.1:8125"
    protocol: str = "udp"
    dogstatsd: bool = False
    interval: float = 10.0
    jitter: float = 0.0
    queue_size: int = 100_000
    max_series: int = 5_000
    own_host_tag: bool = False
    templates: Sequence[str] = ()
    output: Output = field(default_factory=StdoutOutput)
    tenant_tags: Mapping[str, str] = field(default_factory=dict)


def compute_percentile_limit(max_series: int) -> int:
    """Return from how many timings of a series to compute percentiles, so that ``max_series`` fit into the memory."""
    low, high = PERCENTILE_LIMITS
    return max(low, min(high, PERCENTILE_BYTES // 8 // max_series // 1_000 * 1_000))


def render_config(config: TelegrafConfig) -> str:
    """Return the text of telegraf.conf.

    Raises:
        ValueError: A setting of the output cannot be used.

    """
    seconds = f"{config.interval:.9g}s"
    jitter = {"flush_jitter": f"{config.jitter:.9g}s"} if config.jitter else {}
    host = (
        "the agent adds it" if config.own_host_tag else "the application sends it; the agent adds it to its own points"
    )
    return "\n".join(
        [
            "# Written by: manage.py generate_stack telegraf",
            "# Start Telegraf with --strict-env-handling, as the drop-in for systemd does.",
            "",
            f"# The tag host: {host}.",
            render_section(
                "[agent]",
                {
                    "interval": seconds,
                    "flush_interval": seconds,
                    **jitter,
                    "hostname": HOSTNAME,
                    "omit_hostname": False,
                    "metric_buffer_limit": BUFFERED_POINTS,
                    "skip_processors_after_aggregators": True,
                },
            ),
            *([render_section("[global_tags]", config.tenant_tags)] if config.tenant_tags else []),
            render_section("[[inputs.statsd]]", _build_statsd(config)),
            "# What Telegraf reports about itself; check_metrics reads it.",
            render_section("[[inputs.internal]]", {"collect_memstats": False}),
            render_section(
                f"[[outputs.{config.output.name}]]", {"alias": OUTPUT_ALIAS, **config.output.build_values()}
            ),
        ]
    )


def list_variables(config: TelegrafConfig) -> list[Variable]:
    """Return the variables that the file reads from the environment."""
    values = config.output.build_values().values()
    flat = [each for value in values for each in (value if isinstance(value, list) else [value])]
    return [*(each for each in flat if isinstance(each, Variable)), HOSTNAME]


def _build_statsd(config: TelegrafConfig) -> Mapping[str, Value]:
    tcp = config.protocol == "tcp"
    # Over TCP each line is a message, and one flush of a process may have as many as its queue holds.
    pending = max(PENDING_DATAGRAMS, config.queue_size) if tcp else PENDING_DATAGRAMS
    return {
        "protocol": config.protocol,
        "service_address": config.address,
        "allowed_pending_messages": pending,
        **({"max_tcp_connections": TCP_CONNECTIONS} if tcp else {"read_buffer_size": READ_BUFFER_BYTES}),
        **({"datadog_extensions": True} if config.dogstatsd else {}),
        "percentiles": PERCENTILES,
        "percentile_limit": compute_percentile_limit(config.max_series),
        # A counter, a gauge and a set of one name share a field, and a field has one type.
        "float_counters": True,
        "float_sets": True,
        "delete_gauges": True,
        **({"templates": config.templates} if config.templates else {}),
    }
