"""A telegraf.conf that fits the settings of this application, and what starts Telegraf with it."""

from __future__ import annotations

from zemanta_ops.metrics.stack.telegraf.config import Agent, render
from zemanta_ops.metrics.stack.telegraf.configured import generate
from zemanta_ops.metrics.stack.telegraf.outputs import InfluxDB1, InfluxDB2, Printed

__all__ = ["Agent", "InfluxDB1", "InfluxDB2", "Printed", "generate", "render"]
