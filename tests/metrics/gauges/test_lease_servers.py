"""Many processes compete for the lock, on a real PostgreSQL and a real Redis."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from tests.metrics.agents import wait_until
from tests.metrics.postgresql import connected
from tests.servers.debian import PostgreSQL, Redis
from zemanta_ops.metrics.gauges.lease import create_lease
from zemanta_ops.metrics.gauges.loop import LeaseRenewal

PROCESSES = 8
ROUNDS = 5

pytestmark = pytest.mark.second_tier


def race(lock: str, close: Callable[[], None]) -> list[int]:
    """Return how many got the lease in each round; the winner gives it back after each."""
    start = Barrier(PROCESSES)

    def compete(number: int) -> list[bool]:
        lease = create_lease(lock, "emit_gauges", f"node-{number}", 60)
        won: list[bool] = []
        for _ in range(ROUNDS):
            start.wait(30)
            won.append(lease.acquire())
            start.wait(30)
            lease.release()
        close()
        return won

    with ThreadPoolExecutor(PROCESSES) as pool:
        return [sum(answers) for answers in zip(*pool.map(compete, range(PROCESSES)), strict=True)]


def test_postgresql(postgresql: PostgreSQL, django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    with django_db_blocker.unblock(), connected(postgresql.settings()):
        assert race("database", connections.close_all) == [1] * ROUNDS
        assert create_lease("database", "emit_gauges", "a", 0.5).acquire()
        assert wait_until(lambda: create_lease("database", "emit_gauges", "b", 60).acquire())
        assert not create_lease("database", "emit_gauges", "a", 60).acquire()


def test_a_database_that_restarts_costs_neither_the_lease_nor_the_process(
    postgresql: PostgreSQL, django_db_setup: None, django_db_blocker: DjangoDbBlocker, caplog: pytest.LogCaptureFixture
) -> None:
    with django_db_blocker.unblock(), connected(postgresql.settings()):
        renewal = LeaseRenewal(create_lease("database", "emit_gauges", "a", 60), 60)
        assert renewal.is_held()
        postgresql.stop()
        renewal._renew_at = 0.0
        assert renewal.is_held()
        assert "the lock cannot be taken (OperationalError" in caplog.text
        postgresql.start()
        caplog.clear()
        renewal._renew_at = 0.0
        assert renewal.is_held()
        assert caplog.text == ""
        assert not create_lease("database", "emit_gauges", "b", 60).acquire()


def test_redis(redis: Redis) -> None:
    with override_settings(CACHES={"shared": redis.settings(), "default": redis.settings()}):
        assert race("cache:shared", lambda: None) == [1] * ROUNDS
        assert create_lease("cache:shared", "emit_gauges", "a", 1).acquire()
        assert wait_until(lambda: create_lease("cache:shared", "emit_gauges", "b", 60).acquire())
        assert not create_lease("cache:shared", "emit_gauges", "a", 60).acquire()
