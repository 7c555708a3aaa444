"""How lines fill datagrams, how datagrams are sent, and what is counted."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

import pytest

from tests.metrics.agents import Agent, client_of, counted
from zemanta_ops.metrics.clock import perf_counter
from zemanta_ops.metrics.delivery.batch import (
    BURST,
    PAUSE_SECONDS,
    DeliveryCounts,
    Packet,
    append_last_packet,
    pack,
    send,
)
from zemanta_ops.metrics.series.series import COUNTER, TIMING, Series


def create_series(name: str, kind: str = COUNTER, **more: Any) -> Series:
    return Series(kind, name, {}, name, {}, head=name.encode(), **more)


class Recording:
    """A transport that keeps what it is given; ``failing`` are the datagrams that it refuses."""

    def __init__(self, failing: tuple[bytes, ...] = ()) -> None:
        self.sent: list[bytes] = []
        self._failing = failing

    def send(self, datagram: bytes) -> None:
        if datagram in self._failing:
            raise ConnectionRefusedError
        self.sent.append(datagram)

    def close(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize("limit", range(20, 64))
def test_a_datagram_is_as_full_as_its_limit_allows_and_no_fuller(limit: int) -> None:
    batch = [(create_series("n" * length), 1) for length in range(1, 16)]
    packets = pack(batch, limit, DeliveryCounts())
    texts = [text for text, _ in packets]
    assert b"\n".join(texts).split(b"\n") == [b"n" * length + b":1|c" for length in range(1, 16)]
    assert max(map(len, texts)) <= limit
    for text, following in pairwise(texts):
        assert len(text) + 1 + len(following.split(b"\n")[0]) > limit
    assert sum(samples for _, samples in packets) == 15


@pytest.mark.parametrize(("limit", "left"), [(11, [b"aaaa"]), (12, []), (13, [])])
def test_the_last_datagram_joins_the_first_one_of_the_self_metrics_if_both_fit(limit: int, left: list[bytes]) -> None:
    packets: list[Packet] = [(b"aaaa", 2)]
    own: list[Packet] = [(b"bbbbbbb", 3), (b"c", 1)]
    append_last_packet(packets, own, limit)
    assert [text for text, _ in packets] == left
    assert own == ([(b"bbbbbbb", 3), (b"c", 1)] if left else [(b"aaaa\nbbbbbbb", 5), (b"c", 1)])


def test_a_companion_counts_every_value() -> None:
    companion = create_series("count")
    timing = create_series("duration", TIMING, companion=companion)
    [(text, _)] = pack([(timing, 1.0), (timing, 2.0), (companion, 4), (timing, 3.0)], 1432, DeliveryCounts())
    assert text.split(b"\n") == [b"duration:1.000|ms:2.000|ms:3.000|ms", b"count:7|c"]


def test_a_bucket_counts_the_values_up_to_its_limit() -> None:
    buckets = [(limit, create_series(f"le{limit:g}")) for limit in (1.0, 2.0, 9.0)]
    timing = create_series("duration", TIMING, buckets=buckets)
    [(text, _)] = pack([(timing, value) for value in (9.5, 2.0, 1.5, 2.5)], 1432, DeliveryCounts())
    assert text.split(b"\n")[1:] == [b"le2:2|c", b"le9:3|c"]


def test_what_is_left_at_the_deadline_is_dropped_and_counted() -> None:
    transport, counts = Recording(), DeliveryCounts()
    assert send([(b"a", 2), (b"b", 3)], transport, counts, perf_counter() - 1) is False
    assert (transport.sent, counts.sent, counts.dropped) == ([], 0, {"timeout": 5})


def test_a_datagram_that_is_lost_costs_no_other_one() -> None:
    transport, counts = Recording(failing=(b"b",)), DeliveryCounts()
    assert send([(b"a", 2), (b"b", 3), (b"cc", 4)], transport, counts, perf_counter() + 60) is False
    assert transport.sent == [b"a", b"cc"]
    assert (counts.sent, counts.datagrams, counts.bytes, counts.dropped) == (6, 2, 3, {"refused": 3})
    assert send([(b"a", 2)], transport, counts, perf_counter() + 60) is True


def test_whatever_a_transport_raises_is_counted() -> None:
    class Broken(Recording):
        def send(self, datagram: bytes) -> None:
            raise UnicodeError("a host name that cannot be encoded")

    counts = DeliveryCounts()
    assert send([(b"a", 2)], Broken(), counts, perf_counter() + 60) is False
    assert counts.dropped == {"network": 2}


def test_samples_that_cannot_be_written_are_counted_each() -> None:
    counts = DeliveryCounts()
    assert pack([(create_series("n", TIMING), value) for value in (-1.0, -2.0)], 1432, counts) == []
    assert counts.dropped == {"invalid_value": 2}


def test_a_burst_ends_in_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    transport, pauses = Recording(), []
    monkeypatch.setattr(time, "sleep", lambda seconds: pauses.append((len(transport.sent), seconds)))
    send([(b"a", 1)] * (2 * BURST + 1), transport, DeliveryCounts(), perf_counter() + 60)
    # The default receive buffer of a kernel holds 92 datagrams.
    assert BURST <= 46
    assert pauses == [(BURST, PAUSE_SECONDS), (2 * BURST, PAUSE_SECONDS)]
    assert PAUSE_SECONDS > 0


def test_changes_are_reported_once_and_again_if_the_report_is_lost() -> None:
    counts = DeliveryCounts()
    counts.repeat_changes()
    counts.add_sent(b"a", 5)
    counts.add_dropped("refused", 2)
    assert counts.take_changes() == [("", 5), ("refused", 2)]
    assert counts.take_changes() == []
    counts.add_dropped("refused")
    assert counts.take_changes() == [("refused", 1)]
    counts.add_sent(b"b", 1)
    counts.repeat_changes()
    assert counts.take_changes() == [("", 1), ("refused", 1)]


def test_values_of_one_series_share_lines_across_many_datagrams(running: Agent) -> None:
    client = client_of(running, flush_seconds=60, datagram_bytes=100)
    for number in range(500):
        client.timing("duration", number / 1000.0)
    client.flush()
    datagrams = running.receive()
    client.close()
    assert max(map(len, datagrams)) <= 100
    assert sorted(float(each.value) for each in running.samples()) == [float(number) for number in range(500)]
    assert counted(running, "duration") == sum(range(500))
