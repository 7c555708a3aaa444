"""Alert rules: two for an alert with ``warn`` and ``crit``, each with a query, a number of it, and a limit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from zemanta_ops.stack.declarations.known import Deployment
from zemanta_ops.stack.declarations.model import Alert, Composite
from zemanta_ops.stack.declarations.names import to_slug, to_uid
from zemanta_ops.stack.declarations.runbooks import find_runbook
from zemanta_ops.stack.declarations.terms import Term, Threshold
from zemanta_ops.stack.generate.grafana.alerting.subjects import ask_alert
from zemanta_ops.stack.generate.grafana.layout import Dashboard, name_datasource
from zemanta_ops.stack.generate.grafana.panels import Json, Panel
from zemanta_ops.stack.generate.grafana.sources import Sources
from zemanta_ops.stack.generate.messages import quote_go, render_template, split_message, to_printf
from zemanta_ops.stack.inventory.usable import Usable
from zemanta_ops.stack.queries import LANGUAGES

EXPRESSION = "__expr__"
SEVERITIES = {"warn": "warning", "crit": "critical"}
NO_DATA = {"keep": "KeepLast", "ok": "OK", "alert": "Alerting"}
# Grafana evaluates a group at multiples of this.
SCHEDULER_SECONDS = 10
_EVALUATORS = {"above": "gt", "below": "lt"}
_QUERY, _NUMBER, _LIMIT = "A", "B", "C"


def render_groups(usable: Usable, sources: Sources, dashboards: Sequence[Dashboard], language: str) -> list[Json]:
    """Return the groups of rules: one for each ``every``, because Grafana evaluates a group at once."""
    groups: dict[int, list[Json]] = {}
    deployment = usable.deployment
    for alert in usable.declarations.alerts:
        interval = math.ceil(alert.every_seconds / SCHEDULER_SECONDS) * SCHEDULER_SECONDS
        for level, threshold in (("warn", alert.warn), ("crit", alert.crit)):
            if threshold is not None:
                rule = _render_rule(alert, level, threshold, deployment, sources, language)
                rule["annotations"] |= _link_panel(alert, dashboards)
                groups.setdefault(interval, []).append(rule)
    return [
        {
            "orgId": 1,
            "name": f"{deployment.project} every {interval}s",
            "folder": deployment.project,
            "interval": f"{interval}s",
            "rules": rules,
        }
        for interval, rules in sorted(groups.items())
    ]


def _render_rule(
    alert: Alert, level: str, threshold: Threshold, deployment: Deployment, sources: Sources, language: str
) -> Json:
    rule: Json = {
        "uid": to_uid(deployment.project, alert.key, level),
        "title": f"{alert.key} ({level})",
        "condition": _LIMIT,
        "for": f"{alert.for_seconds}s",
        "noDataState": NO_DATA[alert.no_data],
        "execErrState": "Error",
        "isPaused": False,
        "data": [
            _render_query(alert, deployment, sources, language),
            _render_expression(_NUMBER, {"type": "reduce", "expression": _QUERY, "reducer": "last"}),
            _render_expression(
                _LIMIT, {"type": "threshold", "expression": _NUMBER, "conditions": [_render_limit(threshold)]}
            ),
        ],
        "annotations": _write_annotations(alert, level),
        "labels": {
            "project": deployment.project,
            "rule": to_slug(alert.key),
            "severity": SEVERITIES[level],
        },
    }
    return rule


def _render_query(alert: Alert, deployment: Deployment, sources: Sources, language: str) -> Json:
    length, delay = alert.window_seconds, deployment.find_delay(alert.terms)
    model = LANGUAGES[language].render_alert(ask_alert(alert, deployment, sources), length, delay)
    uid = name_datasource(deployment.project)
    return {
        "refId": _QUERY,
        "datasourceUid": uid,
        "queryType": "",
        "relativeTimeRange": {"from": length + delay, "to": delay},
        "model": {
            "refId": _QUERY,
            "datasource": {"type": LANGUAGES[language].DATASOURCE, "uid": uid},
            "intervalMs": 1_000,
            "maxDataPoints": 43_200,
            **model,
        },
    }


def _render_expression(name: str, given: Json) -> Json:
    settings = {"settings": {"mode": "dropNN"}} if given["type"] == "reduce" else {}
    return {
        "refId": name,
        "datasourceUid": EXPRESSION,
        "queryType": "",
        "relativeTimeRange": {"from": 0, "to": 0},
        "model": {"refId": name, "datasource": {"type": EXPRESSION, "uid": EXPRESSION}, **given, **settings},
    }


def _render_limit(threshold: Threshold) -> Json:
    return {"evaluator": {"type": _EVALUATORS[threshold.direction], "params": [float(threshold.value)]}}


def _write_annotations(alert: Alert, level: str) -> dict[str, str]:
    def render_field(name: str, spec: str) -> str:
        if name == "value":
            verb, is_percent = to_printf(spec)
            number = f"(index .Values {quote_go(_NUMBER)}).Value"
            # Grafana's templates cannot multiply.
            return (
                f"{{{{ humanizePercentage {number} }}}}"
                if is_percent
                else f"{{{{ printf {quote_go(verb)} {number} }}}}"
            )
        if name in ("level", "name"):
            return level if name == "level" else alert.key
        return f"{{{{ index .Labels {quote_go(name)} }}}}"

    subject = alert.subject if isinstance(alert.subject, Composite) else alert
    texts = {
        "summary": render_template(split_message(alert), render_field),
        "description": alert.meaning or subject.meaning,
        "impact": alert.impact or subject.impact,
        "action": alert.action or subject.action,
        "runbook_url": find_runbook(alert),
    }
    return {name: text for name, text in texts.items() if text}


def _link_panel(alert: Alert, dashboards: Sequence[Dashboard]) -> Mapping[str, str]:
    """Return the annotations that lead to the panel which shows what the alert judges, on the first dashboard."""
    for dashboard in dashboards:
        for row in dashboard.rows:
            for panel in row.panels:
                if _shows(panel, alert):
                    return {"__dashboardUid__": dashboard.uid, "__panelId__": str(panel.number(dashboard.uid))}
    return {}


def _shows(panel: Panel, alert: Alert) -> bool:
    subject = alert.subject
    if isinstance(subject, Term):
        return panel.key in (f"{subject.function} {subject.metric}", f"repeated {subject.metric}")
    return panel.key == f"composite {subject.name}"
