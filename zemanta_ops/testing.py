"""The kit for users' own tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from zemanta_ops.metrics.client import default_client
from zemanta_ops.metrics.series import COUNTER, KIND_NAMES, Series


@dataclass(frozen=True)
class Record:
    """One sample: ``kind`` is counter, gauge, timing (in ms), histogram or set; tags are those of the call."""

    kind: str
    name: str
    value: Any
    tags: dict[str, str]


@dataclass
class Recorder:
    """The samples emitted inside ``capture_metrics()``, in order."""

    records: list[Record] = field(default_factory=list)

    def put(self, series: Series, value: Any) -> None:
        """Record a sample, and the count that rides on a timing."""
        self.records.append(Record(KIND_NAMES[series.kind], series.name, value, dict(series.tags)))
        if series.companion is not None:
            companion = series.companion
            self.records.append(Record(KIND_NAMES[COUNTER], companion.name, 1, dict(companion.tags)))


@contextmanager
def capture_metrics() -> Iterator[Recorder]:
    """Record every metric emitted in the block instead of sending it."""
    recorder = Recorder()
    with default_client.capture(recorder.put):
        yield recorder
