"""The Telegraf that fits these settings, and the files for it."""

from __future__ import annotations

import contextlib
import ipaddress
import socket

from zemanta_ops.conf import InfluxDB, Metrics, conf
from zemanta_ops.stack.databases.urls import DEFAULT_PORT, check_kind
from zemanta_ops.stack.generate.files import File, Generated, IsSecret, SettingsError, nothing_secret
from zemanta_ops.stack.generate.telegraf import outputs
from zemanta_ops.stack.generate.telegraf.config import Agent, render, variables
from zemanta_ops.stack.generate.telegraf.legacy import LegacyError, declared_patterns, templates
from zemanta_ops.stack.generate.telegraf.outputs import InfluxDB1, InfluxDB2, Output, Printed, address
from zemanta_ops.stack.generate.telegraf.systemd import drop_in, environment_example
from zemanta_ops.stack.generate.telegraf.toml import Text, Variable
from zemanta_ops.stack.settings import bad_settings


def generate(is_secret: IsSecret = nothing_secret) -> Generated:
    """Return telegraf.conf, its environment file as an example, and the drop-in for systemd.

    Raises:
        SettingsError: settings have no usable value, contradict each other, or LEGACY_NAMES cannot be used.
    """
    if wrong := [*bad_settings()]:
        raise SettingsError("; ".join(wrong))
    try:
        agent = configured_agent(conf.metrics, conf.influxdb, is_secret)
        text, needed = render(agent), variables(agent)
    except (LegacyError, ValueError) as error:
        raise SettingsError(str(error)) from None
    files = [
        File("telegraf.conf", text),
        File("telegraf.env.example", environment_example(needed), 0o600),
        File("telegraf.service.d/zemanta-ops.conf", drop_in(needed)),
    ]
    return Generated(files, _warnings(agent))


def configured_agent(metrics: Metrics, influxdb: InfluxDB, is_secret: IsSecret) -> Agent:
    """Return the agent for settings; LegacyError and ValueError where there is none."""
    return Agent(
        address=listen_address(metrics.host, metrics.port),
        protocol=metrics.protocol,
        dogstatsd=metrics.dialect == "dogstatsd",
        interval=metrics.agent_interval,
        queue_size=metrics.queue_size,
        max_series=metrics.max_series,
        own_host_tag=metrics.host_tag is None,
        templates=templates(declared_patterns()),
        output=configured_output(influxdb, is_secret),
    )


def configured_output(influxdb: InfluxDB, is_secret: IsSecret) -> Output:
    """Return where the settings look for what the agent has written; what is secret of it becomes a variable."""

    def shown(text: str, variable: Variable) -> Text:
        return variable if is_secret(text) else text

    if not influxdb.url:
        return Printed()
    check_kind(influxdb.database, influxdb.bucket)
    plain = address(influxdb.url, DEFAULT_PORT if influxdb.database else None)
    url = outputs.URL if is_secret(influxdb.url) else plain
    if influxdb.database:
        database, _, policy = influxdb.database.partition("/")
        auth = bool(influxdb.username)
        if is_secret(influxdb.database):
            return InfluxDB1(url, outputs.DATABASE, outputs.POLICY if policy else "", auth)
        return InfluxDB1(url, database, policy, auth)
    if not influxdb.org:
        raise ValueError("INFLUXDB has a BUCKET and no ORG")
    return InfluxDB2(url, shown(influxdb.org, outputs.ORG), shown(influxdb.bucket, outputs.BUCKET))


def listen_address(host: str, port: int) -> str:
    """Return where an agent listens that is reached at ``host``: at that address, for a name at every one.

    ``localhost`` is two addresses; the agent listens at the one that the client takes on this machine.
    """
    text = host.strip("[]")
    if text == "localhost":
        with contextlib.suppress(OSError):
            text = str(socket.getaddrinfo(text, port, type=socket.SOCK_DGRAM)[0][4][0])
    try:
        version = ipaddress.ip_address(text).version
    except ValueError:
        return f":{port}"
    return f"[{text}]:{port}" if version == 6 else f"{text}:{port}"


def _warnings(agent: Agent) -> list[str]:
    said = []
    if agent.output == Printed():
        said.append("INFLUXDB is not configured: this Telegraf prints what it receives, and stores nothing")
    if agent.address.startswith(":"):
        said.append(
            "HOST is a name: this Telegraf listens at every address of its machine; let a firewall guard the port"
        )
    return said
