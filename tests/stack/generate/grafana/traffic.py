"""A day's traffic in one burst, known to the last request, sent by the real client through a real Telegraf."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest import mock

from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import ResolverMatch

from tests.servers.process import wait_until
from tests.servers.telegraf import Telegraf
from zemanta_ops.metrics import catalog
from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.options import Options
from zemanta_ops.metrics.request.recorder import RequestRecorder
from zemanta_ops.metrics.series.series import GAUGE
from zemanta_ops.stack.charts.interpolation import Window

BUCKETS = (25.0, 50.0, 100.0, 250.0, 500.0, 1000.0)
INTERVAL = 30
TAGS = {"env": "test", "app": "print-shop"}
SETTINGS = {
    "METRICS": {
        "TAGS": TAGS,
        "BUCKETS": list(BUCKETS),
        "AGENT_INTERVAL": 1,
        "INSTRUMENT": ["database", "responses", "cache", "http", "celery", "tasks", "commands"],
    }
}
MIDDLEWARE = ["zemanta_ops.metrics.middleware.RequestMetricsMiddleware"]


class Request(NamedTuple):
    host: str
    view: str
    status: int
    milliseconds: float


REQUESTS = [
    *(Request(host, "shop_list", 200, 10 + number) for host in ("web-1", "web-2") for number in range(50)),
    *(Request("web-1", "shop_detail", 200, 100 + 5 * number) for number in range(30)),
    *(Request("web-1", "shop_detail", 500, 300) for _ in range(10)),
    *(Request("web-2", "shop_report", 200, 2000) for _ in range(10)),
]
# What a metric's tag is, where it matters which.
TAG_VALUES = {"result": "hit", "outcome": "ok", "status": "200", "view": "shop_detail", "method": "GET"}
# Everything but what requests emit, with the values that each host sends: enough for the guard of every ratio.
OTHERS = {
    metric: (4.0, 8.0) * 6
    for metric in catalog.METRICS
    if metric.source not in ("requests", "buckets") and metric is not catalog.PROBE
}
JOBS = {"waiting": 5, "failed": 2}


def send(telegraf: Telegraf) -> None:
    """Send all of it, within one interval of the panels."""
    for host in ("web-1", "web-2"):
        client = Client(
            Options(port=telegraf.port, host_tag=host, tags=TAGS, report_seconds=float("inf"), threads=False)
        )
        recorder = RequestRecorder(client, buckets=BUCKETS)
        for request in REQUESTS:
            if request.host == host:
                _record(recorder, request)
        for metric, values in OTHERS.items():
            for value in values:
                client.emit_metric(metric, value, {tag: TAG_VALUES.get(tag, f"one_{tag}") for tag in metric.tags})
        for state, number in JOBS.items():
            client.emit(GAUGE, "shop.jobs", number, {"state": state})
        client.incr("shop.job.accepted", 3, size="small")
        client.timing("shop.price", 0.002, step="total")
        client.close()


def _record(recorder: RequestRecorder, request: Request) -> None:
    django_request = HttpRequest()
    django_request.method = "GET"
    django_request.resolver_match = ResolverMatch(lambda: None, (), {}, request.view)
    with mock.patch("zemanta_ops.metrics.request.recorder.perf_counter", return_value=request.milliseconds / 1000):
        if request.status == 500:
            recorder.record_abort(django_request, KeyError("example"), 0.0)
        else:
            recorder.record(django_request, HttpResponse(status=request.status), 0.0)


def wait_for_room(seconds: float = 6) -> Window:
    """Wait until an interval has this many seconds left, and return a window of three intervals around it."""
    wait_until(lambda: INTERVAL - time.time() % INTERVAL > seconds, seconds + 1)
    start = int(time.time()) // INTERVAL * INTERVAL
    return Window((start - INTERVAL) * 1_000, (start + 2 * INTERVAL) * 1_000 - 1, points=3)


@contextmanager
def configured(**sections: Any) -> Iterator[None]:
    """Have the settings that this traffic is of, and further sections."""
    with override_settings(MIDDLEWARE=MIDDLEWARE, ZEMANTA_OPS={**SETTINGS, **sections}):
        yield
