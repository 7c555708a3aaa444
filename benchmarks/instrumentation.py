"""What the instrumentation of a query and of a cache look-up costs: ``python -m benchmarks.instrumentation``.

Prints microseconds for Django alone, for ours and for django-prometheus's database and cache backends, measured in
turns in one process, and the median of the paired differences. The time is that of the process, the flusher's included.
Needs django-prometheus.
"""

from __future__ import annotations

import json
import socket
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import django
from django.conf import settings

CALLS = 1_000
ROUNDS = 40
PEERS = ("bare", "zemanta_ops", "django-prometheus")
ENGINES = ("django.db.backends.sqlite3", "django.db.backends.sqlite3", "django_prometheus.db.backends.sqlite3")
CACHES = (
    "django.core.cache.backends.locmem.LocMemCache",
    "django.core.cache.backends.locmem.LocMemCache",
    "django_prometheus.cache.backends.locmem.LocMemCache",
)


def setup(port: int) -> None:
    """Configure one database and one cache a peer."""
    settings.configure(
        DATABASES={peer: {"ENGINE": engine, "NAME": ":memory:"} for peer, engine in zip(PEERS, ENGINES, strict=True)}
        | {"default": {}},
        CACHES={peer: {"BACKEND": path, "LOCATION": peer} for peer, path in zip(PEERS, CACHES, strict=True)},
        ZEMANTA_OPS={"METRICS": {"ENABLED": True, "PORT": port}},
        INSTALLED_APPS=["zemanta_ops"],
    )
    django.setup()


def query(alias: str) -> Callable[[], object]:
    """Return a function that runs one small query."""
    from django.db import connections

    cursor: Any = connections[alias].cursor()

    def run() -> object:
        cursor.execute("SELECT 1")
        return cursor.fetchone()

    return run


def look_up(alias: str) -> Callable[[], object]:
    """Return a function that finds one key in a cache."""
    from django.core.cache import caches

    cache = caches[alias]
    cache.set("key", "value", None)
    return lambda: cache.get("key")


def microseconds(call: Callable[[], object]) -> float:
    """Return the process's time for one call."""
    start = time.process_time()
    for _ in range(CALLS):
        call()
    return (time.process_time() - start) / CALLS * 1e6


def compare(calls: dict[str, Callable[[], object]]) -> dict[str, dict[str, float]]:
    """Measure all in turns; return the median of each and of its differences to the first."""
    rounds: list[dict[str, float]] = []
    for number in range(ROUNDS):
        # Every peer is first as often as it is last.
        order = list(calls) if number % 2 else list(reversed(calls))
        rounds.append({peer: microseconds(calls[peer]) for peer in order})
    bare = next(iter(calls))
    return {
        peer: {
            "microseconds": statistics.median(each[peer] for each in rounds),
            "added": statistics.median(each[peer] - each[bare] for each in rounds),
        }
        for peer in calls
    }


def main() -> None:
    """Measure and print."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent:
        agent.bind(("127.0.0.1", 0))
        setup(agent.getsockname()[1])
        from zemanta_ops.metrics import instrumentation

        queries = {peer: query(peer) for peer in PEERS if peer != "zemanta_ops"}
        look_ups = {peer: look_up(peer) for peer in PEERS if peer != "zemanta_ops"}
        instrumentation.install(["cache", "database"])
        # Those that were open are instrumented too; only what was opened after is wanted.
        _leave_alone([peer for peer in PEERS if peer != "zemanta_ops"])
        ours = {"zemanta_ops": query("zemanta_ops")}, {"zemanta_ops": look_up("zemanta_ops")}
        results = {
            "query": compare({peer: {**queries, **ours[0]}[peer] for peer in PEERS}),
            "cache look-up": compare({peer: {**look_ups, **ours[1]}[peer] for peer in PEERS}),
        }
    if "--json" in sys.argv:
        print(json.dumps(results, indent=2))
        return
    for what, peers in results.items():
        for peer, figures in peers.items():
            print(f"{what:14} {peer:18} {figures['microseconds']:7.2f} us  {figures['added']:+7.2f} us")


def _leave_alone(aliases: list[str]) -> None:
    from django.core.cache import caches
    from django.db import connections

    for alias in aliases:
        connections[alias].execute_wrappers.clear()
        cache: Any = caches[alias]
        cache.__class__ = type(cache).__bases__[0]


if __name__ == "__main__":
    main()
