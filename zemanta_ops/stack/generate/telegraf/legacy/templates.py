"""Telegraf's ``templates`` for legacy names: each with a filter, and none that cuts a name short."""

from __future__ import annotations

from collections.abc import Sequence

from zemanta_ops.stack.generate.telegraf.legacy.patterns import ANY, Pattern

# What Telegraf does with a name that no template fits: all of it becomes the measurement.
WHOLE = "measurement*"


def templates(patterns: Sequence[Pattern]) -> list[str]:
    """Return the templates of patterns that do not overlap.

    A filter fits longer names as well, whose surplus segments Telegraf throws away, and the source's dots shift every
    segment after it. So a second template follows each pattern of fixed length: names that go on stay whole.
    """
    own = {pattern.filter: pattern.template for pattern in patterns}
    longer = {f"{pattern.filter}.{ANY}": WHOLE for pattern in patterns if not pattern.takes_rest}
    return [f"{names} {template}" for names, template in {**longer, **own}.items()]
