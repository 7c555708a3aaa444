"""Libraries that freeze or move the time make no interval of years, and cost no sample."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import freezegun
import pytest
import time_machine
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from tests.metrics.agents import agent, client_of
from zemanta_ops import metrics
from zemanta_ops.metrics.gauges.collector import Collector
from zemanta_ops.metrics.gauges.registry import AppGauge
from zemanta_ops.metrics.middleware import RequestMetricsMiddleware
from zemanta_ops.testing import Recorder

HOUR_MS = 3_600_000


@pytest.fixture(params=["freezegun", "time-machine"])
def mover(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Yield what moves the time by decades when it is started."""
    moment = dt.datetime(2075, 3, 3, tzinfo=dt.timezone.utc)
    found: Any = (
        freezegun.freeze_time(moment) if request.param == "freezegun" else time_machine.travel(moment, tick=False)
    )
    moved: list[Any] = []

    class Once:
        def start(self) -> None:
            if not moved:
                moved.append(found)
                found.start()

    yield Once()
    for each in moved:
        each.stop()


def test_a_block_and_a_request_in_which_the_time_is_moved(mover: Any, captured_metrics: Recorder) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        with metrics.timer("block"):
            mover.start()
        return HttpResponse()

    RequestMetricsMiddleware(view)(RequestFactory().get("/"))
    assert captured_metrics.find("block")
    assert captured_metrics.find("http.request.duration")
    assert all(0 <= record.value < HOUR_MS for record in captured_metrics.records)


def test_a_flush_in_which_the_time_is_moved(mover: Any) -> None:
    with agent() as listener:
        client = client_of(listener, flush_seconds=3600)
        client.incr("first")
        assert client.buffer is not None
        send = client.buffer.transport.send

        def move_and_send(datagram: bytes) -> None:
            mover.start()
            send(datagram)

        client.buffer.transport.send = move_and_send  # type: ignore[method-assign]
        for number in range(500):
            client.incr(f"a.name.that.fills.several.datagrams.{number}")
        client.flush()
        health = client.health()
        client.close()
        assert len(listener.samples()) == 501
    assert health["dropped"] == {}
    assert 0 <= health["flush_seconds"] < HOUR_MS / 1000
    assert 0 <= health["flush_age"] < HOUR_MS / 1000


def test_a_gauge_in_whose_collection_the_time_is_moved(mover: Any, captured_metrics: Recorder) -> None:
    def count() -> int:
        mover.start()
        return 5

    Collector([AppGauge("jobs", count, 60.0, 60.0)], 10).collect_once()
    captured_metrics.assert_gauge("jobs", 5)
    [duration] = captured_metrics.find("zemanta_ops.gauge.duration")
    assert 0 <= duration.value < HOUR_MS
