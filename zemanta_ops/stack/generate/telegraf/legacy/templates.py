"""Render Telegraf's ``templates`` for legacy names: each has a filter, and none shortens a name."""

from __future__ import annotations

from collections.abc import Sequence

from zemanta_ops.stack.generate.telegraf.legacy.patterns import ANY, Pattern

# The template for names that fit no pattern: all of the name becomes the measurement.
WHOLE = "measurement*"


def render_templates(patterns: Sequence[Pattern]) -> list[str]:
    """Return the templates of patterns that do not overlap.

    A filter also fits longer names, whose surplus segments Telegraf drops; dots in the source shift every segment after
    it. So each pattern of fixed length gets a second template, which keeps longer names whole.
    """
    own = {pattern.filter: pattern.template for pattern in patterns}
    longer = {f"{pattern.filter}.{ANY}": WHOLE for pattern in patterns if not pattern.takes_rest}
    return [f"{names} {template}" for names, template in {**longer, **own}.items()]
