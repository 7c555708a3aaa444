"""The numbers of declarations, read from the database: composites, what alerts judge, and burn rates.

It has no clock and no settings of its own: callers pass the time, and a ``Reader``.
"""

from __future__ import annotations

from zemanta_ops.stack.evaluation.composites import SeriesValue as SeriesValue
from zemanta_ops.stack.evaluation.composites import compute_alert as compute_alert
from zemanta_ops.stack.evaluation.composites import compute_composite as compute_composite
from zemanta_ops.stack.evaluation.objectives import BurnRate as BurnRate
from zemanta_ops.stack.evaluation.objectives import compute_burn_rates as compute_burn_rates
from zemanta_ops.stack.evaluation.reader import Reader as Reader
from zemanta_ops.stack.evaluation.spans import Span as Span
from zemanta_ops.stack.evaluation.spans import list_spans as list_spans
from zemanta_ops.stack.evaluation.spans import list_spans_between as list_spans_between
