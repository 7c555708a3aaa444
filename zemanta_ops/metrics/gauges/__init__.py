"""Gauges of application state: registered functions, collected on a schedule by one process."""
