"""PagerDuty, through its Events API v2."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Mapping
from typing import Any

from zemanta_ops import parsing
from zemanta_ops.stack.alerting.notification import Deploy, Notification, cut
from zemanta_ops.stack.alerting.receivers.base import DeployReceiver, ReceiverOption
from zemanta_ops.stack.alerting.receivers.posting import post

_ROUTING_KEY = re.compile(r"[A-Za-z0-9]{32}")
_SEVERITIES = {"warn": "warning", "crit": "critical"}
# PagerDuty accepts 512 KB. Beyond this size the details are left out; what remains has limits of its own.
_MAX_BYTES = 400_000


def accept_routing_key(value: Any) -> str:
    """Accept an integration key: 32 letters and digits."""
    text = parsing.accept_token(value)
    if not _ROUTING_KEY.fullmatch(text):
        raise ValueError("must be an integration key of the Events API v2: 32 letters and digits")
    return text


class PagerDuty(DeployReceiver):
    """Opens, changes and resolves incidents, and shows deploys beside them."""

    options = (
        ReceiverOption("ROUTING_KEY", accept_routing_key, is_credential=True),
        ReceiverOption("URL", parsing.accept_url, "https://events.pagerduty.com"),
        ReceiverOption("SOURCE", parsing.accept_text, ""),
    )

    def send(self, notification: Notification) -> None:
        """Enqueue an event."""
        body: dict[str, Any] = {
            "routing_key": self.values["ROUTING_KEY"],
            "event_action": notification.action,
            "dedup_key": notification.dedup_key,
        }
        if notification.action == "trigger":
            body |= self._build_trigger(notification)
        encoded = json.dumps(body).encode()
        if len(encoded) > _MAX_BYTES:
            body["payload"].pop("custom_details", None)
            encoded = json.dumps(body).encode()
        self._post("/v2/enqueue", encoded)

    def send_deploy(self, deploy: Deploy) -> None:
        """Enqueue a change event."""
        payload = {
            "summary": cut(deploy.summary),
            "timestamp": deploy.time,
            "source": self._find_source(deploy.tags),
            "custom_details": {"version": deploy.version, **deploy.tags},
        }
        body = {"routing_key": self.values["ROUTING_KEY"], "payload": payload}
        self._post("/v2/change/enqueue", json.dumps(body).encode())

    def _build_trigger(self, notification: Notification) -> dict[str, Any]:
        runbook = notification.runbook
        details = {"value": notification.value, **notification.tags, **notification.details}
        return {
            "client": "zemanta_ops",
            "links": [{"href": runbook, "text": "Runbook"}] if runbook else [],
            "payload": {
                "summary": notification.summary,
                "source": self._find_source(notification.tags),
                "severity": _SEVERITIES[notification.level],
                "timestamp": notification.time,
                "class": cut(notification.name),
                "custom_details": details,
            },
        }

    def _find_source(self, tags: Mapping[str, str]) -> str:
        return cut(self.values["SOURCE"] or tags.get("host") or socket.gethostname())

    def _post(self, path: str, body: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        post(f"{self.values['URL'].rstrip('/')}{path}", body, headers, self.timeout, self._read_reason)

    def _read_reason(self, answer: Mapping[str, Any]) -> str:
        errors = answer.get("errors")
        words = errors if isinstance(errors, list) and errors else [answer.get("message") or ""]
        text = cut("; ".join(map(str, words)), 200)
        # An answer may repeat what it was sent, whole or in part.
        return "" if any(part in text for part in _split(self.values["ROUTING_KEY"])) else text


def _split(credential: str) -> list[str]:
    """Return every part of a credential that is long enough to help somebody guess it."""
    return [credential[start : start + 4] for start in range(len(credential) - 3)]
