"""Series: metric name, kind and tags, sanitized and rendered once, then cached."""
