"""A small real site that uses all of zemanta_ops."""
