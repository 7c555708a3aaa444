"""Metrics with tags: counters, timers and gauges to a local statsd agent."""
