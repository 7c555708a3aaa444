"""What the shop of the recorded day declares, and the same numbers by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.stack.evaluation.by_hand import Hand, Key
from zemanta_ops.stack.declarations import Composite, isolate, last, mean, rate, sum_of, total

MINIMUM = 20
REQUESTS = "http.request.count"
_MEASUREMENT = "http_request_count"


def declare(every: str = "5m") -> dict[str, Composite]:
    """Return the composites, by name; they are not registered."""
    declared: dict[str, dict[str, Any]] = {
        "shop.error_ratio": {
            "numerator": total(REQUESTS, status="5*"),
            "denominator": total(REQUESTS),
            "by": ("view",),
            "min_denominator": MINIMUM,
            "unit": "ratio",
        },
        "shop.requests_per_core": {
            "numerator": rate(REQUESTS),
            "denominator": mean("cpu.cores"),
            "by": ("host",),
            "unit": "requests/s",
        },
        "shop.requests_per_core_of_cluster": {
            "numerator": rate(REQUESTS),
            "denominator": sum_of("cpu.cores"),
            "by": ("cluster",),
            "unit": "requests/s",
        },
        "shop.served": {"value": total(REQUESTS) - total(REQUESTS, status="5*"), "by": ("view",), "unit": "requests"},
        "shop.latency": {"value": mean("http.request.duration"), "by": ("view",), "unit": "ms"},
        "shop.queries_per_request": {"value": total("db.query.duration") / total(REQUESTS), "unit": "queries"},
        "shop.backlog": {"value": last("jobs.waiting") * 2, "by": ("queue",), "unit": "jobs"},
    }
    with isolate():
        return {name: Composite(name, every=every, **given) for name, given in declared.items()}


def compute_by_hand(hand: Hand, start: int) -> dict[str, Mapping[Key, float]]:
    """Return the values of each composite in the window that begins at ``start``, without those that have none."""
    return {name: compute(hand, start) for name, compute in _BY_HAND.items()}


def _failed(tags: Mapping[str, str]) -> bool:
    return tags["status"].startswith("5")


def _error_ratio(hand: Hand, start: int) -> dict[Key, float]:
    bad = hand.total(_MEASUREMENT, start, ("view",), _failed)
    every = hand.total(_MEASUREMENT, start, ("view",))
    return {key: bad.get(key, 0.0) / number for key, number in every.items() if number >= MINIMUM}


def _requests_per_core(hand: Hand, start: int) -> dict[Key, float]:
    requests = hand.total(_MEASUREMENT, start, ("host",))
    cores = hand.mean("cpu_cores", start, ("host",))
    return {key: requests.get(key, 0.0) / hand.every / number for key, number in cores.items()}


def _requests_per_core_of_cluster(hand: Hand, start: int) -> dict[Key, float]:
    requests = hand.total(_MEASUREMENT, start, ("cluster",))
    return {key: requests.get(key, 0.0) / hand.every / number for key, number in sum_cores(hand, start).items()}


def sum_cores(hand: Hand, start: int) -> dict[Key, float]:
    """Return the cores of each cluster: of its hosts that had points in the window."""
    cores: dict[Key, float] = {}
    for (_, cluster), number in hand.mean("cpu_cores", start, ("host", "cluster")).items():
        cores[cluster,] = cores.get((cluster,), 0.0) + number
    return cores


def _served(hand: Hand, start: int) -> dict[Key, float]:
    bad = hand.total(_MEASUREMENT, start, ("view",), _failed)
    return {key: number - bad.get(key, 0.0) for key, number in hand.total(_MEASUREMENT, start, ("view",)).items()}


def _latency(hand: Hand, start: int) -> dict[Key, float]:
    measurement, by = "http_request_duration", ("view",)
    counts = hand.total(measurement, start, by, field="count")
    return {key: number / counts[key] for key, number in hand.total(measurement, start, by, field="sum").items()}


def _queries_per_request(hand: Hand, start: int) -> dict[Key, float]:
    queries = hand.total("db_query_duration", start, (), field="count")
    return {key: queries.get(key, 0.0) / number for key, number in hand.total(_MEASUREMENT, start, ()).items()}


def _backlog(hand: Hand, start: int) -> dict[Key, float]:
    return {key: 2 * number for key, number in hand.last("jobs_waiting", start, ("queue",)).items()}


_BY_HAND: Mapping[str, Callable[[Hand, int], Mapping[Key, float]]] = {
    "shop.error_ratio": _error_ratio,
    "shop.requests_per_core": _requests_per_core,
    "shop.requests_per_core_of_cluster": _requests_per_core_of_cluster,
    "shop.served": _served,
    "shop.latency": _latency,
    "shop.queries_per_request": _queries_per_request,
    "shop.backlog": _backlog,
}
