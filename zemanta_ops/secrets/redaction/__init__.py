"""Redaction, by value, of decrypted secrets in logs, error pages, mails, Sentry events and command output.

``RedactingExceptionReporter`` is in ``zemanta_ops.secrets.redaction.reporter``, because it needs Django.
"""

from __future__ import annotations

from zemanta_ops.secrets.redaction.logs import RedactingFormatter
from zemanta_ops.secrets.redaction.streams import redact_stderr
from zemanta_ops.secrets.redaction.values import before_send, redact, redact_value

__all__ = ["RedactingFormatter", "before_send", "redact", "redact_stderr", "redact_value"]
