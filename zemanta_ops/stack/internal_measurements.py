"""Names under which an agent reports on itself: those of Telegraf's ``inputs.internal``, 1.39."""

from __future__ import annotations

STATSD = "internal_statsd"
WRITE = "internal_write"

# Value of the tag ``output`` that distinguishes ``watch_metrics --write`` from a Telegraf.
WATCH_METRICS = "watch_metrics"
