"""Every metric that the app emits by itself: the one list that the docs, the dashboards and the tests read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A metric of the catalogue: ``kind`` is counter, timing, gauge, histogram or set."""

    name: str
    kind: str
    unit: str
    tags: tuple[str, ...]
    meaning: str


REQUEST_TAGS = ("method", "view", "status", "exception")

REQUEST_DURATION = Metric(
    "http.request.duration", "timing", "ms", REQUEST_TAGS, "time until the response, or its first byte, was ready"
)
REQUEST_COUNT = Metric("http.request.count", "counter", "requests", REQUEST_TAGS, "requests answered")
STREAM_DURATION = Metric(
    "http.stream.duration", "timing", "ms", REQUEST_TAGS, "time until a streaming response was sent and closed"
)
SENT = Metric("zemanta_ops.sent", "counter", "samples", (), "samples handed to the network by this process")
DROPPED = Metric("zemanta_ops.dropped", "counter", "samples", ("reason",), "samples given up, by reason")
QUEUE_DEPTH = Metric("zemanta_ops.queue.depth", "histogram", "samples", (), "samples that waited at each flush")
FLUSH_DURATION = Metric("zemanta_ops.flush.duration", "timing", "ms", (), "time that each flush took")
CARDINALITY = Metric(
    "zemanta_ops.cardinality", "counter", "tags", ("metric", "tag"), "tags that got too many values, once each"
)

METRICS: tuple[Metric, ...] = (
    REQUEST_DURATION,
    REQUEST_COUNT,
    STREAM_DURATION,
    SENT,
    DROPPED,
    QUEUE_DEPTH,
    FLUSH_DURATION,
    CARDINALITY,
)


def by_name() -> dict[str, Metric]:
    """Return the catalogue as a dict from name to metric."""
    return {metric.name: metric for metric in METRICS}
