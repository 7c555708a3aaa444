"""A series: one metric name with one set of tags, rendered once, and shared by all its samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zemanta_ops.metrics.catalog import KindName

COUNTER = "c"
GAUGE = "g"
TIMING = "ms"
HISTOGRAM = "h"
SET = "s"

KIND_NAMES: dict[str, KindName] = {
    COUNTER: "counter",
    GAUGE: "gauge",
    TIMING: "timing",
    HISTOGRAM: "histogram",
    SET: "set",
}
# The kind of a metric of the catalogue, by the name that the catalogue gives it.
KINDS: dict[KindName, str] = {name: kind for kind, name in KIND_NAMES.items()}


@dataclass(slots=True, eq=False)
class Series:
    """What all samples of one series have in common.

    ``name`` and ``tags`` are those of the caller, sanitized; ``full_name`` and ``all_tags`` have the prefix and the
    default tags added. ``every`` is n if one sample in n is kept. ``companion`` is a counter that gets one for every
    value of this series, so that a timed request costs a single queue entry. ``head`` and ``tail`` are the parts of a
    line around the values. ``buckets`` are counters by ascending limit, each of the values up to its limit.
    """

    kind: str
    name: str
    tags: Mapping[str, str]
    full_name: str
    all_tags: Mapping[str, str]
    every: int = 1
    companion: Series | None = None
    buckets: Sequence[tuple[float, Series]] = ()
    head: bytes = b""
    tail: bytes = b""
