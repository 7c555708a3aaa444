"""What Telegraf and the development agent share: the percentiles they compute, the names of their own metrics."""

from __future__ import annotations

# Percentiles of timings and histograms, in percent.
PERCENTILES = (50.0, 90.0, 95.0, 99.0)

# The measurements in which an agent reports on itself: those of Telegraf 1.39's ``inputs.internal``.
INTERNAL_STATSD = "internal_statsd"
INTERNAL_WRITE = "internal_write"

# The value of their tag ``output`` that distinguishes ``watch_metrics --write`` from a Telegraf.
WATCH_METRICS = "watch_metrics"

# The name of the generated output, in Telegraf's log and as the tag ``alias`` of what it reports about itself.
OUTPUT_ALIAS = "zemanta_ops"
