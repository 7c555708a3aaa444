"""What the development agent has counted: a value object that prints as a table or as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Series:
    """One series in one interval.

    ``count`` is what a counter adds up to and the number of values of every other type; ``rate`` is ``count`` a
    second. ``fields`` are those that Telegraf writes to InfluxDB for the type; timings are in milliseconds.
    """

    name: str
    tags: Mapping[str, str]
    type: str
    count: int
    rate: float
    fields: Mapping[str, float]


@dataclass(frozen=True)
class Rejected:
    """Lines that were refused for one reason, with the newest of them."""

    reason: str
    count: int
    example: str


@dataclass(frozen=True)
class Received:
    """What came in: a line may carry several values.

    ``kernel_dropped`` datagrams never reached the agent; None where the system does not say.
    """

    datagrams: int = 0
    bytes: int = 0
    values: int = 0
    rejected: int = 0
    kernel_dropped: int | None = None


@dataclass(frozen=True)
class Forwarded:
    """How many datagrams were passed on to another agent, how many were not, and the newest reason; from the start."""

    target: str
    sent: int
    failed: int
    reason: str


@dataclass(frozen=True)
class Written:
    """What became of the points made so far: each is written, refused, waiting for the next attempt, or lost.

    ``lost`` are those that waited longest when too many did, and those that still waited at the end. ``reason`` is the
    newest one why a point was not written.
    """

    target: str
    points: int = 0
    refused: int = 0
    waiting: int = 0
    lost: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Report:
    """All series of one interval or of a whole run, busiest name first by name, then by count.

    ``started`` is in seconds since the epoch, ``seconds`` is the length. ``forwarded`` and ``written`` are None where
    nothing is to be forwarded or written.
    """

    started: float
    seconds: float
    received: Received = Received()
    rejected: tuple[Rejected, ...] = ()
    series: tuple[Series, ...] = field(default=())
    forwarded: Forwarded | None = None
    written: Written | None = None

    def select(self, name: str, /, **tags: str) -> Iterator[Series]:
        """Yield the series of this name that carry all of these tags."""
        for each in self.series:
            if each.name == name and tags.items() <= each.tags.items():
                yield each

    def count(self, name: str, /, **tags: str) -> int:
        """Return what the selected series counted together; 0 where there is none."""
        return sum(each.count for each in self.select(name, **tags))

    def by_tag(self, name: str, tag: str, /, **tags: str) -> dict[str, int]:
        """Return the count for each value of one tag, e.g. ``by_tag("http.request.count", "view")``."""
        counts: dict[str, int] = {}
        for each in self.select(name, **tags):
            if tag in each.tags:
                counts[each.tags[tag]] = counts.get(each.tags[tag], 0) + each.count
        return counts

    def document(self) -> dict[str, Any]:
        """Return the report as plain values for JSON, which knows no NaN: such a field is None."""
        document = asdict(self)
        for series in document["series"]:
            series["fields"] = {
                name: value if math.isfinite(value) else None for name, value in series["fields"].items()
            }
        return document
