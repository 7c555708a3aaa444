"""Chooses what is sampled, with random numbers of its own.

The functions of the module ``random`` share one generator with the application. To draw from it would change what a
seeded application draws next, and a view that seeds it would decide by its seed which requests are measured.
"""

from __future__ import annotations

from random import Random

from zemanta_ops.metrics.delivery.forks import call_in_children

_dice = Random()  # noqa: S311  (sampling, no secret)
_draw = _dice.random

# A forked child would repeat the draws of its parent: each child of one request would decide alike.
call_in_children(_dice.seed)


def is_sampled(every: int) -> bool:
    """Return whether this one is chosen of ``every``, on average."""
    return _draw() * every < 1
