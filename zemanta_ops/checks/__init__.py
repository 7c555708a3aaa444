"""Django system checks with stable ids.


``zemanta_ops.E0xx`` and ``W0xx``: secrets. ``E1xx`` and ``W1xx``: metrics. ``E2xx`` and ``W2xx``: declarations.
"""

from zemanta_ops.checks import cloudwatch, declarations, metrics, secrets

__all__ = ["cloudwatch", "declarations", "metrics", "secrets"]
