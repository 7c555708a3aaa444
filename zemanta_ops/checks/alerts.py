"""Check the receivers of alerts: ``zemanta_ops.E3xx`` and ``W3xx``."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004  (Django's own name)

from zemanta_ops.conf import conf
from zemanta_ops.secrets import ledger


@register("zemanta_ops")
def check_receivers(**_: Any) -> list[CheckMessage]:
    """Check that every receiver can be used, and that its credentials are Secrets."""
    if not conf.alerts.receivers:
        return []
    from zemanta_ops.stack.alerting.receivers import list_plain_credentials, read_receivers

    messages: list[CheckMessage] = [
        Error(fault.text, hint=fault.hint, id=fault.id) for fault in read_receivers().faults if not fault.is_deferred
    ]
    for place, value in list_plain_credentials():
        if value not in ledger.plaintexts():
            hint = "Run: manage.py encrypt_secret, and write Secret(…) with the token in its place."
            messages.append(Warning(f"{place} is a credential in plain text.", hint=hint, id="zemanta_ops.W301"))
    return messages
