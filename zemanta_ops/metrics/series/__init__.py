"""A series: a metric name, a kind and tags, rendered once and cached."""
