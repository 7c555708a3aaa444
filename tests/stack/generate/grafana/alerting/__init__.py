"""Tests of the alert rules for Grafana."""
