"""The whole of it, run as a person runs it."""
