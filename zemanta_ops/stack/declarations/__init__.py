"""Declarations: what a team's metrics mean, which numbers follow from them, and when they hurt.

Write them in ``metrics.py`` of any installed app; ``read_declarations`` finds them there. A declaration never raises
when it is made: what is wrong with it is reported by ``manage.py check``.
"""

from __future__ import annotations

from zemanta_ops.stack.declarations.model import Alert, Composite, Description, Objective, describe
from zemanta_ops.stack.declarations.registry import Declarations, Failure, isolate, read_declarations
from zemanta_ops.stack.declarations.terms import (
    Expression,
    Term,
    Threshold,
    above,
    below,
    last,
    mean,
    rate,
    sum_of,
    total,
)

__all__ = [
    "Alert",
    "Composite",
    "Declarations",
    "Description",
    "Expression",
    "Failure",
    "Objective",
    "Term",
    "Threshold",
    "above",
    "below",
    "describe",
    "isolate",
    "last",
    "mean",
    "rate",
    "read_declarations",
    "sum_of",
    "total",
]
