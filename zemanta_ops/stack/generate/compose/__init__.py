"""A compose file that runs Telegraf, the database, Grafana and Kapacitor on a person's own machine."""

from __future__ import annotations

from zemanta_ops.stack.generate.compose.generator import generate as generate
