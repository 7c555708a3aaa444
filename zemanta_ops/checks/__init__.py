"""Django system checks with stable ids.

``zemanta_ops.E0xx`` and ``W0xx``: secrets. ``E1xx`` and ``W1xx``: metrics. ``E2xx`` and ``W2xx``: declarations.
``E3xx`` and ``W3xx``: alerts.
"""

from zemanta_ops.checks import alerts as alerts
from zemanta_ops.checks import cloudwatch as cloudwatch
from zemanta_ops.checks import declarations as declarations
from zemanta_ops.checks import metrics as metrics
from zemanta_ops.checks import secrets as secrets
