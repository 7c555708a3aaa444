"""Contact points, notification policies, and the variables of Grafana's environment that have their credentials."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zemanta_ops.stack.declarations.model import Alert
from zemanta_ops.stack.declarations.names import to_uid
from zemanta_ops.stack.generate.grafana.panels import Json
from zemanta_ops.stack.generate.receivers import EMAIL, PAGERDUTY, WEBHOOK, Receiver

# A contact point that every Grafana has.
DEFAULT = "grafana-default-email"
ENVIRONMENT_FILE = "grafana.env.example"
_SUMMARY = "{{ .CommonAnnotations.summary }}"
_SEVERITY = "{{ if .CommonLabels.severity }}{{ .CommonLabels.severity }}{{ else }}critical{{ end }}"
_TYPES = {PAGERDUTY: "pagerduty", WEBHOOK: "webhook", EMAIL: "email"}
_MEANINGS = {PAGERDUTY: "The routing key", WEBHOOK: "The URL"}


def render_contacts(project: str, receivers: Sequence[Receiver]) -> Json:
    """Return the contact points. Grafana puts variables of its environment in for the credentials."""
    points = [
        {
            "orgId": 1,
            "name": name_contact(project, receiver),
            "receivers": [
                {
                    "uid": to_uid(project, "receiver", receiver.slug),
                    "type": _TYPES[receiver.backend],
                    "settings": _render_settings(receiver),
                    "disableResolveMessage": False,
                }
            ],
        }
        for receiver in receivers
    ]
    return {"apiVersion": 1, "contactPoints": points}


def render_policies(project: str, receivers: Sequence[Receiver], alerts: Sequence[Alert]) -> Json:
    """Return the policies: the levels of one series are one incident."""
    tags = sorted({tag for alert in alerts for tag in alert.by})
    routes = [
        {
            "receiver": name_contact(project, receiver),
            "object_matchers": [
                ["project", "=", project],
                *([["severity", "=", "critical"]] if receiver.only_crit else []),
            ],
            "group_by": ["project", "rule", *tags],
            "group_wait": "0s",
            "group_interval": "1m",
            "repeat_interval": "1d",
            "continue": True,
        }
        for receiver in receivers
    ]
    return {
        "apiVersion": 1,
        "policies": [{"orgId": 1, "receiver": DEFAULT, "group_by": ["grafana_folder", "alertname"], "routes": routes}],
    }


def render_environment(receivers: Sequence[Receiver]) -> str:
    """Return the example of the environment file: one line for each variable, without a value."""
    lines = ["# Written by: manage.py generate_stack grafana --alerts", "# Put these into the environment of Grafana."]
    for name, meaning in _list_variables(receivers):
        lines += ["", f"# {meaning}", f"{name}="]
    return "\n".join([*lines, ""])


def name_contact(project: str, receiver: Receiver) -> str:
    """Return the name of a contact point."""
    return f"{project}: {receiver.name}"


def name_variable(receiver: Receiver) -> str:
    """Return the environment variable that has the credential of a receiver."""
    return f"ZEMANTA_OPS_RECEIVER_{receiver.variable}"


def _list_variables(receivers: Sequence[Receiver]) -> Iterator[tuple[str, str]]:
    for receiver in receivers:
        if receiver.backend in _MEANINGS:
            yield name_variable(receiver), f"{_MEANINGS[receiver.backend]} of the receiver {receiver.name}."


def _render_settings(receiver: Receiver) -> Json:
    variable = f"${name_variable(receiver)}"
    if receiver.backend == PAGERDUTY:
        return {"integrationKey": variable, "severity": _SEVERITY, "summary": _SUMMARY, "client": "Grafana"}
    if receiver.backend == WEBHOOK:
        return {"url": variable, "httpMethod": "POST"}
    return {"addresses": ";".join(receiver.addresses), "singleEmail": True, "subject": _SUMMARY}
