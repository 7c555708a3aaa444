"""Sampling neither changes what the application draws from ``random``, nor depends on how it seeds it."""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest
from django.test import Client, override_settings

from zemanta_ops.metrics.sampling import is_sampled
from zemanta_ops.metrics.statsd_adapter import StatsClient
from zemanta_ops.testing import capture_metrics

pytestmark = pytest.mark.urls("tests.metrics.site")


def request_sampled() -> None:
    middleware = ["zemanta_ops.metrics.middleware.RequestMetricsMiddleware"]
    with override_settings(MIDDLEWARE=middleware, ZEMANTA_OPS={"METRICS": {"SAMPLE_RATE": 0.5}}):
        assert Client().get("/named/").status_code == 200


def emit_sampled() -> None:
    StatsClient().incr("hit", rate=0.5)


def emit_sampled_in_a_pipeline() -> None:
    with StatsClient().pipeline() as pipeline:
        pipeline.timing("load", 5, rate=0.5)


@pytest.mark.parametrize("work", [request_sampled, emit_sampled, emit_sampled_in_a_pipeline])
def test_a_seeded_application_draws_the_same_numbers(work: Callable[[], None]) -> None:
    random.seed(7)
    expected = [random.random(), random.randrange(100)]
    random.seed(7)
    with capture_metrics():
        work()
    assert [random.random(), random.randrange(100)] == expected


def test_a_seed_of_the_application_decides_nothing() -> None:
    chosen = 0
    for _ in range(400):
        random.seed(7)
        chosen += is_sampled(2)
    assert 100 < chosen < 300


def test_a_mocked_generator_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("random", "randrange", "choice", "randint"):
        monkeypatch.setattr(random, name, lambda *_: pytest.fail("drawn from the application's generator"))
    with capture_metrics():
        request_sampled()
        emit_sampled()


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_forked_children_do_not_draw_alike() -> None:
    drawn = set()
    for _ in range(2):
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.write(writer, bytes(is_sampled(2) for _ in range(64)))
            os._exit(0)
        os.waitpid(pid, 0)
        drawn.add(os.read(reader, 64))
        os.close(reader)
        os.close(writer)
    assert len(drawn) == 2
