"""Events of the real Sentry SDK carry no secret."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from zemanta_ops.secrets import ledger
from zemanta_ops.secrets.redaction import before_send


class Kept(Transport):
    """Keeps what the SDK would send over the network."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.sent.append(envelope.serialize().decode())


def test_messages_locals_breadcrumbs_and_context_are_redacted(canary: str) -> None:
    kept = Kept()
    hook: Any = before_send
    options: dict[str, Any] = {"dsn": "http://key@127.0.0.1:9/1", "before_send": hook, "transport": kept}
    client = sentry_sdk.Client(**options, default_integrations=False, auto_enabling_integrations=False)
    local = {"password": canary}
    with sentry_sdk.isolation_scope() as scope:
        scope.set_client(client)
        scope.set_context("more", {"nested": [canary], "shape": json.dumps(canary)})
        sentry_sdk.add_breadcrumb(message=f"connect {canary}")
        try:
            raise ValueError(f"cannot use {local['password']}")
        except ValueError:
            sentry_sdk.capture_exception()
    (sent,) = kept.sent
    assert "cannot use <redacted>" in sent
    assert "connect <redacted>" in sent
    assert "c4nary" not in sent


def test_a_secret_that_is_a_key_is_redacted() -> None:
    ledger.reveal("long-example-secret-0123456789")
    event = before_send({"extra": {"long-example-secret-0123456789": [{"a long-example-secret-0123456789": 1}]}})
    assert event == {"extra": {"<redacted>": [{"a <redacted>": 1}]}}


@pytest.mark.parametrize("ellipsis", ["...", "…"])
def test_a_secret_that_the_sdk_has_cut_is_redacted(ellipsis: str) -> None:
    ledger.reveal("long-example-secret-0123456789")
    event = before_send({"message": f"key=long-example-sec{ellipsis}", "level": 1, "tags": [("a", None)]})
    assert event == {"message": f"key=<redacted>{ellipsis}", "level": 1, "tags": [["a", None]]}
