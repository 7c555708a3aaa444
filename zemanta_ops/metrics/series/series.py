"""A series: one metric name with one set of tags, rendered once, and carried by every sample of it."""

from __future__ import annotations

from collections.abc import Mapping

COUNTER = "c"
GAUGE = "g"
TIMING = "ms"
HISTOGRAM = "h"
SET = "s"

KIND_NAMES = {COUNTER: "counter", GAUGE: "gauge", TIMING: "timing", HISTOGRAM: "histogram", SET: "set"}

# What a counter, gauge, timing or set takes. A gauge's change is a 1-tuple, to tell it from an absolute value.
Value = int | float | str | tuple[float]


class Series:
    """What is the same for all samples of one series.

    ``name`` and ``tags`` are sanitised and as the caller gave them; ``full_name`` and ``all_tags`` have the prefix and
    the default tags added. ``every`` is n where one sample in n is kept. ``companion`` is a counter that gets one for
    every value of this series, so that a timed request costs a single queue entry.
    """

    __slots__ = ("all_tags", "companion", "every", "full_name", "head", "kind", "name", "tags", "tail")

    def __init__(
        self,
        kind: str,
        name: str,
        tags: Mapping[str, str],
        *,
        full_name: str = "",
        all_tags: Mapping[str, str] | None = None,
        every: int = 1,
        companion: Series | None = None,
    ) -> None:
        self.kind = kind
        self.name = name
        self.tags = tags
        self.full_name = full_name or name
        self.all_tags = tags if all_tags is None else all_tags
        self.every = every
        self.companion = companion
        self.head = b""
        self.tail = b""

    def __repr__(self) -> str:
        return f"Series({self.kind}, {self.name!r}, {dict(self.tags)!r})"
