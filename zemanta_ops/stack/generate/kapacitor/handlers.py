"""Topic handlers: who is sent the changes of level that the alerts of a topic publish."""

from __future__ import annotations

import json
from typing import Any

from zemanta_ops.stack.generate.kapacitor.alerts import RUNBOOK
from zemanta_ops.stack.generate.messages import quote_go
from zemanta_ops.stack.generate.receivers import EMAIL, PAGERDUTY, Receiver

# A trigger and its resolve are sent once, also if a task is loaded again while its alert is not OK.
_CHANGED = "changed() == TRUE"
_HEADER = "# Written by: manage.py generate_stack kapacitor\n"


def render_handler(receiver: Receiver, name: str, topic: str, *, has_runbook: bool) -> str:
    """Return a handler as YAML: JSON is YAML too. Credentials are in the environment of Kapacitor."""
    kind, options = _KINDS[receiver.backend](receiver, has_runbook)
    handler: dict[str, Any] = {
        "id": name,
        "topic": topic,
        "kind": kind,
        "match": _CHANGED,
    }
    if options:
        handler["options"] = options
    return f"{_HEADER}{json.dumps(handler, indent=2, ensure_ascii=False)}\n"


def _render_pagerduty(_: Receiver, has_runbook: bool) -> tuple[str, dict[str, Any]]:
    if not has_runbook:
        return "pagerduty2", {}
    link = {"href": f"{{{{ index .Tags {quote_go(RUNBOOK)} }}}}", "text": "Runbook"}
    return "pagerduty2", {"links": [link]}


def _render_mail(receiver: Receiver, _: bool) -> tuple[str, dict[str, Any]]:
    return "smtp", {"to": list(receiver.addresses)}


def _render_webhook(receiver: Receiver, _: bool) -> tuple[str, dict[str, Any]]:
    return "post", {"endpoint": receiver.slug}


_KINDS = {PAGERDUTY: _render_pagerduty, EMAIL: _render_mail, "webhook": _render_webhook}
