"""The packages that are measured beside this one, each with the same metrics: a timing and a count per request.

A package without a middleware of its own gets the smallest one that its documentation leads to. What it does in the
background is switched off; ``flush`` does it instead, inside the time that is measured, so that no peer pays for
another. A package that is not installed raises ImportError.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any

from benchmarks import isolated, recorders

BARE = "bare"
OURS = "zemanta_ops"
DURATION = "http.request.duration"
COUNT = "http.request.count"

# Emits one sample for every tag value of the sequence; the loop is inside, so that no wrapper is measured.
Emit = Callable[[Sequence[str]], object]


@dataclass
class Peer:
    """One package, ready to be measured."""

    name: str
    middleware: list[str] = field(default_factory=list)
    emits: dict[str, Emit] = field(default_factory=dict)
    flush: Callable[[], object] = lambda: None
    sends: bool = True
    dropped: Callable[[], dict[str, int]] = dict


def bare(port: int) -> Peer:
    """Return Django without a middleware."""
    return Peer(BARE, sends=False)


def list_append(port: int) -> Peer:
    """Return the floor: a clock and a list. Nothing that measures a request in Python does less."""
    kept: list[Any] = []

    def append(values: Sequence[str]) -> None:
        for value in values:
            kept.append((value, 1))  # noqa: PERF401  (a call for each is what is measured)

    record = recorders.register(
        "list_append", lambda request, response, seconds: kept.append((request.method, seconds))
    )
    return Peer("list-append", [record], {"incr": append}, kept.clear, sends=False)


def zemanta_ops(port: int) -> Peer:
    """Return this package."""
    from zemanta_ops import metrics
    from zemanta_ops.metrics.client import default_client

    def incr(values: Sequence[str]) -> None:
        for value in values:
            metrics.incr("benchmark", tag=value)

    def gauge(values: Sequence[str]) -> None:
        for value in values:
            metrics.gauge("benchmark.gauge", 12.5, tag=value)

    def timing(values: Sequence[str]) -> None:
        for value in values:
            metrics.timing("benchmark.timing", 0.0125, tag=value)

    return Peer(
        OURS,
        ["zemanta_ops.metrics.middleware.RequestMetricsMiddleware"],
        {"incr": incr, "gauge": gauge, "timing": timing},
        default_client.flush,
        dropped=lambda: default_client.health()["dropped"],
    )


def zemanta_ops_buckets(port: int) -> Peer:
    """Return this package with bucket counters."""
    return replace(
        zemanta_ops(port), name=f"{OURS}-buckets", middleware=["benchmarks.recorders.with_buckets"], emits={}
    )


def _datadogpy(name: str, port: int, **options: Any) -> Peer:
    package: Any = import_module("datadog.dogstatsd.base")
    client = package.DogStatsd(
        host="127.0.0.1", port=port, flush_interval=3600, disable_telemetry=True, track_instance=False, **options
    )

    def record(request: Any, response: Any, seconds: float) -> None:
        view, status = request.resolver_match.view_name, response.status_code
        tags = [f"method:{request.method}", f"view:{view}", f"status:{status}"]
        client.timing(DURATION, seconds * 1000, tags=tags)
        client.increment(COUNT, tags=tags)

    def incr(values: Sequence[str]) -> None:
        for value in values:
            client.increment("benchmark", tags=[f"tag:{value}"])

    def gauge(values: Sequence[str]) -> None:
        for value in values:
            client.gauge("benchmark.gauge", 12.5, tags=[f"tag:{value}"])

    def timing(values: Sequence[str]) -> None:
        for value in values:
            client.timing("benchmark.timing", 12.5, tags=[f"tag:{value}"])

    def flush() -> None:
        client.flush_aggregated_metrics()
        client.flush_buffered_metrics()

    registered = recorders.register(name.replace("-", "_"), record)
    return Peer(name, [registered], {"incr": incr, "gauge": gauge, "timing": timing}, flush)


def datadogpy(port: int) -> Peer:
    """Return datadogpy as it is by default: a datagram a call."""
    return _datadogpy("datadogpy", port)


def datadogpy_buffered(port: int) -> Peer:
    """Return datadogpy with buffering."""
    return _datadogpy("datadogpy-buffered", port, disable_buffering=False)


def datadogpy_aggregating(port: int) -> Peer:
    """Return datadogpy with aggregation, and buffering for the timings, which it does not aggregate."""
    return _datadogpy("datadogpy-aggregating", port, disable_buffering=False, disable_aggregation=False)


def statsd(port: int) -> Peer:
    """Return the statsd package, which has no tags: they are part of the name."""
    package: Any = import_module("statsd")
    client = package.StatsClient("127.0.0.1", port)

    def record(request: Any, response: Any, seconds: float) -> None:
        series = f"{request.resolver_match.view_name}.{request.method}.{response.status_code}"
        client.timing(f"{DURATION}.{series}", seconds * 1000)
        client.incr(f"{COUNT}.{series}")

    def incr(values: Sequence[str]) -> None:
        for value in values:
            client.incr(f"benchmark.{value}")

    def gauge(values: Sequence[str]) -> None:
        for value in values:
            client.gauge(f"benchmark.gauge.{value}", 12.5)

    def timing(values: Sequence[str]) -> None:
        for value in values:
            client.timing(f"benchmark.timing.{value}", 12.5)

    return Peer("statsd", [recorders.register("statsd", record)], {"incr": incr, "gauge": gauge, "timing": timing})


def statsd_influx(port: int) -> Peer:
    """Return the way of django-statsd-influx, which PyPI does not have: format name and tags, send, at every call."""
    package: Any = import_module("statsd")
    client = package.StatsClient("127.0.0.1", port)

    def line(name: str, **tags: str) -> str:
        pairs = [*sorted(tags.items()), ("host", "benchmark")]
        text = ",".join("{}={}".format(key.replace(":", "_"), value.replace(":", "_")) for key, value in pairs)
        return f"shop.{name},{text}"

    def record(request: Any, response: Any, seconds: float) -> None:
        tags = {
            "method": request.method,
            "view": request.resolver_match.view_name,
            "status": str(response.status_code),
        }
        client.timing(line(DURATION, **tags), int(seconds * 1000))
        client.incr(line(COUNT, **tags), 1)

    def incr(values: Sequence[str]) -> None:
        for value in values:
            client.incr(line("benchmark", tag=value), 1)

    def gauge(values: Sequence[str]) -> None:
        for value in values:
            client.gauge(line("benchmark.gauge", tag=value), 12.5)

    def timing(values: Sequence[str]) -> None:
        for value in values:
            client.timing(line("benchmark.timing", tag=value), 12)

    registered = recorders.register("statsd_influx", record)
    return Peer("statsd-influx", [registered], {"incr": incr, "gauge": gauge, "timing": timing})


def django_statsd(port: int) -> Peer:
    """Return django-statsd, whose middleware counts and times by view; it has no tags and no gauge of its own."""
    isolated.load_django_statsd()
    names = ("StatsdMiddleware", "StatsdMiddlewareTimer")
    return Peer("django-statsd", [f"django_statsd.middleware.{name}" for name in names])
