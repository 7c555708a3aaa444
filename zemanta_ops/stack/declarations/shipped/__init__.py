"""What this package declares about the metrics that it emits itself. Importing it registers the declarations."""

from zemanta_ops.stack.declarations.shipped import libraries, pipeline, requests, work

__all__ = ["libraries", "pipeline", "requests", "work"]
