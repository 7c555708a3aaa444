"""Tests of dashboards without Grafana."""
