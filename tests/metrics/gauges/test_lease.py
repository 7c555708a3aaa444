"""The lock, in the database (SQLite here, PostgreSQL in the second tier) and in caches that processes share."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.core.management import call_command
from django.db.models.functions import Now
from django.test import override_settings

from tests.metrics.agents import wait_until
from zemanta_ops.metrics.gauges.lease import (
    CacheLease,
    DatabaseLease,
    LeaseError,
    NoLease,
    WorkLease,
    create_lease,
)
from zemanta_ops.models import Lease as Row

LOCKS = ["database", "cache:files", "cache:table"]


@pytest.fixture
def caches(tmp_path: Path, db: None) -> Iterator[None]:
    settings = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
        "dummy": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
        "files": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": str(tmp_path)},
        "table": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "lease_cache"},
    }
    with override_settings(CACHES=settings):
        call_command("createcachetable", "lease_cache")
        yield


@pytest.fixture(params=LOCKS)
def lock(request: pytest.FixtureRequest, caches: None) -> str:
    return str(request.param)


def of(owner: str, lock: str, seconds: float = 60, name: str = "emit_gauges") -> WorkLease:
    return create_lease(lock, name, owner, seconds)


def test_one_of_two_gets_it_and_renews_it(lock: str) -> None:
    assert of("a", lock).acquire()
    assert not of("b", lock).acquire()
    assert of("a", lock).acquire()


def test_each_command_has_a_lock_of_its_own(lock: str) -> None:
    assert of("a", lock).acquire()
    assert of("b", lock, name="compute_composites").acquire()
    of("b", lock, name="compute_composites").release()
    assert not of("b", lock).acquire()


def test_given_back_it_is_free(lock: str) -> None:
    of("a", lock).acquire()
    of("a", lock).release()
    assert of("b", lock).acquire()


def test_only_its_owner_gives_it_back(lock: str) -> None:
    of("a", lock).acquire()
    of("b", lock).release()
    assert not of("b", lock).acquire()


def test_it_ends_when_it_is_not_renewed(lock: str) -> None:
    assert of("a", lock, 1).acquire()
    assert wait_until(lambda: of("b", lock).acquire())
    assert not of("a", lock).acquire()


def test_renewing_makes_it_last(caches: None) -> None:
    of("a", "database", 1).acquire()
    of("a", "database", 3600).acquire()
    assert Row.objects.filter(expires_at__gt=Now() + timedelta(seconds=3000)).exists()


@pytest.mark.parametrize("lock", ["cache:files", "cache:table"])
def test_renewing_makes_it_last_in_a_cache_too(lock: str, caches: None) -> None:
    assert of("a", lock, 60).acquire()
    assert of("a", lock, 3600).acquire()
    with time_machine.travel(timedelta(seconds=1800), tick=False):
        assert not of("b", lock).acquire()
    with time_machine.travel(timedelta(seconds=3700), tick=False):
        assert of("b", lock).acquire()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_key_that_expires_and_is_taken_while_it_is_renewed_is_lost(
    moment: str, caches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = of("a", "cache:files")
    assert isinstance(mine, CacheLease)
    assert mine.acquire()
    touch = mine._cache.touch

    def touch_late(key: str, timeout: float) -> bool:
        if moment == "before":
            return take() and bool(touch(key, timeout))
        return bool(touch(key, timeout)) and take()

    def take() -> bool:
        of("a", "cache:files").release()
        return of("b", "cache:files").acquire()

    monkeypatch.setattr(mine._cache, "touch", touch_late)
    assert not mine.acquire()
    assert not of("a", "cache:files").acquire()


def test_a_row_that_another_process_makes_at_the_same_moment_is_its(
    caches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = of("b", "database")
    of("a", "database").acquire()
    queryset = type(Row.objects.all())
    # What b saw before a's row was there.
    monkeypatch.setattr(queryset, "exists", lambda self: False)
    assert not late.acquire()


@pytest.mark.parametrize(
    ("lock", "reason"),
    [
        ("cache:default", "'default' is not shared between processes"),
        ("cache:dummy", "'dummy' is not shared between processes"),
        ("cache:nowhere", "CACHES has no cache 'nowhere'"),
        ("cache:", "must be 'database', 'cache:<alias>' or 'none'"),
        ("redis", "must be 'database', 'cache:<alias>' or 'none'"),
    ],
)
def test_what_cannot_lock_is_refused(lock: str, reason: str, caches: None) -> None:
    with pytest.raises(LeaseError, match=reason):
        of("a", lock)


def test_the_setting_chooses(caches: None) -> None:
    assert isinstance(of("a", "database"), DatabaseLease)
    assert isinstance(of("a", "cache:files"), CacheLease)
    assert isinstance(of("a", "none"), NoLease)
    assert of("a", "none").acquire()
    of("a", "none").release()
