"""Dashboards without Grafana: the same files, interpolated as Grafana does it, run against the database, and drawn."""
