"""80 minutes of points, drawn from a seed, and declarations computed from them by hand."""

from __future__ import annotations

import operator
import random
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

from zemanta_ops.stack.declarations import Composite, Expression, Term

# A multiple of an hour.
START = 1_700_002_800
STOP = START + 80 * 60
_INTERVAL = 10
OWN = {"env": "test", "app": "shop"}


class Point(NamedTuple):
    """A point of the database."""

    measurement: str
    tags: Mapping[str, str]
    fields: Mapping[str, float | int]
    time: int

    def render(self) -> str:
        """Return it in line protocol."""
        tags = "".join(f",{key}={_escape(value)}" for key, value in self.tags.items())
        fields = ",".join(f"{key}={value}{'i' if isinstance(value, int) else ''}" for key, value in self.fields.items())
        return f"{self.measurement}{tags} {fields} {self.time}000000000"


def _escape(text: str) -> str:
    return text.replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ")


def draw_points() -> list[Point]:
    """Return quiet minutes, an outage, a host that dies, and missing points; and another application's beside them."""
    random_ = random.Random(13)
    points = [point for time in range(START, STOP, _INTERVAL) for point in _draw_interval(random_, time)]
    foreign = [each._replace(tags={**each.tags, "app": "other"}) for each in points if "app" in each.tags]
    return sorted(points + foreign, key=lambda point: point.time)


def _draw_interval(random_: random.Random, time: int) -> Iterator[Point]:
    minute = (time - START) // 60
    for host in ("web-1", "web-2"):
        if host == "web-2" and minute >= 60:
            continue
        if random_.random() < 0.9:
            yield Point("system", {"host": host}, {"n_cpus": 4 if host == "web-1" else 8}, time)
        # Each host has another number of samples in a window, and one series lacks a tag.
        if time % (20 if host == "web-2" else 30) == 0:
            for pool in ({"pool": "a"}, {"pool": "b"}, {}):
                yield Point("workers", {"host": host, **pool}, {"value": time // 10 % 7 + len(pool)}, time)
        # Nobody comes between minutes 20 and 30.
        if 20 <= minute < 30 or random_.random() < 0.2:
            continue
        failing = 0.6 if 40 <= minute < 52 else 0.02
        for view in ("home", "it's a view", "rare"):
            if view == "rare" and random_.random() < 0.9:
                continue
            tags = {**OWN, "host": host, "view": view}
            for status in ("200", "404", "500"):
                number = sum(random_.random() < (failing if status == "500" else 0.3) for _ in range(12))
                if number:
                    yield Point("http_request_count", {**tags, "status": status}, {"value": float(number)}, time)
            times = [random_.uniform(1, 90) for _ in range(random_.randint(1, 4))]
            yield Point("http_request_duration", tags, {"count": len(times), "sum": sum(times)}, time)
        yield Point("jobs_waiting", {**OWN, "host": host}, {"value": random_.randint(0, 50)}, time)


class Window(NamedTuple):
    """A group and the start of a window."""

    tags: tuple[str, ...]
    start: int


def compute(
    composite: Composite, points: list[Point], measurements: Mapping[str, tuple[str, str]]
) -> dict[Window, float]:
    """Return the value of each window that has one, from the first to the last that the points cover.

    Args:
        composite: What is computed.
        points: All points.
        measurements: The measurement and the field of each metric.

    """
    every, length = composite.every_seconds, composite.window_seconds
    times = [point.time for point in points]
    found = {}
    for end in range((START // every + 1) * every, STOP + 1, every):
        inside = points[bisect_left(times, end - length) : bisect_left(times, end)]
        for tags, value in _compute_window(composite, inside, measurements, length).items():
            found[Window(tags, end - length)] = value
    return found


def _compute_window(
    composite: Composite, points: list[Point], measurements: Mapping[str, tuple[str, str]], length: int
) -> dict[tuple[str, ...], float]:
    def read(term: Term) -> dict[tuple[str, ...], float]:
        return _aggregate(term, points, measurements[term.metric], composite.by, length)

    expression = composite.expression
    if isinstance(expression, Term):
        return read(expression)
    assert expression is not None
    left = read(expression.left)
    if not isinstance(expression.right, Term):
        return {key: _calculate(expression, value, expression.right) for key, value in left.items()}
    right = read(expression.right)
    values = {}
    for key in left.keys() | right.keys():
        a, b = _get(expression.left, left, key), _get(expression.right, right, key)
        too_few = expression.operation == "/" and (not b or b < composite.min_denominator)
        if a is not None and b is not None and not too_few:
            values[key] = _calculate(expression, a, b)
    return values


def _get(term: Term, values: Mapping[tuple[str, ...], float], key: tuple[str, ...]) -> float | None:
    return values.get(key, 0.0 if term.function in ("total", "rate") else None)


def _calculate(expression: Expression, left: float, right: float) -> float:
    operations = {"/": operator.truediv, "*": operator.mul, "+": operator.add, "-": operator.sub}
    return float(operations[expression.operation](left, right))


def _aggregate(
    term: Term, points: list[Point], place: tuple[str, str], by: tuple[str, ...], length: int
) -> dict[tuple[str, ...], float]:
    measurement, field = place
    groups: dict[tuple[str, ...], list[Point]] = {}
    for point in points:
        if point.measurement != measurement or point.tags.get("app", "shop") != "shop":
            continue
        if all(
            any(fnmatchcase(point.tags.get(tag, ""), each) for each in wanted) for tag, wanted in term.filters.items()
        ):
            groups.setdefault(tuple(point.tags.get(tag, "") for tag in by), []).append(point)
    return {key: _reduce(term.function, group, field, length) for key, group in groups.items()}


def _reduce(function: str, points: list[Point], field: str, length: int) -> float:
    if function == "mean" and field == "count":
        return sum(point.fields["sum"] for point in points) / sum(point.fields["count"] for point in points)
    numbers = [point.fields[field] for point in points]
    if function == "mean":
        return sum(numbers) / len(numbers)
    if function == "sum_of":
        series: dict[tuple[str, ...], list[float]] = {}
        for point, number in zip(points, numbers, strict=True):
            series.setdefault(tuple(point.tags.values()), []).append(number)
        return sum(sum(each) / len(each) for each in series.values())
    if function == "last":
        return max((point.time, point.fields[field]) for point in points)[1]
    return sum(numbers) / (length if function == "rate" else 1)
