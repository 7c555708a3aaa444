"""The metrics and series that this deployment can emit."""
