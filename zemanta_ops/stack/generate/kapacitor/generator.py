"""Generate Kapacitor's configuration and its load folder: a script for each composite and alert, and the handlers."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence

from zemanta_ops.conf import conf
from zemanta_ops.stack.databases.urls import show_url, split_url
from zemanta_ops.stack.declarations.model import Alert, Composite
from zemanta_ops.stack.declarations.names import to_slug
from zemanta_ops.stack.declarations.runbooks import find_runbook
from zemanta_ops.stack.generate.files import Generated, GeneratedFile, IsSecret, SettingsError
from zemanta_ops.stack.generate.kapacitor.alerts import Topic, render_alert
from zemanta_ops.stack.generate.kapacitor.composites import render_composite
from zemanta_ops.stack.generate.kapacitor.handlers import render_handler
from zemanta_ops.stack.generate.kapacitor.reading import Database
from zemanta_ops.stack.generate.kapacitor.server import render_config, render_environment
from zemanta_ops.stack.generate.kapacitor.tick import UnsupportedError
from zemanta_ops.stack.generate.receivers import PAGERDUTY, Receiver, read_receivers
from zemanta_ops.stack.inventory.usable import Usable, read_usable
from zemanta_ops.stack.settings import list_faults

FOLDER = "kapacitor"
# Kapacitor reads these from its environment, so the files can be generated without them.
CREDENTIALS = ("PASSWORD", "TOKEN", "RECEIVERS")
_DEFAULT_POLICY = "autogen"
_HEADER = "// Written by: manage.py generate_stack kapacitor\n"
_WITHOUT_RUNBOOK, _CRIT = "-without-runbook", "-crit"
_MAX_STEM = 100
_PLAIN = re.compile(r"[a-z0-9]+([._][a-z0-9]+)*")


def generate(is_secret: IsSecret) -> Generated:
    """Return kapacitor.conf, an example of its environment file, and the load folder.

    Raises:
        SettingsError: The metrics are not in InfluxDB 1.x, or settings have no usable value.

    """
    if faults := list_faults(unused=CREDENTIALS):
        raise SettingsError("; ".join(faults))
    influxdb = conf.influxdb
    if influxdb not in conf.list_databases() or not influxdb.database:
        raise SettingsError(
            "Kapacitor 1.5 reads InfluxDB 1.x alone, and INFLUXDB has no DATABASE. Use check_alerts, "
            "or generate_stack grafana --alerts"
        )
    if any(is_secret(each) for each in (influxdb.url, influxdb.database, influxdb.username) if each):
        raise SettingsError("INFLUXDB has a secret beside its PASSWORD, which no generated file may have")
    usable = read_usable()
    receivers, more = read_receivers(is_secret)
    receivers, single = _keep_one_pager(receivers)
    name, _, policy = influxdb.database.partition("/")
    scripts, unsupported = render_scripts(usable, Database(name, policy or _DEFAULT_POLICY), receivers)
    url = show_url(split_url(influxdb.url))
    files = [
        GeneratedFile(f"{FOLDER}/kapacitor.conf", render_config(url, influxdb.username, receivers)),
        GeneratedFile(f"{FOLDER}/kapacitor.env.example", render_environment(influxdb.username, receivers), 0o600),
        *scripts,
        *_render_handlers(usable, receivers),
    ]
    return Generated(files, [*usable.refusals, *more, *single, *unsupported])


def render_scripts(
    usable: Usable, database: Database, receivers: Sequence[Receiver]
) -> tuple[list[GeneratedFile], list[str]]:
    """Return a script for each composite and alert, and a sentence for each that Kapacitor cannot run."""
    files: dict[str, GeneratedFile] = {}
    warnings = []
    declarations: list[Composite | Alert] = [*usable.declarations.composites, *usable.declarations.alerts]
    for each in declarations:
        task = name_task(usable.deployment.project, each)
        try:
            if task in files:
                raise UnsupportedError("has the name of another")
            text = _render_script(each, task, usable, database, receivers)
        except UnsupportedError as error:
            warnings.append(f"{_describe(each)} is left out for Kapacitor: it {error} ({each.place})")
            continue
        files[task] = GeneratedFile(f"{FOLDER}/load/tasks/{task}.tick", f"{_HEADER}{text}")
    return list(files.values()), warnings


def name_task(project: str, declaration: Composite | Alert) -> str:
    """Return the name of a script, which follows from the project's name and the declaration's own."""
    is_alert = isinstance(declaration, Alert)
    name = declaration.key if isinstance(declaration, Alert) else declaration.name
    stem = to_slug(f"{project}-{'alert' if is_alert else 'composite'}-{name}")
    if _PLAIN.fullmatch(name) and len(stem) <= _MAX_STEM:
        return stem
    # What a slug leaves out keeps two names apart.
    return f"{stem[:_MAX_STEM].rstrip('-')}-{zlib.crc32(f'{project}/{name}'.encode('utf-8', 'replace')):08x}"


def list_topics(project: str, alert: Alert, receivers: Sequence[Receiver]) -> list[Topic]:
    """Return the topics of an alert: handlers add a link to its runbook, and some wait for its worst level."""
    name = to_slug(project) or "application"
    if not find_runbook(alert):
        name += _WITHOUT_RUNBOOK
    only_crit = {receiver.only_crit for receiver in receivers} or {False}
    return [Topic(f"{name}{_CRIT}" if each else name, each) for each in sorted(only_crit) if alert.crit or not each]


def _render_script(
    declaration: Composite | Alert, task: str, usable: Usable, database: Database, receivers: Sequence[Receiver]
) -> str:
    if isinstance(declaration, Composite):
        return render_composite(declaration, usable.deployment, database, task)
    topics = list_topics(usable.deployment.project, declaration, receivers)
    return render_alert(declaration, usable.deployment, database, task, topics)


def _render_handlers(usable: Usable, receivers: Sequence[Receiver]) -> Iterator[GeneratedFile]:
    topics = {
        topic: bool(find_runbook(alert))
        for alert in usable.declarations.alerts
        for topic in list_topics(usable.deployment.project, alert, receivers)
    }
    for topic, has_runbook in sorted(topics.items()):
        for receiver in receivers:
            if receiver.only_crit == topic.only_crit:
                name = f"{topic.name}-{receiver.slug}"
                text = render_handler(receiver, name, topic.name, has_runbook=has_runbook)
                yield GeneratedFile(f"{FOLDER}/load/handlers/{name}.yaml", text)


def _keep_one_pager(receivers: Sequence[Receiver]) -> tuple[list[Receiver], list[str]]:
    """Keep the first receiver of PagerDuty: Kapacitor has one routing key, if none may be in the handlers."""
    pagers = [each for each in receivers if each.backend == PAGERDUTY]
    kept = [each for each in receivers if each not in pagers[1:]]
    return kept, [
        f"the receiver {each.name!r} is left out: Kapacitor has one routing key, that of {pagers[0].name!r}"
        for each in pagers[1:]
    ]


def _describe(declaration: Composite | Alert) -> str:
    name = declaration.key if isinstance(declaration, Alert) else declaration.name
    return f"{type(declaration).__name__} {name!r}"
