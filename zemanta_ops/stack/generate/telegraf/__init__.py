"""A telegraf.conf that fits the settings of this application, and what starts Telegraf with it."""

from __future__ import annotations

from zemanta_ops.stack.generate.telegraf.config import Agent, render
from zemanta_ops.stack.generate.telegraf.outputs import InfluxDB1, InfluxDB2, Printed
from zemanta_ops.stack.generate.telegraf.parameters import generate

__all__ = ["Agent", "InfluxDB1", "InfluxDB2", "Printed", "generate", "render"]
