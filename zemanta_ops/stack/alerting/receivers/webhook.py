"""A webhook: JSON by POST, signed if it has a key."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

from zemanta_ops import parsing
from zemanta_ops.stack.alerting.notification import Notification
from zemanta_ops.stack.alerting.receivers.base import Receiver, ReceiverOption
from zemanta_ops.stack.alerting.receivers.posting import post

SIGNATURE = "X-Zemanta-Ops-Signature"


def accept_address(value: Any) -> str:
    """Accept a URL of http or https, which may have a query: chats put a token into it."""
    text = parsing.accept_text(value)
    address, _, query = text.partition("?")
    parsing.split_url(address)
    if not query.isascii() or not query.isprintable() or " " in query or "#" in query:
        raise ValueError("must have a query of printable ASCII without blanks")
    return text


class Webhook(Receiver):
    """Sends every event as a JSON object."""

    options = (
        ReceiverOption("URL", accept_address),
        ReceiverOption("KEY", parsing.accept_text, "", is_credential=True),
    )

    def send(self, notification: Notification) -> None:
        """Send an event."""
        body = json.dumps(notification.encode(), sort_keys=True).encode()
        headers = {"Content-Type": "application/json"}
        if key := self.values["KEY"]:
            headers[SIGNATURE] = sign(body, key, int(time.time()))
        post(self.values["URL"], body, headers, self.timeout)


def sign(body: bytes, key: str, now: int) -> str:
    """Return the header that proves who sent the body, and when.

    Args:
        body: The body as it is sent.
        key: The key that both sides have.
        now: Seconds of the epoch. They are signed too, so that an old request cannot be sent again.

    """
    digest = hmac.new(key.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={now},v1={digest}"
