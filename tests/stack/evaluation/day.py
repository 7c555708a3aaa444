"""One recorded day of a shop on three hosts, the same at every run.

A quiet night, a deploy with a short burst of errors, an outage, a slow database, a host that dies, a quarter of an hour
without any data, and points that come late. Points are stamped on the grid of the agent, as Telegraf stamps them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from zemanta_ops.stack.databases import Point
from zemanta_ops.stack.declarations.durations import DAY
from zemanta_ops.stack.declarations.known import Deployment, KnownMetric
from zemanta_ops.stack.declarations.names import to_measurement

SEED = 20
INTERVAL = 30
HOUR, MINUTE = 3_600, 60
# Midnight of a Monday, in UTC.
START = 1_699_833_600

TAGS = {"env": "production", "app": "shop"}
HOSTS = {"web-1": 4.0, "web-2": 4.0, "web-3": 8.0}
CLUSTERS = {"web-1": "east", "web-2": "west", "web-3": "west"}
VIEWS = {"home": 0.5, "search": 0.3, "checkout": 0.15, "account": 0.05}
BUCKETS = (100.0, 500.0, 2500.0)
# The view whose requests are counted by latency; those of all would be most of the day's points.
TIMED_VIEW = "checkout"
# Requests in one interval on one host at noon, and at night.
PEAK, NIGHT = 60.0, 0.6


@dataclass(frozen=True)
class Event:
    """Something that happens from ``start`` to ``end``, in seconds after midnight."""

    start: int
    end: int

    def covers(self, second: int) -> bool:
        """Return whether it happens in the interval that is stamped with a second."""
        return self.start < second <= self.end


DEPLOY = Event(10 * HOUR, 10 * HOUR + 3 * MINUTE)
OUTAGE = Event(13 * HOUR + 20 * MINUTE, 13 * HOUR + 40 * MINUTE)
SLOW = Event(16 * HOUR, 16 * HOUR + 45 * MINUTE)
DEATH = Event(18 * HOUR, DAY)
MISSING = Event(20 * HOUR, 20 * HOUR + 15 * MINUTE)
LATE = Event(21 * HOUR, 21 * HOUR + 3 * MINUTE)
LATE_SECONDS = 4 * MINUTE
DEAD_HOST, LATE_HOST = "web-3", "web-2"


@dataclass(frozen=True)
class Record:
    """A point and the time at which it is in the database, in seconds since the epoch."""

    arrived: int
    point: Point


def known(name: str, kind: str, *tags: str, **more: Any) -> KnownMetric:
    """Return a metric under the measurement that the agent gives it."""
    return KnownMetric(name, kind, frozenset(tags), to_measurement(name), **more)


METRICS = [
    known("http.request.count", "counter", "view", "status", unit="requests"),
    known("http.request.duration", "timing", "view", unit="ms"),
    known("http.request.bucket", "counter", "view", "le", unit="requests"),
    known("db.query.duration", "timing", "alias", unit="ms"),
    known("jobs.waiting", "gauge", "queue", unit="jobs"),
    known("cpu.cores", "gauge", "host", "cluster", source="elsewhere"),
]
DEPLOYMENT = Deployment(
    {metric.name: metric for metric in METRICS},
    common_tags=frozenset({*TAGS, "host", "cluster"}),
    agent_interval=INTERVAL,
    buckets=BUCKETS,
    identity=TAGS,
)


@lru_cache(maxsize=2)
def record_day(start: int = START) -> tuple[Record, ...]:
    """Return the day that begins at ``start``, in the order in which its points arrive."""
    chance = random.Random(SEED)
    records = [record for second in range(INTERVAL, DAY + 1, INTERVAL) for record in _record(start, second, chance)]
    deploy = Point("zemanta_ops_deploy", {"title": "2.4.1"}, TAGS, (start + DEPLOY.start) * 10**9)
    return tuple(sorted([*records, Record(start + DEPLOY.start, deploy)], key=lambda record: record.arrived))


def to_lines(records: Sequence[Record]) -> str:
    """Return the points in line protocol."""
    return "\n".join(record.point.encode() for record in records)


def _record(start: int, second: int, chance: random.Random) -> Iterator[Record]:
    for host, cores in HOSTS.items():
        points = list(_list_points(host, cores, start, second, chance))
        if MISSING.covers(second) or (host == DEAD_HOST and DEATH.covers(second)):
            continue
        late = LATE_SECONDS if host == LATE_HOST and LATE.covers(second) else 0
        yield from (Record(start + second + late, point) for point in points)


def _list_points(host: str, cores: float, start: int, second: int, chance: random.Random) -> Iterator[Point]:
    time = (start + second) * 10**9
    place = {"host": host, "cluster": CLUSTERS[host]}
    tags = {**TAGS, **place}
    for view, share in VIEWS.items():
        count = _draw(_find_traffic(second) * share, chance)
        if not count:
            continue
        failed = min(_draw(count * _find_errors(view, second), chance), count)
        missed = _draw((count - failed) * 0.01, chance)
        by_status = {"200": count - failed - missed, "404": missed, "500": failed}
        for status, number in by_status.items():
            if number:
                fields = {"value": float(number)}
                yield Point("http_request_count", fields, {**tags, "view": view, "status": status}, time)
        yield from _list_latency({**tags, "view": view}, count, second, time, chance)
    queries = _draw(_find_traffic(second) * 5, chance)
    if queries:
        fields = {"count": queries, "sum": queries * 2.5 * _find_slowness(second)}
        yield Point("db_query_duration", fields, {**tags, "alias": "default"}, time)
    if host == "web-1":
        yield from _list_queues(tags, second, time, chance)
    yield Point("cpu_cores", {"value": cores}, place, time)


def _list_latency(tags: dict[str, str], count: int, second: int, time: int, chance: random.Random) -> Iterator[Point]:
    times = [round(chance.lognormvariate(4, 0.7) * _find_slowness(second)) for _ in range(count)]
    yield Point("http_request_duration", {"count": count, "sum": sum(times)}, tags, time)
    for bound in (*BUCKETS, math.inf) if tags["view"] == TIMED_VIEW else ():
        within = sum(each <= bound for each in times)
        if within:
            le = "+Inf" if bound == math.inf else f"{bound:g}"
            yield Point("http_request_bucket", {"value": float(within)}, {**tags, "le": le}, time)


def _list_queues(tags: dict[str, str], second: int, time: int, chance: random.Random) -> Iterator[Point]:
    for queue, usual in (("mail", 20), ("sms", 3)):
        waiting = usual * (6 if OUTAGE.covers(second) else 1) + chance.randrange(5)
        yield Point("jobs_waiting", {"value": float(waiting)}, {**tags, "queue": queue}, time)


def _find_traffic(second: int) -> float:
    """Return the requests of one host in one interval: next to none until six, most at two in the afternoon."""
    hour = second / HOUR
    day = max(0.0, math.sin((hour - 6) / 16 * math.pi)) if hour >= 6 else 0.0
    return NIGHT + PEAK * day * (0.8 if SLOW.covers(second) else 1.0)


def _find_errors(view: str, second: int) -> float:
    """Return the share of requests that fail."""
    if OUTAGE.covers(second):
        return 0.6 if view == "checkout" else 0.08
    if DEPLOY.covers(second):
        return 0.04
    return 0.0005


def _find_slowness(second: int) -> float:
    return 8.0 if SLOW.covers(second) else 1.0


def _draw(expected: float, chance: random.Random) -> int:
    """Return a whole number whose mean is the expected one."""
    whole = int(expected * chance.uniform(0.8, 1.2)) if expected >= 1 else 0
    return whole + (chance.random() < (expected if expected < 1 else 0.3))
