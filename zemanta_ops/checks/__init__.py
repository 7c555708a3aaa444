"""Django system checks with stable ids: ``zemanta_ops.E0xx`` and ``W0xx`` secrets, ``E1xx`` and ``W1xx`` metrics."""

from zemanta_ops.checks import metrics as metrics
from zemanta_ops.checks import secrets as secrets
