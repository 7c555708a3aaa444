"""The database of the state is away, locked or shared by leaders: SQLite here, PostgreSQL in the second tier."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connections
from pytest_django import DjangoDbBlocker

from tests.metrics.postgresql import ALIAS, connected
from tests.servers.debian import PostgreSQL
from tests.stack.alerting.listening import Listener
from tests.stack.alerting.playing import Deployment, deploy, summarize
from zemanta_ops.management.alert_worker import AlertWorker
from zemanta_ops.stack.alerting import delivery, steps
from zemanta_ops.stack.alerting.store import get_table

WHOLE = [("trigger", "warn", 1), ("trigger", "crit", 2), ("resolve", "ok", 3)]
STEPS = [f"{when} {what}" for what in ("commit", "claim", "send", "mark") for when in ("before", "after")]


@pytest.fixture(autouse=True)
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "MARK_PAUSES", (0.01,))


@pytest.fixture
def file(tmp_path: Path, django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Path]:
    path = tmp_path / "db"
    options = {"timeout": 0.05, "init_command": "PRAGMA synchronous=OFF"}
    settings = {"ENGINE": "django.db.backends.sqlite3", "NAME": path, "OPTIONS": options}
    with django_db_blocker.unblock(), connected(settings):
        yield path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep everybody else from writing, as a long transaction does."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        yield
        database.execute("ROLLBACK")


def interrupt(shop: Deployment, monkeypatch: pytest.MonkeyPatch, step: str, away: Callable[[], Any]) -> None:
    """Run a round during which the database goes away at a step."""
    reached: list[str] = []

    def leave(now: str) -> None:
        if now == step and not reached:
            reached.append(step)
            away()

    monkeypatch.setattr(steps, "step_hook", leave)
    with pytest.raises(OperationalError):
        shop.check()
    monkeypatch.setattr(steps, "step_hook", lambda now: None)


@pytest.mark.parametrize("step", STEPS[:-1])
def test_a_database_that_is_locked_at_any_step_loses_nothing(
    file: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    shop = deploy(listener)
    shop.play(0)
    shop.judges[0].values = {"cart": 2.0}
    lock = locked(file)
    interrupt(shop, monkeypatch, step, lock.__enter__)
    lock.__exit__(None, None, None)
    get_table("AlertEvent").filter(claimed_until__isnull=False).update(claimed_until="2000-01-01T00:00:00+00:00")
    shop.play(2, 6, 0)
    assert summarize(listener) == WHOLE


def test_a_database_that_is_locked_before_a_round_is_reported_and_the_loop_goes_on(
    file: Path, listener: Listener
) -> None:
    shop = deploy(listener)
    failures: list[str] = []
    worker = AlertWorker(shop.checker, lambda report: None, failures.append)
    worker.wake()
    with locked(file):
        worker.step()
    assert len(failures) == 1
    assert "database is locked" in failures[0]
    worker.wake()
    worker.step()
    assert len(failures) == 1


def test_without_its_tables_the_state_cannot_be_read(file: Path, listener: Listener) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.execute("ALTER TABLE zemanta_ops_alert_check RENAME TO away")
        with pytest.raises(OperationalError, match="no such table"):
            deploy(listener).play(6)
        database.execute("ALTER TABLE away RENAME TO zemanta_ops_alert_check")


def race(listener: Listener, processes: int) -> None:
    """Let several leaders judge and send the same at the same time."""
    start = threading.Barrier(processes)

    def lead(number: int) -> None:
        shop = deploy(listener)
        for value in (2.0, 6.0, 0.0):
            shop.judges[0].values = {"cart": value}
            shop.minute += 1
            start.wait(60)
            for _ in range(3):
                try:
                    shop.check(0)
                except OperationalError:
                    # SQLite: another leader has the lock for longer than the time-out.
                    connections[ALIAS].close()
            start.wait(60)
        connections.close_all()

    with ThreadPoolExecutor(processes) as pool:
        list(pool.map(lead, range(processes)))


def test_leaders_at_the_same_time_send_each_event_once(file: Path, listener: Listener) -> None:
    connections[ALIAS].settings_dict["OPTIONS"]["timeout"] = 20
    race(listener, 3)
    assert summarize(listener) == WHOLE


@pytest.mark.second_tier
def test_leaders_at_the_same_time_on_postgresql(
    postgresql: PostgreSQL, listener: Listener, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> None:
    with django_db_blocker.unblock(), connected(postgresql.settings()):
        race(listener, 6)
        assert summarize(listener) == WHOLE


@pytest.mark.second_tier
@pytest.mark.parametrize("step", ["before commit", "before claim", "after claim", "before mark"])
def test_a_postgresql_that_stops_at_any_step_loses_nothing(
    postgresql: PostgreSQL,
    listener: Listener,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    with django_db_blocker.unblock(), connected(postgresql.settings()):
        shop = deploy(listener)
        shop.play(0)
        shop.judges[0].values = {"cart": 2.0}
        interrupt(shop, monkeypatch, step, postgresql.stop)
        connections[ALIAS].close()
        with pytest.raises(OperationalError):
            shop.check(0)
        connections[ALIAS].close()
        postgresql.start()
        get_table("AlertEvent").filter(claimed_until__isnull=False).update(claimed_until="2000-01-01T00:00:00+00:00")
        shop.play(2, 6, 0)
        assert summarize(listener) == WHOLE
