"""Alerting: judges the declared alerts and objectives, and notifies receivers until each has taken every event."""
