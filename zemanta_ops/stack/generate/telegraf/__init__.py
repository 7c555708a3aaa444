"""The target ``telegraf``: a telegraf.conf that fits the settings of the application, and what starts Telegraf."""

from __future__ import annotations

from zemanta_ops.stack.generate.telegraf.generator import generate as generate
