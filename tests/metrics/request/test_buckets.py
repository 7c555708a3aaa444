"""Bucket counters: from them come percentiles over all hosts."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import ResolverMatch

from zemanta_ops.conf import conf
from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.delivery.batch import DeliveryCounts, pack
from zemanta_ops.metrics.options import Options
from zemanta_ops.metrics.request.recorder import RequestRecorder
from zemanta_ops.parsing import accept_buckets

LIMITS = (50.0, 100.0, 500.0)


def request() -> HttpRequest:
    found = HttpRequest()
    found.method, found.resolver_match = "GET", ResolverMatch(lambda: None, (), {}, "home")
    return found


def lines(recorder: RequestRecorder, seconds: list[tuple[float, int]], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record requests of these durations and statuses, and return the lines of a flush."""
    client = recorder._client
    queued: list[Any] = []
    with client.capture(lambda series, value: queued.append((series, value))):
        for duration, status in seconds:
            monkeypatch.setattr("zemanta_ops.metrics.request.recorder.perf_counter", lambda end=duration: end)
            recorder.record(request(), HttpResponse(status=status), 0.0)
    packets = pack(queued, 1432, DeliveryCounts())
    return sorted(line for text, _ in packets for line in text.decode().splitlines() if "bucket" in line)


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client(Options(host_tag=None))
    yield client
    client.close()


def test_each_limit_counts_the_requests_within_it_whatever_their_status(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = RequestRecorder(client, buckets=LIMITS)
    found = lines(recorder, [(0.01, 200), (0.05, 200), (0.06, 404), (0.4, 500), (9, 200)], monkeypatch)
    name = "http.request.bucket,le={},method=GET,view=home:{}|c"
    # 50 ms is within a limit of 50 ms. Answers with 200, 404 and 500 are lines of their own, which the agent adds up.
    totals: dict[str, int] = {}
    for line in found:
        le = line.split("le=")[1].split(",")[0]
        totals[le] = totals.get(le, 0) + int(line.rsplit(":", 1)[1].removesuffix("|c"))
    assert totals == {"50": 2, "100": 3, "500": 4, "+Inf": 5}
    assert name.format("50", 2) in found


def test_a_bucket_that_nothing_fell_into_costs_no_line(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = RequestRecorder(client, buckets=LIMITS)
    found = lines(recorder, [(0.2, 200)], monkeypatch)
    assert [line.split("le=")[1].split(",")[0] for line in found] == ["+Inf", "500"]


def test_sampled_requests_are_counted_as_many_as_they_stand_for(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = RequestRecorder(client, every=10, buckets=LIMITS)
    assert lines(recorder, [(0.2, 200)], monkeypatch)[0].endswith(":10|c")


def test_without_buckets_nothing_is_counted(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lines(RequestRecorder(client), [(0.2, 200)], monkeypatch) == []


def test_the_guard_folds_buckets_as_any_series(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    guarded = Client(Options(host_tag=None, max_tag_values=2))
    recorder = RequestRecorder(guarded, buckets=LIMITS)
    assert any("le=_other" in line for line in lines(recorder, [(0.01, 200)], monkeypatch))


@pytest.mark.parametrize(
    "given", [[50, 100, 500], "50,100,500", (50, "100", 500.0)], ids=["numbers", "text of a variable", "mixed"]
)
def test_limits_are_accepted_as_numbers_and_as_text(given: object) -> None:
    assert accept_buckets(given) == (50.0, 100.0, 500.0)


@pytest.mark.parametrize("given", [[0, 5], [5, 5], [10, 5], ["x"], [inf], 5, {"a": 1}, range(1, 40), [True]], ids=str)
def test_other_limits_are_refused(given: object) -> None:
    with pytest.raises(ValueError, match="must"):
        accept_buckets(given)


def test_they_are_off_unless_they_are_set() -> None:
    assert conf.metrics.buckets == ()
