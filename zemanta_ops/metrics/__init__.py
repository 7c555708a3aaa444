"""Metrics with tags: counters, gauges, timings, histograms and sets, for statsd agents such as Telegraf.

>>> from zemanta_ops import metrics
>>> metrics.incr("signup", plan="pro")
>>> with metrics.timer("billing.call", service="stripe"):
...     pass
"""

from zemanta_ops.metrics.client import default_client
from zemanta_ops.metrics.gauges.registry import app_gauge

__all__ = [
    "app_gauge",
    "block_timer",
    "configure",
    "decr",
    "flush",
    "gauge",
    "health",
    "histogram",
    "incr",
    "timer",
    "timing",
    "unique",
]

incr = default_client.incr
decr = default_client.decr
gauge = default_client.gauge
timing = default_client.timing
timer = default_client.timer
block_timer = default_client.block_timer
histogram = default_client.histogram
unique = default_client.unique
configure = default_client.configure
flush = default_client.flush
health = default_client.health
