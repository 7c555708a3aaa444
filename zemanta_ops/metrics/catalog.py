"""Every metric that the app emits by itself: the single list that docs, dashboards and tests read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

KindName = Literal["counter", "timing", "gauge", "histogram", "set"]
DropReason = Literal[
    "dns", "full", "invalid_name", "invalid_value", "network", "queue_full", "refused", "timeout", "too_long"
]


@dataclass(frozen=True, eq=False)
class Metric:
    """A metric of the catalogue.

    ``source`` is what emits it: ``client`` (always), ``requests`` (the middleware), ``buckets`` (the middleware, with
    BUCKETS), ``gauges``, ``check_metrics``, ``compute_composites``, ``push_cloudwatch``, or the name of an
    instrumentation.
    """

    name: str
    kind: KindName
    unit: str
    tags: tuple[str, ...]
    meaning: str
    source: str = "client"

    @property
    def empty_if(self) -> str:
        """Why nothing of it may be written although all is well; empty if something always is."""
        return EMPTY_IF.get(self.name) or EMPTY_IF.get(self.source, "")


REQUEST_TAGS = ("method", "view", "status", "exception")

REQUEST_DURATION = Metric(
    "http.request.duration",
    "timing",
    "ms",
    REQUEST_TAGS,
    "time until the response, or its first byte, was ready",
    source="requests",
)
REQUEST_COUNT = Metric(
    "http.request.count", "counter", "requests", REQUEST_TAGS, "requests answered", source="requests"
)
REQUEST_BUCKET = Metric(
    "http.request.bucket",
    "counter",
    "requests",
    ("method", "view", "le"),
    "requests answered within ``le`` milliseconds, ``+Inf`` for all",
    source="buckets",
)
STREAM_DURATION = Metric(
    "http.stream.duration",
    "timing",
    "ms",
    REQUEST_TAGS,
    "time until a streaming response was sent and closed",
    source="requests",
)
SENT = Metric("zemanta_ops.sent", "counter", "samples", (), "samples sent by this process")
DROPPED = Metric("zemanta_ops.dropped", "counter", "samples", ("reason",), "samples dropped, by reason")
QUEUE_DEPTH = Metric("zemanta_ops.queue.depth", "histogram", "samples", (), "samples that waited at each flush")
FLUSH_DURATION = Metric("zemanta_ops.flush.duration", "timing", "ms", (), "time that each flush took")
CARDINALITY = Metric(
    "zemanta_ops.cardinality", "counter", "tags", ("metric", "tag"), "tags with too many values, each counted once"
)
QUERY_DURATION = Metric(
    "db.query.duration",
    "timing",
    "ms",
    ("alias", "operation", "outcome"),
    "time of each database query",
    source="database",
)
REQUEST_QUERIES = Metric(
    "http.request.queries",
    "histogram",
    "queries",
    ("alias", "method", "view"),
    "queries of a request",
    source="database",
)
REQUEST_QUERY_TIME = Metric(
    "http.request.query_time",
    "timing",
    "ms",
    ("alias", "method", "view"),
    "time of all queries of a request, added up",
    source="database",
)
REQUEST_REPEATS = Metric(
    "http.request.repeated_queries",
    "histogram",
    "queries",
    ("alias", "method", "view"),
    "how often a request sent its most repeated SQL statement: high values mean N+1 queries",
    source="database",
)
RESPONSE_SIZE = Metric(
    "http.response.size",
    "histogram",
    "bytes",
    ("method", "status", "view"),
    "size of a response's body",
    source="responses",
)
CACHE_DURATION = Metric(
    "cache.operation.duration",
    "timing",
    "ms",
    ("alias", "operation", "outcome"),
    "time of each cache operation",
    source="cache",
)
CACHE_LOOKUPS = Metric(
    "cache.lookup.count", "counter", "keys", ("alias", "result"), "keys looked up: hit or miss", source="cache"
)
HTTP_CLIENT_DURATION = Metric(
    "http.client.duration",
    "timing",
    "ms",
    ("method", "peer", "status", "error"),
    "time of each outgoing HTTP call",
    source="http",
)
CELERY_PUBLISHED = Metric(
    "celery.task.published", "counter", "tasks", ("queue", "task"), "tasks sent to the broker", source="celery"
)
CELERY_WAIT = Metric(
    "celery.task.wait",
    "timing",
    "ms",
    ("queue", "task"),
    "time from being due until a worker took the task",
    source="celery",
)
CELERY_DURATION = Metric(
    "celery.task.duration",
    "timing",
    "ms",
    ("outcome", "queue", "task"),
    "time that a worker spent on a task",
    source="celery",
)
TASK_ENQUEUED = Metric(
    "task.enqueued", "counter", "tasks", ("backend", "queue", "task"), "tasks enqueued", source="tasks"
)
TASK_WAIT = Metric(
    "task.wait",
    "timing",
    "ms",
    ("backend", "queue", "task"),
    "time from being due until a worker took the task",
    source="tasks",
)
TASK_DURATION = Metric(
    "task.duration",
    "timing",
    "ms",
    ("backend", "outcome", "queue", "task"),
    "time that a worker spent on a task",
    source="tasks",
)
COMMAND_DURATION = Metric(
    "command.duration",
    "timing",
    "ms",
    ("command", "outcome"),
    "time of each run of a management command",
    source="commands",
)
GAUGE_DURATION = Metric(
    "zemanta_ops.gauge.duration",
    "timing",
    "ms",
    ("gauge", "outcome"),
    "time to collect a gauge of the application's state",
    source="gauges",
)
COMPOSITE_DURATION = Metric(
    "zemanta_ops.composite.duration",
    "timing",
    "ms",
    ("composite", "outcome"),
    "time to compute the newest windows of a composite and to write them",
    source="compute_composites",
)
PROBE = Metric(
    "zemanta_ops.probe",
    "gauge",
    "nonce",
    ("slot",),
    "random number that ``check_metrics`` sends and looks for",
    source="check_metrics",
)
CHECK_EXIT_CODE = Metric(
    "zemanta_ops.check.exit_code",
    "gauge",
    "code",
    (),
    "exit code of the last round of ``check_metrics --watch``; 0 means that metrics arrive",
    source="check_metrics",
)
CHECK_LATENCY = Metric(
    "zemanta_ops.check.latency",
    "timing",
    "ms",
    (),
    "time until the probe of ``check_metrics --watch`` could be read from the database",
    source="check_metrics",
)

CLOUDWATCH_METRICS = Metric(
    "zemanta_ops.cloudwatch.metrics",
    "counter",
    "metrics",
    (),
    "metrics that ``push_cloudwatch`` requested, as AWS counts them for the bill",
    source="push_cloudwatch",
)
CLOUDWATCH_ROWS = Metric(
    "zemanta_ops.cloudwatch.rows",
    "counter",
    "rows",
    (),
    "rows that ``push_cloudwatch`` wrote",
    source="push_cloudwatch",
)
CLOUDWATCH_FAILED = Metric(
    "zemanta_ops.cloudwatch.failed",
    "gauge",
    "declarations",
    (),
    "declarations that the last run of ``push_cloudwatch`` did not cover",
    source="push_cloudwatch",
)
CLOUDWATCH_DURATION = Metric(
    "zemanta_ops.cloudwatch.duration",
    "timing",
    "ms",
    (),
    "duration of each run of ``push_cloudwatch``",
    source="push_cloudwatch",
)

# All metrics defined above: a new one is listed by being defined.
METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))

# Why nothing may be written although all is well: of a metric, or of a source.
EMPTY_IF = {
    DROPPED.name: "no sample was dropped",
    CARDINALITY.name: "no tag got too many values",
    STREAM_DURATION.name: "no response was streamed",
    "cache": "no cache was used",
    "http": "no other service was called",
    "celery": "there was no task",
    "tasks": "there was no task",
    "commands": "no management command ran",
    "check_metrics": "check_metrics --watch does not run",
}

OK_OR_ERROR = ("ok", "error")
DATABASE_OPERATIONS = ("select", "insert", "update", "delete", "other")
CACHE_OPERATIONS = (
    "get", "get_many", "get_or_set", "add", "set", "set_many", "touch", "has_key", "incr", "decr", "incr_version",
    "decr_version", "delete", "delete_many", "clear",
)  # fmt: skip

DROP_REASONS: tuple[DropReason, ...] = get_args(DropReason)

# All values that a tag of a source can have, for the tags whose values the app itself chooses.
TAG_VALUES: dict[tuple[str, str], tuple[str, ...]] = {
    ("client", "reason"): DROP_REASONS,
    ("database", "operation"): DATABASE_OPERATIONS,
    ("database", "outcome"): OK_OR_ERROR,
    ("cache", "operation"): CACHE_OPERATIONS,
    ("cache", "outcome"): OK_OR_ERROR,
    ("cache", "result"): ("hit", "miss"),
    ("tasks", "outcome"): ("successful", "failed"),
    ("commands", "outcome"): OK_OR_ERROR,
    ("gauges", "outcome"): (*OK_OR_ERROR, "timeout"),
    ("compute_composites", "outcome"): OK_OR_ERROR,
}
