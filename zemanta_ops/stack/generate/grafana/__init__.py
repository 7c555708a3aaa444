"""Dashboards for Grafana, and the provisioning files that load them."""

from __future__ import annotations

from zemanta_ops.stack.generate.grafana.generator import build_dashboards, generate, read_sources

__all__ = ["build_dashboards", "generate", "read_sources"]
