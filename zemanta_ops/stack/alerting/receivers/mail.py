"""E-mail, through whatever Django is set up to send it with."""

from __future__ import annotations

import hashlib
import smtplib
from typing import Any

from django.core import mail
from django.core.mail import EmailMessage

from zemanta_ops import parsing
from zemanta_ops.stack.alerting.notification import Notification, cut
from zemanta_ops.stack.alerting.receivers.base import Receiver, ReceiverOption, RefusedError, UnavailableError

_MAX_SUBJECT = 200


def accept_addresses(value: Any) -> tuple[str, ...]:
    """Accept a list of addresses, or text with commas between them; at least one."""
    found = parsing.accept_strings(parsing.reveal(value))
    if not found or not all("@" in each and each.isprintable() for each in found):
        raise ValueError("must be a list of e-mail addresses")
    return found


class Mail(Receiver):
    """Sends every event as one message; those of an incident form a thread."""

    options = (
        ReceiverOption("TO", accept_addresses),
        ReceiverOption("FROM", parsing.accept_text, ""),
    )

    def send(self, notification: Notification) -> None:
        """Send an event."""
        connection = _create_connection()
        if getattr(connection, "timeout", 0) is None:
            # Without EMAIL_TIMEOUT a mail server that hangs would stop all alerts.
            connection.timeout = self.timeout
        message = EmailMessage(
            subject=cut(f"[{notification.level.upper()}] {notification.summary}", _MAX_SUBJECT),
            body=write_body(notification),
            from_email=self.values["FROM"] or None,
            to=list(self.values["TO"]),
            headers={"References": build_thread_id(notification.dedup_key)},
        )
        try:
            connection.send_messages([message])
        except smtplib.SMTPException as error:
            raise _convert(error) from None
        except OSError as error:
            raise UnavailableError(f"the mail server cannot be reached ({type(error).__name__})") from None


def _create_connection() -> Any:
    """Return what sends mail: from Django 6.1 on, MAILERS chooses it."""
    mailers = getattr(mail, "mailers", None)
    return mail.get_connection() if mailers is None else mailers.default


def build_thread_id(dedup_key: str) -> str:
    """Return the message id to which all messages of an incident refer."""
    return f"<{hashlib.sha256(dedup_key.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}@zemanta-ops.invalid>"


def write_body(notification: Notification) -> str:
    """Return the text of a message."""
    facts = {
        "Alert": notification.name,
        **notification.tags,
        "Level": f"{notification.level} (before: {notification.previous})",
        "Value": "no data" if notification.value is None else f"{notification.value:g}",
        "Since": notification.time,
        **{name.capitalize(): text for name, text in notification.details.items()},
        "Runbook": notification.runbook,
    }
    lines = [f"{name}: {text}" for name, text in facts.items() if text]
    return "\n".join([notification.summary, "", *lines, ""])


def _convert(error: smtplib.SMTPException) -> UnavailableError | RefusedError:
    """Return what an error of the mail server means; its text may have addresses and credentials in it."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        if codes and all(code >= 500 for code in codes):
            return RefusedError(f"every address was refused with code {codes[0]}")
        return UnavailableError("the mail server does not accept the addresses now")
    if isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= 500:
        return RefusedError(f"the message was refused with code {error.smtp_code}")
    code = f" and code {error.smtp_code}" if isinstance(error, smtplib.SMTPResponseException) else ""
    return UnavailableError(f"the mail server failed with {type(error).__name__}{code}")
