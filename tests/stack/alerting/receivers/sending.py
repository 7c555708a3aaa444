"""Receivers with settings, and notifications to send."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.test import override_settings

from zemanta_ops.stack.alerting.notification import Notification
from zemanta_ops.stack.alerting.receivers import Receiver, ReceiverSet, read_receivers

ROUTING_KEY = "e1x2a3m4p5l6e7e1x2a3m4p5l6e7abcd"
TRIGGER = Notification(
    action="trigger",
    dedup_key="shop.error_ratio{view=cart}",
    sequence=1,
    name="shop.error_ratio",
    tags={"view": "cart"},
    level="crit",
    previous="ok",
    value=0.25,
    summary="cart: 25.0% of requests fail",
    time="2026-03-01T12:00:00+00:00",
    details={"impact": "Nobody can pay."},
    runbook="https://wiki.example.com/errors",
)
RESOLVE = replace(TRIGGER, action="resolve", sequence=2, level="ok", previous="crit", value=0.0)


def read(**receivers: Any) -> ReceiverSet:
    """Return the receivers of these settings."""
    with override_settings(ZEMANTA_OPS={"ALERTS": {"RECEIVERS": receivers}}):
        return read_receivers()


def build(**options: Any) -> Receiver:
    """Return the one receiver, which must be usable."""
    found = read(only=options)
    assert found.faults == []
    return found.usable["only"]
