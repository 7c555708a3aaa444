"""Keep revealed secrets out of logs, error pages, mails, Sentry and command output, by value.

``RedactingExceptionReporter`` lives in ``zemanta_ops.secrets.redaction.reporter``: it alone needs Django.
"""

from __future__ import annotations

from zemanta_ops.secrets.redaction.logs import RecordFactory, RedactingFormatter, install
from zemanta_ops.secrets.redaction.sentry import before_send
from zemanta_ops.secrets.redaction.values import redact, redact_value

__all__ = ["RecordFactory", "RedactingFormatter", "before_send", "install", "redact", "redact_value"]
