"""Dashboards for Grafana, and the provisioning files that load them."""

from __future__ import annotations

from zemanta_ops.stack.generate.grafana.generator import build_dashboards as build_dashboards
from zemanta_ops.stack.generate.grafana.generator import choose_language as choose_language
from zemanta_ops.stack.generate.grafana.generator import generate as generate
from zemanta_ops.stack.generate.grafana.generator import generate_alerts as generate_alerts
from zemanta_ops.stack.generate.grafana.generator import read_sources as read_sources
from zemanta_ops.stack.generate.grafana.preview import Finding as Finding
from zemanta_ops.stack.generate.grafana.preview import Preview as Preview
from zemanta_ops.stack.generate.grafana.preview import preview_dashboards as preview_dashboards
