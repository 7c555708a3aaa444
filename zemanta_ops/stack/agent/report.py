"""What the development agent has counted: value objects, with look-ups by name and tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

__all__ = ["Forwarded", "Received", "Rejected", "Report", "SeriesSummary", "Written"]


@dataclass(frozen=True)
class SeriesSummary:
    """One series in one interval.

    ``count`` is the sum of a counter, or the number of values of every other type; ``rate`` is ``count`` per second.
    ``fields`` are those that Telegraf writes to InfluxDB for the type; timings are in milliseconds.
    """

    name: str
    tags: Mapping[str, str]
    type: str
    count: int
    rate: float
    fields: Mapping[str, float]


@dataclass(frozen=True)
class Rejected:
    """The lines that were refused for one reason, with the newest of them, and the setting that would accept it."""

    reason: str
    count: int
    example: str
    setting: str = ""


@dataclass(frozen=True)
class Received:
    """What was received; a line may have several values.

    ``kernel_dropped`` datagrams never reached the agent; None if the system does not report them.
    """

    datagrams: int = 0
    bytes: int = 0
    values: int = 0
    rejected: int = 0
    kernel_dropped: int | None = None


@dataclass(frozen=True)
class Forwarded:
    """How many datagrams were forwarded since the start, how many were not, and the newest reason."""

    target: str
    sent: int
    failed: int
    reason: str


@dataclass(frozen=True)
class Written:
    """What happened to the points so far: each is written, refused, waiting for the next attempt, or lost.

    ``lost`` are the oldest of too many waiting points, and those that still waited at the end. ``reason`` is the newest
    reason why a point was not written.
    """

    target: str
    points: int = 0
    refused: int = 0
    waiting: int = 0
    lost: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Report:
    """All series of one interval or of a whole run, sorted by name and type, then by count from the greatest.

    ``started`` is in seconds since the epoch, ``seconds`` is the length. ``forwarded`` and ``written`` are None if
    nothing is forwarded or written.
    """

    started: float
    seconds: float
    received: Received = Received()
    rejected: tuple[Rejected, ...] = ()
    series: tuple[SeriesSummary, ...] = field(default=())
    forwarded: Forwarded | None = None
    written: Written | None = None

    def select(self, name: str, /, **tags: str) -> Iterator[SeriesSummary]:
        """Yield the series of this name that have all of these tags."""
        for each in self.series:
            if each.name == name and tags.items() <= each.tags.items():
                yield each

    def count(self, name: str, /, **tags: str) -> int:
        """Return the sum of the counts of the selected series; 0 if there is none."""
        return sum(each.count for each in self.select(name, **tags))

    def count_by_tag(self, name: str, tag: str, /, **tags: str) -> dict[str, int]:
        """Return the count for each value of one tag, e.g. ``count_by_tag("http.request.count", "view")``."""
        counts: dict[str, int] = {}
        for each in self.select(name, **tags):
            if tag in each.tags:
                counts[each.tags[tag]] = counts.get(each.tags[tag], 0) + each.count
        return counts

    def build_document(self) -> dict[str, Any]:
        """Return the report as values for JSON."""
        document = asdict(replace(self, series=()))
        document["series"] = [{**asdict(replace(each, fields={})), "fields": dict(each.fields)} for each in self.series]
        return document
