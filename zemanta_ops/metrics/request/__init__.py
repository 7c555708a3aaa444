"""Records the metrics of requests."""
