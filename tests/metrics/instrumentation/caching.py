"""What the cache instrumentation has recorded."""

from __future__ import annotations

from zemanta_ops.testing import Recorder

DURATION = "cache.operation.duration"
LOOKUPS = "cache.lookup.count"


def list_operations(recorded: Recorder) -> list[str]:
    """Return the names of the timed operations, in order."""
    return [record.tags["operation"] for record in recorded.find(DURATION)]


def list_lookups(recorded: Recorder) -> list[str]:
    """Return the results of the counted lookups, in order."""
    return [record.tags["result"] for record in recorded.find(LOOKUPS) for _ in range(record.value)]
