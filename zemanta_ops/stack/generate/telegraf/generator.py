"""Generate the files for a Telegraf that fits the settings."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Sequence

from zemanta_ops.conf import InfluxDB, Metrics, Prometheus, VictoriaMetrics, conf
from zemanta_ops.stack.databases import victoriametrics
from zemanta_ops.stack.databases.urls import DEFAULT_PORT
from zemanta_ops.stack.generate.files import Generated, GeneratedFile, IsSecret, SettingsError
from zemanta_ops.stack.generate.telegraf import outputs
from zemanta_ops.stack.generate.telegraf.legacy.declaration import LegacyError, read_patterns
from zemanta_ops.stack.generate.telegraf.legacy.patterns import render_templates
from zemanta_ops.stack.generate.telegraf.outputs import (
    InfluxDB1Output,
    InfluxDB2Output,
    Output,
    RemoteWriteOutput,
    StdoutOutput,
    VictoriaMetricsOutput,
)
from zemanta_ops.stack.generate.telegraf.telegraf_conf import TelegrafConfig, list_variables, render_config
from zemanta_ops.stack.generate.telegraf.toml import Text, Variable
from zemanta_ops.stack.settings import list_faults

# Telegraf reads these from its environment, so the files can be generated without them.
CREDENTIALS = ("PASSWORD", "TOKEN")
ENVIRONMENT_FILE = "/etc/telegraf/telegraf.env"


def generate(is_secret: IsSecret) -> Generated:
    """Return telegraf.conf, an example of its environment file, and the drop-in for systemd.

    Raises:
        SettingsError: Settings have no usable value, contradict each other, or LEGACY_NAMES cannot be used.

    """
    if faults := list_faults(unused=CREDENTIALS):
        raise SettingsError("; ".join(faults))
    try:
        config = build_config(conf.metrics, choose_output(is_secret))
        text, variables = render_config(config), list_variables(config)
    except (LegacyError, ValueError) as error:
        raise SettingsError(str(error)) from None
    files = [
        GeneratedFile("telegraf.conf", text),
        GeneratedFile("telegraf.env.example", render_environment_example(variables), 0o600),
        GeneratedFile("telegraf.service.d/zemanta-ops.conf", render_drop_in(variables)),
    ]
    return Generated(files, _list_warnings(config))


def build_config(metrics: Metrics, output: Output) -> TelegrafConfig:
    """Return the configuration for these settings; LegacyError if they cannot be used."""
    return TelegrafConfig(
        address=choose_listen_address(metrics.host, metrics.port),
        protocol=metrics.protocol,
        dogstatsd=metrics.dialect == "dogstatsd",
        interval=metrics.agent_interval,
        jitter=metrics.agent_jitter,
        queue_size=metrics.queue_size,
        max_series=metrics.max_series,
        own_host_tag=metrics.host_tag is None,
        templates=render_templates(read_patterns()),
        output=output,
        tenant_tags=outputs.choose_tenant_tags(output, metrics.tags),
    )


def choose_output(is_secret: IsSecret) -> Output:
    """Return the output into the database of the settings; a part of it that is secret becomes a variable."""
    databases = conf.list_databases()
    if conf.victoriametrics in databases:
        return _build_victoriametrics(conf.victoriametrics, is_secret)
    if conf.prometheus in databases:
        return _build_remote_write(conf.prometheus, is_secret)
    if conf.influxdb not in databases:
        return StdoutOutput()
    influxdb = conf.influxdb
    plain = outputs.complete_url(influxdb.url, DEFAULT_PORT if influxdb.database else None)
    url = outputs.URL if is_secret(influxdb.url) else plain
    return _build_output1(influxdb, url, is_secret) if influxdb.database else _build_output2(influxdb, url, is_secret)


def _build_victoriametrics(section: VictoriaMetrics, is_secret: IsSecret) -> Output:
    if any(map(is_secret, (*section.write_url, ",".join(section.write_url)))):
        urls: list[Text] = [outputs.VM_URL]
    else:
        urls = [_complete_http(url, victoriametrics.DEFAULT_PORT) for url in section.write_url]
    database = outputs.DATABASE if is_secret(section.database) else section.database
    return VictoriaMetricsOutput(tuple(urls), database, auth=bool(section.username))


def _build_remote_write(section: Prometheus, is_secret: IsSecret) -> Output:
    url = outputs.REMOTE_URL if is_secret(section.write_url) else outputs.complete_url(section.write_url)
    return RemoteWriteOutput(url, auth=bool(section.username))


def _complete_http(url: str, port: int) -> str:
    return outputs.complete_url(url, port if url.startswith("http://") else None)


def _build_output1(influxdb: InfluxDB, url: Text, is_secret: IsSecret) -> Output:
    database, _, policy = influxdb.database.partition("/")
    auth = bool(influxdb.username)
    if is_secret(influxdb.database):
        return InfluxDB1Output(url, outputs.DATABASE, outputs.POLICY if policy else "", auth)
    return InfluxDB1Output(url, database, policy, auth)


def _build_output2(influxdb: InfluxDB, url: Text, is_secret: IsSecret) -> Output:
    def hide(text: str, variable: Variable) -> Text:
        return variable if is_secret(text) else text

    return InfluxDB2Output(url, hide(influxdb.org, outputs.ORG), hide(influxdb.bucket, outputs.BUCKET))


def choose_listen_address(host: str, port: int) -> str:
    """Return the address on which an agent listens that is reached at ``host``; every address if that is a name.

    ``localhost`` has two addresses. The agent listens on the one that the client chooses on this machine.
    """
    text = host
    if text == "localhost":
        with contextlib.suppress(OSError):
            text = str(socket.getaddrinfo(text, port, type=socket.SOCK_DGRAM)[0][4][0])
    try:
        version = ipaddress.ip_address(text).version
    except ValueError:
        return f":{port}"
    return f"[{text}]:{port}" if version == 6 else f"{text}:{port}"


def _list_warnings(config: TelegrafConfig) -> list[str]:
    warnings = []
    if config.output == StdoutOutput():
        warnings.append("no database is configured: this Telegraf prints what it receives, and stores nothing")
    if config.address.startswith(":"):
        warnings.append(
            "HOST is a name: this Telegraf listens on every address of its machine. Protect the port with a firewall"
        )
    if isinstance(config.output, VictoriaMetricsOutput) and config.output.is_multitenant() and not config.tenant_tags:
        warnings.append("WRITE_URL has several tenants, but TAGS has no vm_account_id: everything goes to tenant 0")
    return warnings


def render_drop_in(variables: Sequence[Variable]) -> str:
    """Return the drop-in, which adds an option and the environment file to the unit of Telegraf's packages."""
    optional = "-" if all(variable.optional for variable in variables) else ""
    return f"""\
# Written by: manage.py generate_stack telegraf
# Goes to /etc/systemd/system/telegraf.service.d/; then: systemctl daemon-reload && systemctl restart telegraf
[Service]
EnvironmentFile={optional}{ENVIRONMENT_FILE}
ExecStart=
ExecStart=/usr/bin/telegraf --strict-env-handling --config /etc/telegraf/telegraf.conf \
--config-directory /etc/telegraf/telegraf.d $TELEGRAF_OPTS
"""


def render_environment_example(variables: Sequence[Variable]) -> str:
    """Return the example: one line per variable, without a value."""
    lines = [
        "# Written by: manage.py generate_stack telegraf",
        f"# Copy it to {ENVIRONMENT_FILE}, owner root, mode 0600, and fill it in.",
        "# Put a value that has a space, a quote, a backslash or a # in single quotes.",
    ]
    for variable in variables:
        lines += ["", f"# {variable.meaning[0].upper()}{variable.meaning[1:]}."]
        lines.append(f"#{variable.name}=" if variable.optional else f"{variable.name}=")
    return "\n".join([*lines, ""])
