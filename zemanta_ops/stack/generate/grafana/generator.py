"""Generate Grafana's provisioning files and dashboards from the declarations and the settings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from zemanta_ops.conf import conf
from zemanta_ops.stack.databases import prometheus, victoriametrics
from zemanta_ops.stack.databases.urls import DEFAULT_PORT, show_url, split_url
from zemanta_ops.stack.declarations.durations import format_duration
from zemanta_ops.stack.generate.files import Generated, GeneratedFile, IsSecret, SettingsError
from zemanta_ops.stack.generate.grafana.alerting import (
    lint_rule,
    render_contacts,
    render_environment,
    render_groups,
    render_policies,
)
from zemanta_ops.stack.generate.grafana.dashboards import draw_dashboards
from zemanta_ops.stack.generate.grafana.layout import list_targets, name_datasource, render_dashboard
from zemanta_ops.stack.generate.grafana.lint import lint_dashboards
from zemanta_ops.stack.generate.grafana.panels import Json
from zemanta_ops.stack.generate.grafana.provisioning import (
    INFLUXDB_USER,
    PROMETHEUS_USER,
    VICTORIAMETRICS_USER,
    Source,
    render_datasource_file,
    render_document,
    render_provider_file,
)
from zemanta_ops.stack.generate.grafana.sources import Sources
from zemanta_ops.stack.generate.receivers import read_receivers
from zemanta_ops.stack.inventory.usable import Usable, read_usable
from zemanta_ops.stack.settings import list_faults

# Grafana reads these from its environment, so the files can be generated without them.
CREDENTIALS = ("USERNAME", "PASSWORD", "TOKEN")
_ANYWHERE = "http://127.0.0.1:8086"


def generate(is_secret: IsSecret) -> Generated:
    """Return the provisioning files and one file for each dashboard.

    Raises:
        SettingsError: Settings have no usable value.

    """
    if faults := list_faults(unused=CREDENTIALS):
        raise SettingsError("; ".join(faults))
    sources, warnings = read_sources()
    source = choose_source(is_secret)
    files = [
        GeneratedFile("provisioning/datasources/zemanta_ops.yaml", render_datasource_file(source, sources.project)),
        GeneratedFile("provisioning/dashboards/zemanta_ops.yaml", render_provider_file(sources.project)),
    ]
    dashboards = build_dashboards(sources, source.language)
    files += [GeneratedFile(f"dashboards/{name}.json", render_json(each)) for name, each in dashboards.items()]
    warnings += [f"Grafana will not draw this as declared: {fault}" for fault in lint_dashboards(dashboards)]
    if not conf.list_databases():
        warnings.append("INFLUXDB is not configured: the dashboards ask an InfluxDB 1.8 on this machine")
    return Generated(files, warnings)


def generate_alerts(is_secret: IsSecret) -> Generated:
    """Return what ``generate`` does, and the alert rules, contact points and policies.

    Raises:
        SettingsError: Settings have no usable value.

    """
    generated = generate(is_secret)
    usable = read_usable()
    sources, _ = read_sources()
    receivers, warnings = read_receivers(is_secret)
    groups, faulty = build_groups(usable, sources, choose_language())
    documents = {
        "rules": {"apiVersion": 1, "groups": groups},
        "contacts": render_contacts(usable.deployment.project, receivers),
        "policies": render_policies(usable.deployment.project, receivers, usable.declarations.alerts),
    }
    files = [
        GeneratedFile(f"provisioning/alerting/zemanta_ops_{name}.yaml", render_document(document))
        for name, document in documents.items()
    ]
    files.append(GeneratedFile("grafana.env.example", render_environment(receivers), 0o600))
    return Generated([*generated.files, *files], [*generated.warnings, *warnings, *faulty])


def build_groups(usable: Usable, sources: Sources, language: str) -> tuple[list[Json], list[str]]:
    """Return the groups of alert rules, and a sentence for each rule that Grafana would not take."""
    dashboards = draw_dashboards(sources)
    panels = {each.uid: {panel.number(each.uid) for row in each.rows for panel in row.panels} for each in dashboards}
    warnings = []
    groups = render_groups(usable, sources, dashboards, language)
    asked = (part["model"] for group in groups for rule in group["rules"] for part in rule["data"])
    _choose_policy((model for model in asked if "query" in model), language)
    for group in groups:
        for rule in group["rules"][:]:
            if faults := list(lint_rule(rule, name_datasource(usable.deployment.project), panels)):
                group["rules"].remove(rule)
                warnings.append(f"the rule {rule['title']!r} is left out: {faults[0]}")
    return [group for group in groups if group["rules"]], warnings


def read_sources() -> tuple[Sources, list[str]]:
    """Return what the dashboards are drawn from, and a sentence for each declaration that is left out."""
    usable = read_usable()
    labels = {"db": conf.victoriametrics.database} if conf.victoriametrics in conf.list_databases() else {}
    return Sources(usable.declarations, usable.deployment, usable.deployment.project, labels), usable.refusals


def build_dashboards(sources: Sources, language: str) -> Mapping[str, Json]:
    """Return the dashboards by name."""
    interval = format_duration(max(1, round(sources.deployment.agent_interval)))
    dashboards = {each.name: render_dashboard(each, language, interval) for each in draw_dashboards(sources)}
    for dashboard in dashboards.values():
        _choose_policy(list_targets(dashboard), language)
    return dashboards


def _choose_policy(targets: Iterable[Json], language: str) -> None:
    """Add the retention policy of ``DATABASE`` to queries: Grafana's data source has a database alone."""
    policy = conf.influxdb.database.partition("/")[2]
    for target in targets if language == "influxql" and policy else ():
        target["policy"] = policy


def choose_language() -> str:
    """Return the language of the configured database: InfluxQL if there is none."""
    databases = conf.list_databases()
    if conf.victoriametrics in databases or conf.prometheus in databases:
        return "promql"
    return "flux" if conf.influxdb.bucket else "influxql"


def choose_source(is_secret: IsSecret) -> Source:
    """Return where the settings put the metrics; secrets are left to Grafana's environment."""
    language, influxdb = choose_language(), conf.influxdb
    if language == "promql":
        is_prometheus = conf.prometheus in conf.list_databases()
        section = conf.prometheus if is_prometheus else conf.victoriametrics
        default = prometheus.DEFAULT_PORT if is_prometheus else victoriametrics.DEFAULT_PORT
        user = PROMETHEUS_USER if is_prometheus else VICTORIAMETRICS_USER
        read = section.read_url or section.write_url[0]
        port = default if split_url(read).scheme == "http" else None
        url = "$PROMETHEUS_URL" if is_secret(read) else show_url(split_url(read), port)
        return Source(language, url, user=user if section.username else None)
    if not influxdb.url:
        return Source(language, _ANYWHERE, "telegraf")
    port = None if influxdb.bucket else DEFAULT_PORT
    url = "$INFLUX_URL" if is_secret(influxdb.url) else show_url(split_url(influxdb.url), port)
    if influxdb.bucket:
        return Source(language, url, org=influxdb.org, bucket=influxdb.bucket)
    database = influxdb.database.partition("/")[0]
    return Source(language, url, database, user=INFLUXDB_USER if influxdb.username else None)


def render_json(dashboard: Json) -> str:
    """Return a dashboard as text whose lines change as little as its declarations."""
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"
