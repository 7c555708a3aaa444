"""Slack, Teams and a hundred other services, through the optional package ``apprise``."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from zemanta_ops import parsing
from zemanta_ops.extras import MissingExtraError
from zemanta_ops.stack.alerting.notification import Notification, cut
from zemanta_ops.stack.alerting.receivers.base import Receiver, ReceiverOption, UnavailableError
from zemanta_ops.stack.alerting.receivers.mail import write_body

_TYPES = {"ok": "success", "warn": "warning", "crit": "failure"}
_MAX_TITLE = 200


def accept_address(value: Any) -> str:
    """Accept one address of apprise."""
    text = parsing.accept_text(value)
    package = import_apprise()
    with _silence():
        if not package.Apprise.instantiate(text):
            raise ValueError("must be an address that apprise knows. Its documentation lists their forms")
    return text


def import_apprise() -> Any:
    """Return the package; MissingExtraError if it is not installed."""
    try:
        with _silence():
            import apprise
    except ImportError:
        raise MissingExtraError("The receiver apprise", "apprise") from None
    return apprise


class Apprise(Receiver):
    """Sends every event to one address: of several, some could accept an event that others fail to."""

    options = (ReceiverOption("URL", accept_address, is_credential=True),)

    def send(self, notification: Notification) -> None:
        """Send an event."""
        package = import_apprise()
        with _silence():
            hub = package.Apprise()
            hub.add(self.values["URL"])
            is_accepted = hub.notify(
                body=write_body(notification),
                title=cut(f"[{notification.level.upper()}] {notification.summary}", _MAX_TITLE),
                notify_type=_TYPES[notification.level],
            )
        if not is_accepted:
            raise UnavailableError("apprise could not send it. Try the address with the command apprise")


@contextmanager
def _silence() -> Iterator[None]:
    """Keep the packages from logging addresses, which have tokens in them, and plug-ins from warning."""
    loggers = [logging.getLogger(name) for name in ("apprise", "urllib3.connectionpool")]
    before = [each.disabled for each in loggers]
    for each in loggers:
        each.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for each, was in zip(loggers, before, strict=True):
            each.disabled = was
