"""The target ``telegraf``: a telegraf.conf that fits the settings of the application, and what starts Telegraf."""

from __future__ import annotations

from zemanta_ops.stack.generate.telegraf.config import TelegrafConfig, render_config
from zemanta_ops.stack.generate.telegraf.generator import generate
from zemanta_ops.stack.generate.telegraf.outputs import (
    InfluxDB1Output,
    InfluxDB2Output,
    RemoteWriteOutput,
    StdoutOutput,
    VictoriaMetricsOutput,
)

__all__ = [
    "InfluxDB1Output",
    "InfluxDB2Output",
    "RemoteWriteOutput",
    "StdoutOutput",
    "TelegrafConfig",
    "VictoriaMetricsOutput",
    "generate",
    "render_config",
]
