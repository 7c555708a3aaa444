"""The target ``victoriametrics``: systemd units for a single node, or for a pair behind vmagent and vmauth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import urlsplit

from zemanta_ops.conf import VictoriaMetrics, conf
from zemanta_ops.stack.databases.urls import show_url, split_url
from zemanta_ops.stack.databases.victoriametrics import DEFAULT_PORT
from zemanta_ops.stack.generate.files import Generated, GeneratedFile, IsSecret, SettingsError
from zemanta_ops.stack.settings import list_faults

FOLDER = "/etc/victoriametrics"
# vmauth passes these on, and nothing that writes or deletes.
READ_PATHS = (
    "/api/v1/query",
    "/api/v1/query_range",
    "/api/v1/series",
    "/api/v1/labels",
    "/api/v1/label/[^/]+/values",
    "/api/v1/export",
    "/api/v1/status/.+",
    "/api/v1/metadata",
)
# A node that is restarted or overloaded answers with one of these; the other node is asked then.
RETRY_STATUSES = (500, 502, 503)


def generate(is_secret: IsSecret) -> Generated:
    """Return the units; for a pair also those of vmagent and vmauth, and the configuration of vmauth.

    Raises:
        SettingsError: VICTORIAMETRICS is not configured, cannot be used, names a cluster, or has a URL that is secret.

    """
    section = conf.victoriametrics
    if faults := list_faults(unused=("PASSWORD",)):
        raise SettingsError("; ".join(faults))
    if section not in conf.list_databases():
        raise SettingsError(f"{section.place} is not configured. Set WRITE_URL")
    if any("/insert/" in f"{url}/" for url in section.write_url):
        raise SettingsError("WRITE_URL names a cluster, for which no units are generated. Use a single node or NODES")
    shown = [*section.write_url, section.read_url, section.username, *section.nodes]
    if any(is_secret(each) for each in shown if each):
        raise SettingsError("a URL or USERNAME is a secret, and the files would show it. Only PASSWORD may be one")
    return Generated(_build_pair(section) if section.nodes else _build_single(section))


def _build_single(section: VictoriaMetrics) -> list[GeneratedFile]:
    return [_render_node(section, _read_port(section.write_url[0], DEFAULT_PORT)), *_render_environment(section)]


def _build_pair(section: VictoriaMetrics) -> list[GeneratedFile]:
    ports = {_read_port(url, DEFAULT_PORT) for url in section.nodes}
    if len(ports) > 1:
        raise SettingsError("NODES have different ports, and one unit is for all of them. Give them the same port")
    return [
        _render_node(section, ports.pop()),
        _render_agent(section),
        _render_proxy(section),
        _render_routes(section),
        *_render_environment(section),
    ]


def _render_node(section: VictoriaMetrics, port: int) -> GeneratedFile:
    flags = [
        f"-httpListenAddr=:{port}",
        "-storageDataPath=/var/lib/victoria-metrics",
        "-retentionPeriod=1y",
        # A point that is written twice counts once.
        "-dedup.minScrapeInterval=1ms",
        *_list_auth_flags(section, "httpAuth"),
    ]
    return _render_unit("victoria-metrics", "stores the metrics", flags)


def _render_agent(section: VictoriaMetrics) -> GeneratedFile:
    flags = [
        f"-httpListenAddr=:{_read_port(section.write_url[0], 8429)}",
        "-remoteWrite.tmpDataPath=/var/lib/vmagent",
        # What a node that is down has missed waits here; about a week of 1,000 points a second.
        "-remoteWrite.maxDiskUsagePerURL=10GB",
        *(f"-remoteWrite.url={_complete(url)}/api/v1/write" for url in section.nodes),
        *_list_auth_flags(section, "remoteWrite.basicAuth"),
        *_list_auth_flags(section, "httpAuth"),
    ]
    return _render_unit("vmagent", "writes every metric to each node", flags)


def _render_proxy(section: VictoriaMetrics) -> GeneratedFile:
    flags = [f"-httpListenAddr=:{_read_port(section.read_url, 8427)}", f"-auth.config={FOLDER}/vmauth.yml"]
    return _render_unit("vmauth", "reads from the first node that answers", flags)


def _render_routes(section: VictoriaMetrics) -> GeneratedFile:
    user = section.username
    credentials = [f"- username: {json.dumps(user)}", '  password: "%{VM_PASSWORD}"'] if user else []
    lines = [
        "# Written by: manage.py generate_stack victoriametrics",
        "users:" if user else "unauthorized_user:",
        *credentials,
        "  load_balancing_policy: first_available",
        f"  retry_status_codes: {json.dumps(RETRY_STATUSES)}",
        "  url_map:",
        f"  - src_paths: {json.dumps(READ_PATHS)}",
        f"    url_prefix: {json.dumps([_complete(url) for url in section.nodes])}",
    ]
    return GeneratedFile("vmauth.yml", "\n".join([*lines, ""]))


def _render_environment(section: VictoriaMetrics) -> list[GeneratedFile]:
    if not section.username:
        return []
    text = f"""\
# Written by: manage.py generate_stack victoriametrics
# Copy it to {FOLDER}/victoriametrics.env, owner root, mode 0600, and fill it in.

# The password of the user {section.username}.
VM_PASSWORD=
"""
    return [GeneratedFile("victoriametrics.env.example", text, 0o600)]


def _render_unit(program: str, purpose: str, flags: Sequence[str]) -> GeneratedFile:
    # systemd replaces what follows a single percent sign.
    arguments = " \\\n  ".join(flag.replace("%", "%%") for flag in flags)
    text = f"""\
# Written by: manage.py generate_stack victoriametrics
# Goes to /etc/systemd/system/; then: systemctl daemon-reload && systemctl enable --now {program}
[Unit]
Description={program}, which {purpose}
Wants=network-online.target
After=network-online.target

[Service]
DynamicUser=yes
StateDirectory={program}
EnvironmentFile=-{FOLDER}/victoriametrics.env
ExecStart=/usr/local/bin/{program} \\
  {arguments}
Restart=always
RestartSec=1
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
"""
    return GeneratedFile(f"{program}.service", text)


def _list_auth_flags(section: VictoriaMetrics, prefix: str) -> list[str]:
    if not section.username:
        return []
    return [f"-{prefix}.username={section.username}", f"-{prefix}.password=%{{VM_PASSWORD}}"]


def _complete(url: str) -> str:
    parts = split_url(url)
    return show_url(parts, DEFAULT_PORT if parts.scheme == "http" else None)


def _read_port(url: str, default: int) -> int:
    return urlsplit(url).port or default
