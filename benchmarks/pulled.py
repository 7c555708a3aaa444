"""The peers from which a server fetches, or which export sums: nothing is sent while requests are served."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from benchmarks import recorders
from benchmarks.peers import COUNT, DURATION, Emit, Peer


def markus(port: int) -> Peer:
    """Return markus over its backend for datadogpy, the one of its backends with tags."""
    package: Any = import_module("markus")
    options = {"statsd_host": "127.0.0.1", "statsd_port": port}
    package.configure([{"class": "markus.backends.datadog.DatadogMetrics", "options": options}])
    client = package.get_metrics()

    def record(request: Any, response: Any, seconds: float) -> None:
        view, status = request.resolver_match.view_name, response.status_code
        tags = [f"method:{request.method}", f"view:{view}", f"status:{status}"]
        client.timing(DURATION, seconds * 1000, tags=tags)
        client.incr(COUNT, tags=tags)

    def incr(values: Sequence[str]) -> None:
        for value in values:
            client.incr("benchmark", tags=[f"tag:{value}"])

    def gauge(values: Sequence[str]) -> None:
        for value in values:
            client.gauge("benchmark.gauge", 12.5, tags=[f"tag:{value}"])

    def timing(values: Sequence[str]) -> None:
        for value in values:
            client.timing("benchmark.timing", 12.5, tags=[f"tag:{value}"])

    return Peer("markus", [recorders.register("markus", record)], {"incr": incr, "gauge": gauge, "timing": timing})


def django_prometheus(port: int) -> Peer:
    """Return django-prometheus with its two middlewares; the scrape that fetches the sums is not measured."""
    package: Any = import_module("prometheus_client")
    import_module("django_prometheus.middleware")
    counter = package.Counter("benchmark_counter", "-", ["tag"])
    level = package.Gauge("benchmark_gauge", "-", ["tag"])
    histogram = package.Histogram("benchmark_timing", "-", ["tag"])

    def incr(values: Sequence[str]) -> None:
        for value in values:
            counter.labels(tag=value).inc()

    def gauge(values: Sequence[str]) -> None:
        for value in values:
            level.labels(tag=value).set(12.5)

    def timing(values: Sequence[str]) -> None:
        for value in values:
            histogram.labels(tag=value).observe(0.0125)

    names = ("PrometheusBeforeMiddleware", "PrometheusAfterMiddleware")
    middleware = [f"django_prometheus.middleware.{name}" for name in names]
    return Peer("django-prometheus", middleware, {"incr": incr, "gauge": gauge, "timing": timing}, sends=False)


def opentelemetry(port: int) -> Peer:
    """Return OpenTelemetry's instrumentation of Django with the SDK's metrics, read once a flush and not exported."""
    from django.conf import settings

    sdk: Any = import_module("opentelemetry.sdk.metrics")
    export: Any = import_module("opentelemetry.sdk.metrics.export")
    instrumentation: Any = import_module("opentelemetry.instrumentation.django")
    reader = export.InMemoryMetricReader()
    provider = sdk.MeterProvider(metric_readers=[reader])
    # It writes itself into the setting; the other peers' sites are made without it.
    before = list(settings.MIDDLEWARE)
    settings.MIDDLEWARE = []
    instrumentation.DjangoInstrumentor().instrument(meter_provider=provider)
    middleware, settings.MIDDLEWARE = list(settings.MIDDLEWARE), before
    meter = provider.get_meter("benchmark")
    counter, histogram = meter.create_counter("benchmark"), meter.create_histogram("benchmark.timing")
    level = meter.create_gauge("benchmark.gauge")

    def incr(values: Sequence[str]) -> None:
        for value in values:
            counter.add(1, {"tag": value})

    def gauge(values: Sequence[str]) -> None:
        for value in values:
            level.set(12.5, {"tag": value})

    def timing(values: Sequence[str]) -> None:
        for value in values:
            histogram.record(12.5, {"tag": value})

    emits: dict[str, Emit] = {"incr": incr, "gauge": gauge, "timing": timing}
    return Peer("opentelemetry", middleware, emits, reader.get_metrics_data, sends=False)
