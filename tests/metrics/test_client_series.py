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


@pytest.mark.parametrize(
    ("name", "arguments", "tags", "value", "left"),
    [
        ("decr", (), {"a": "1"}, -1, {"a": "1"}),
        ("decr", (3,), {"value": "x"}, -3, {"value": "x"}),
        ("decr", (), {"count": 4, "value": 5}, -4, {"value": "5"}),
        ("decr", (), {"value": 5, "a": "1"}, -5, {"a": "1"}),
        ("decr", ("6",), {}, -6.0, {}),
        ("histogram", (7,), {"a": "1", "value": "x"}, 7, {"a": "1", "value": "x"}),
        ("histogram", (), {"value": 8, "a": "1"}, 8, {"a": "1"}),
        ("unique", ("-anna",), {"a": "1", "value": "x"}, "_anna", {"a": "1", "value": "x"}),
        ("unique", (), {"value": "bob", "a": "1"}, "bob", {"a": "1"}),
    ],
)
def test_the_rarer_kinds_have_their_name_value_and_tags(
    name: str, arguments: tuple[Any, ...], tags: dict[str, Any], value: Any, left: dict[str, str], client: Client
) -> None:
    recorder = Recorder()
    with client.capture(recorder.put):
        getattr(client, name)("n", *arguments, **tags)
    [record] = recorder.records
    assert (record.name, record.value, record.tags) == ("n", value, left)
    assert record.kind == {"decr": "counter", "histogram": "histogram", "unique": "set"}[name]


def test_a_value_that_is_missing_is_no_number_and_no_member(client: Client) -> None:
    taken: list[tuple[str, Any]] = []
    with client.capture(lambda series, value: taken.append((series.kind, str(value)))):
        client.histogram("n")
        client.unique("n")
    assert taken == [("h", "nan"), ("s", "")]


@pytest.mark.parametrize(
    ("kind", "given", "sent"),
    [("c", 2, 2), ("ms", -0.0, 0.0), ("g", (3,), (3,)), ("g", "4", 4.0), ("s", "+x", "_x"), ("s", 5, "5")],
)
def test_a_sample_of_any_kind_is_that_of_its_series(kind: str, given: Any, sent: Any, client: Client) -> None:
    taken: list[tuple[Any, Any]] = []
    with client.capture(lambda series, value: taken.append((series, value))):
        for _ in range(2):
            client.emit(kind, "n", given, {"a": "1"}, every=2)
        client.emit(kind, "n", given)
    (first, value), (second, _), (other, _) = taken
    assert first is second is not other
    assert (first.kind, first.name, dict(first.tags), first.every) == (kind, "n", {"a": "1"}, 2)
    assert (other.kind, other.name, dict(other.tags), other.every) == (kind, "n", {}, 1)
    assert (str(value), type(value)) == (str(sent), type(sent))


def test_a_tag_that_cannot_be_hashed_is_written(client: Client) -> None:
    recorder = Recorder()
    with client.capture(recorder.put):
        for _ in range(2):
            client.emit("c", "n", 1, {"a": ["x"]})
            client.emit("c", "n", 1, {"a": ["x"], "b": "y"})
    assert [record.tags["a"] for record in recorder.records] == [
        record.tags["a"] for record in recorder.records[:1]
    ] * 4
    assert len({id(series) for series in client._series.values()}) == 2


def test_a_metric_of_the_catalogue_has_its_kind(client: Client) -> None:
    recorder = Recorder()
    with client.capture(recorder.put):
        client.emit_metric(catalog.QUERY_DURATION, 5.0, {"alias": "default"}, 3)
    [record] = recorder.records
    assert (record.kind, record.name, record.value) == ("timing", catalog.QUERY_DURATION.name, 5.0)
    assert record.tags == {"alias": "default"}
    assert [series.every for series in client._series.values()] == [3]


def test_prefix_and_default_tags_are_part_of_the_line_and_not_of_the_series() -> None:
    client = Client(Options(prefix="shop", tags={"env": "prod"}, host_tag="web-1", **FOREVER))
    series = client.create_series("c", "n", {"a": "1"})
    assert (series.name, dict(series.tags), series.full_name) == ("n", {"a": "1"}, "shop.n")
    assert dict(series.all_tags) == {"a": "1", "env": "prod", "host": "web-1"}
    # A metric without a name has no line.
    assert (client.create_series("c", "", {}).full_name, client.create_series("c", "", {}).head) == ("", b"")
    client.close()


def test_timers_emit_under_both_their_names(client: Client) -> None:
    recorder = Recorder()
    with client.capture(recorder.put):
        for timer in (client.timer, client.block_timer):
            with timer("t", a="1"):
                pass
    assert [(record.kind, record.name, record.tags) for record in recorder.records] == [("timing", "t", {"a": "1"})] * 2
    assert all(0 <= record.value < 60_000 for record in recorder.records)
