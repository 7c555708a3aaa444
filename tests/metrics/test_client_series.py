"""The series that a client makes: which are one, how many it remembers, and those that it reports about itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from zemanta_ops.metrics import catalog
from zemanta_ops.metrics import client as clients
from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.options import Options
from zemanta_ops.metrics.series.series import KINDS
from zemanta_ops.testing import Recorder

FOREVER: dict[str, Any] = {"flush_seconds": 3600, "report_seconds": float("inf")}


@pytest.fixture
def client() -> Iterator[Client]:
    created = Client(Options(host_tag=None, **FOREVER))
    yield created
    created.close()


def test_the_caches_are_bounded(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "MAX_CACHED", 10)
    for number in range(50):
        client.incr("n", a=str(number))
        client.timing("t", 1.0, a=str(number), b="x")
        assert sum(map(len, client._caches.values())) <= 11


def test_a_series_is_one_for_one_line(client: Client) -> None:
    first = client.create_series("c", "n", {"a": 1})
    assert client.create_series("c", "n", {"a": "1"}) is first
    others = [
        client.create_series("g", "n", {"a": 1}),
        client.create_series("c", "m", {"a": 1}),
        client.create_series("c", "n", {"a": 2}),
        client.create_series("c", "n", {"a": 1}, every=2),
        client.create_series("c", "n", {"a": 1}, companion=first),
        client.create_series("c", "n", {"a": 1}, buckets=[(1.0, first)]),
    ]
    assert len({id(series) for series in [first, *others]}) == 7
    assert (others[3].every, others[4].companion, others[5].buckets) == (2, first, [(1.0, first)])


OTHER_NAMES = "zemanta_ops.other_names"


@pytest.mark.parametrize(
    ("limits", "tags", "message", "reported"),
    [
        ({"max_names": 1}, {}, f"Too many metric names. Further ones become {OTHER_NAMES}", (OTHER_NAMES, "_other")),
        (
            {"max_tag_keys": 2},
            {"a": "1", "b": "2", "c": "3"},
            "Metric n0 has too many tag keys. Further ones are left out",
            ("n0", "_other"),
        ),
        (
            {"max_tag_values": 2},
            {"a": "{}"},
            "Metric n0 has too many values of tag a. Further values become _other",
            ("n0", "a"),
        ),
    ],
)
def test_each_limit_is_reported_once(
    limits: dict[str, Any],
    tags: dict[str, str],
    message: str,
    reported: tuple[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = Client(Options(host_tag=None, **limits))
    recorder = Recorder()
    with client.capture(recorder.put):
        for number in range(5):
            name = f"n{number}" if "max_names" in limits else "n0"
            client.incr(name, **{key: value.format(number) for key, value in tags.items()})
    assert [record.message for record in caplog.records] == [message]
    found = [(record.value, record.tags) for record in recorder.records if record.name == catalog.CARDINALITY.name]
    assert found == [(1, {"metric": reported[0], "tag": reported[1]})]


def test_self_metrics_are_those_of_the_last_flush_and_of_what_changed(client: Client) -> None:
    client.reload(Options(host_tag=None, **{**FOREVER, "report_seconds": 60.0}))
    client.health()
    buffer = client.buffer
    assert buffer is not None
    buffer.last_depth, buffer.last_flush_seconds = 7, 0.25
    buffer.counts.add_dropped("refused", 2)
    found = {series.name: (series.kind, dict(series.tags), value) for series, value in client._self_metrics(buffer)}
    assert found[catalog.QUEUE_DEPTH.name] == (KINDS[catalog.QUEUE_DEPTH.kind], {}, 7)
    assert found[catalog.FLUSH_DURATION.name] == (KINDS[catalog.FLUSH_DURATION.kind], {}, 250.0)
    assert found[catalog.DROPPED.name] == ("c", {"reason": "refused"}, 2)
    assert list(client._self_metrics(buffer)) == []
    buffer.counts.report_at -= 61
    assert [series.name for series, _ in client._self_metrics(buffer)][:2] == [
        catalog.QUEUE_DEPTH.name,
        catalog.FLUSH_DURATION.name,
    ]
