"""The locks of work that one process of a deployment does: a lease that it holds and renews.

It is a row of the database, whose clock decides when it expires, or a key of a cache that all nodes share.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any, Protocol

from django.apps import apps
from django.core.cache import caches
from django.core.cache.backends.base import InvalidCacheBackendError
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.db import DEFAULT_DB_ALIAS, IntegrityError, router, transaction
from django.db.models import Q
from django.db.models.functions import Now

from zemanta_ops.tables import TABLE_ERRORS, describe_table_error

CHOICES = "'database', 'cache:<alias>' or 'none'"


class LeaseError(Exception):
    """GAUGE_LOCK is set to something that cannot lock, or its lock cannot be reached."""


class WorkLease(Protocol):
    """A lock that expires unless it is renewed."""

    def acquire(self) -> bool:
        """Take or renew the lease; return False if another process holds it."""

    def release(self) -> None:
        """Give the lease back if this process holds it."""

    def explain(self, error: Exception) -> str:
        """Return why the lock cannot be reached, from what ``acquire`` raised, and what to do about it."""


class NoLease:
    """No lock, for a deployment that runs a single process of a kind."""

    def acquire(self) -> bool:
        """Succeed."""
        return True

    def release(self) -> None:
        """Do nothing."""

    def explain(self, error: Exception) -> str:
        """Return the error itself: nothing is known about it."""
        return f"({type(error).__name__}: {error})"


class DatabaseLease:
    """A lock in a row of the table zemanta_ops_lease."""

    def __init__(self, name: str, owner: str, seconds: float) -> None:
        self._name = name
        self._owner = owner
        self._length = timedelta(seconds=seconds)
        self._model: Any = apps.get_model("zemanta_ops", "Lease")
        self._database = router.db_for_write(self._model)

    def acquire(self) -> bool:
        """Take or renew the row in one UPDATE, or create it."""
        rows = self._model.objects.using(self._database).filter(name=self._name)
        values = {"owner": self._owner, "expires_at": Now() + self._length}
        if rows.filter(Q(owner=self._owner) | Q(expires_at__lt=Now())).update(**values):
            return True
        if rows.exists():
            return False
        try:
            with transaction.atomic(using=self._database):
                rows.create(name=self._name, **values)
        except IntegrityError:
            return False
        return True

    def release(self) -> None:
        """Delete the row if it belongs to this process."""
        self._model.objects.using(self._database).filter(name=self._name, owner=self._owner).delete()

    def explain(self, error: Exception) -> str:
        """Return what is wrong with the table or its database, and what to do."""
        return f"{describe_table_error(error, self._database)}. Or set GAUGE_LOCK to a shared cache"


class CacheLease:
    """A lock in a key of a shared cache, taken with ``cache.add``."""

    def __init__(self, alias: str, name: str, owner: str, seconds: float) -> None:
        self._alias = alias
        self._cache = caches[alias]
        self._owner = owner
        # memcached and Redis count in whole seconds.
        self._seconds = math.ceil(seconds)
        self._key = f"zemanta_ops.lease.{name}"

    def acquire(self) -> bool:
        """Add the key, or renew it if it belongs to this process."""
        if self._cache.add(self._key, self._owner, self._seconds):
            return True
        # The key may expire and be taken between the two calls, so its owner is checked again.
        return self._is_mine() and self._cache.touch(self._key, self._seconds) and self._is_mine()

    def release(self) -> None:
        """Delete the key if it belongs to this process."""
        if self._is_mine():
            self._cache.delete(self._key)

    def explain(self, error: Exception) -> str:
        """Return what is wrong with the cache, and what to do; it may be in a table."""
        if isinstance(error, TABLE_ERRORS):
            model: Any = getattr(self._cache, "cache_model_class", None)
            alias = router.db_for_write(model) if model else DEFAULT_DB_ALIAS
            return describe_table_error(error, alias, "Run: manage.py createcachetable")
        return (
            f"({type(error).__name__}: {error}). Start the server of the cache {self._alias!r}, "
            f"or correct LOCATION of CACHES[{self._alias!r}] and the credentials there"
        )

    def _is_mine(self) -> bool:
        return bool(self._cache.get(self._key) == self._owner)


def find_problem(lock: str) -> str | None:
    """Return why a value of GAUGE_LOCK cannot lock, or None if it can."""
    kind, _, alias = lock.partition(":")
    if lock in ("database", "none"):
        return None
    if kind != "cache" or not alias:
        return f"GAUGE_LOCK must be {CHOICES}"
    try:
        cache = caches[alias]
    except InvalidCacheBackendError:
        return f"CACHES has no cache {alias!r}"
    if isinstance(cache, (LocMemCache, DummyCache)):
        return f"the cache {alias!r} is not shared between processes. Use Redis, memcached or the database cache"
    return None


def create_lease(lock: str, name: str, owner: str, seconds: float) -> WorkLease:
    """Return the lease for a value of GAUGE_LOCK.

    Args:
        lock: ``database``, ``cache:<alias>`` or ``none``.
        name: the command that does the work; each has a lock of its own.
        owner: a name that no other process has.
        seconds: how long the lease lasts without renewal.

    Raises:
        LeaseError: ``lock`` is not one of these, or its cache is not shared.
    """
    if problem := find_problem(lock):
        raise LeaseError(problem)
    if lock == "none":
        return NoLease()
    if lock == "database":
        return DatabaseLease(name, owner, seconds)
    return CacheLease(lock.partition(":")[2], name, owner, seconds)
