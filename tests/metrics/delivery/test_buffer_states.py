"""A buffer by itself: when it is due, what it reports, and what a close, a fork and a flush leave of it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from queue import Empty
from typing import Any

import pytest

from zemanta_ops.metrics.delivery import batch
from zemanta_ops.metrics.delivery import buffer as buffers
from zemanta_ops.metrics.delivery.buffer import Buffer
from zemanta_ops.metrics.delivery.queue import Queue
from zemanta_ops.metrics.options import Options
from zemanta_ops.metrics.series.series import COUNTER, Series

SERIES = Series(COUNTER, "n", {}, "n", {}, head=b"n")


class Kept:
    """A transport that keeps what it is given; ``error`` is raised instead."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = 0
        self.error: Exception | None = None

    def send(self, datagram: bytes) -> None:
        if self.error:
            raise self.error
        self.sent.append(datagram)

    def close(self) -> None:
        self.closed += 1


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        for module in (buffers, batch):
            monkeypatch.setattr(module, "perf_counter", lambda: self.now)


Make = Callable[..., tuple[Buffer, Kept]]


@pytest.fixture
def make() -> Iterator[Make]:
    """Return a function that makes a buffer over a queue of its own."""
    made: list[Buffer] = []

    def make(extra: Any = None, **options: Any) -> tuple[Buffer, Kept]:
        transport = Kept()
        given = Options(**{"queue_size": 10, "flush_seconds": 3600, "threads": False, **options})
        made.append(Buffer(Queue([0]), transport, given, extra))
        return made[-1], transport

    yield make
    for buffer in made:
        buffer.close()


def put(buffer: Buffer, times: int) -> None:
    for _ in range(times):
        buffer.put(SERIES, 1)


def test_a_new_buffer_has_sent_nothing(make: Make) -> None:
    buffer, _ = make()
    assert buffer.describe() == {
        "flusher_alive": False,
        "queue_depth": 0,
        "sent": 0,
        "datagrams": 0,
        "bytes": 0,
        "dropped": {},
        "flush_age": None,
        "flush_seconds": 0.0,
    }
    assert buffer.last_depth == 0


def test_a_flush_is_described(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    buffer, transport = make()
    put(buffer, 3)
    transport.send = lambda datagram: setattr(clock, "now", clock.now + 0.5)  # type: ignore[method-assign]
    assert buffer.flush() is True
    buffer.counts.add_dropped("refused", 2)
    clock.now += 7
    put(buffer, 1)
    assert buffer.describe() == {
        "flusher_alive": False,
        "queue_depth": 1,
        "sent": 3,
        "datagrams": 1,
        "bytes": len(b"n:3|c"),
        "dropped": {"refused": 2},
        "flush_age": 7.0,
        "flush_seconds": 0.5,
    }
    assert buffer.last_depth == 3


@pytest.mark.parametrize(("size", "half"), [(10, 5), (11, 6), (1, 1)])
def test_without_threads_half_a_queue_is_flushed(size: int, half: int, make: Make) -> None:
    buffer, transport = make(queue_size=size)
    put(buffer, half - 1)
    assert transport.sent == []
    put(buffer, 1)
    assert transport.sent == [b"n:%d|c" % half]


def test_without_threads_a_flush_is_due_after_its_time(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    buffer, transport = make(flush_seconds=5.0)
    put(buffer, 1)
    clock.now += 4.9
    put(buffer, 1)
    assert transport.sent == []
    clock.now += 0.1
    put(buffer, 1)
    assert transport.sent == [b"n:3|c"]


def test_what_finds_no_room_is_counted(make: Make) -> None:
    buffer, transport = make(threads=True, flush_seconds=3600)
    transport.error = OSError("nothing is sent in this test")
    put(buffer, 1)
    buffer._wake_flusher = lambda: None  # type: ignore[method-assign]
    put(buffer, 12)
    assert (len(buffer.queue), buffer.counts.dropped) == (10, {"queue_full": 3})


def test_half_a_queue_wakes_the_flusher_once(make: Make) -> None:
    buffer, _ = make(threads=True)
    woken = 0
    buffer._start_flusher = lambda: True  # type: ignore[method-assign]
    put(buffer, 9)
    while True:
        try:
            buffer._wake.get_nowait()
        except Empty:
            break
        woken += 1
    assert woken == 1


@pytest.mark.parametrize(
    ("uwsgi", "disabled"),
    [
        (None, False),
        ({}, True),
        ({"http": b":80"}, True),
        ({"threads": b"2"}, False),
        ({b"threads": b"2"}, False),
        ({"enable-threads": True}, False),
        ({b"enable-threads": True}, False),
    ],
)
def test_uwsgi_runs_threads_only_if_it_is_told_to(
    uwsgi: dict[Any, Any] | None, disabled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = type("uwsgi", (), {"opt": uwsgi}) if uwsgi is not None else None
    monkeypatch.setitem(sys.modules, "uwsgi", module)
    assert buffers._threads_are_disabled() is disabled
    monkeypatch.setitem(sys.modules, "uwsgi", object())
    assert buffers._threads_are_disabled() is False


def test_a_flusher_is_a_daemon_with_a_name_and_ends_with_its_buffer(make: Make) -> None:
    buffer, transport = make(threads=True)
    put(buffer, 1)
    flusher = buffer._thread
    assert flusher is not None
    assert (flusher.daemon, flusher.name, buffer.is_alive()) == (True, "zemanta-ops-metrics", True)
    assert buffer._mark[0] == 1
    buffer.close()
    assert (flusher.is_alive(), buffer.is_alive(), buffer._mark[0]) == (False, False, 0)
    assert (transport.sent, transport.closed >= 1) == ([b"n:1|c"], True)


def test_a_mark_alone_is_no_flusher(make: Make) -> None:
    buffer, _ = make()
    buffer._mark[0] = 1
    assert buffer.is_alive() is False


def test_a_sample_after_a_close_is_sent_at_once_and_its_socket_closed(make: Make) -> None:
    buffer, transport = make(threads=True)
    put(buffer, 1)
    buffer.close()
    closed = transport.closed
    put(buffer, 1)
    assert transport.sent == [b"n:1|c"] * 2
    assert transport.closed == closed + 1
    assert buffer._mark[0] == 0


def test_a_buffer_that_took_nothing_is_closed_without_a_flush(make: Make) -> None:
    buffer, transport = make()
    buffer.queue.append((SERIES, 1))
    buffer.close()
    assert (transport.sent, transport.closed) == ([], 0)


def test_a_flusher_that_closes_its_own_buffer_does_not_wait_for_itself(make: Make) -> None:
    buffer, transport = make(threads=True)
    put(buffer, 1)
    ended = threading.Event()

    def close(datagram: bytes) -> None:
        try:
            # As an exit function in the flusher's thread; the flush that runs is its own.
            buffer.close(timeout=0)
        finally:
            ended.set()

    transport.send = close  # type: ignore[method-assign]
    buffer._wake.put(None)
    assert ended.wait(10)
    assert buffer._thread is not None
    buffer._thread.join(10)
    assert not buffer._thread.is_alive()
    assert buffer.counts.sent == 1


def test_a_flush_that_waits_has_its_time_and_one_that_does_not_returns(make: Make) -> None:
    buffer, transport = make()
    put(buffer, 1)
    with buffer._flush_lock:
        assert buffer.flush(timeout=0) is False
        assert buffer.flush(timeout=-1) is False
        assert buffer.flush(timeout=0.01) is False
    assert transport.sent == []
    assert buffer.flush(timeout=0) is True
    assert transport.sent == [b"n:1|c"]
    assert not buffer._flush_lock.locked()


@pytest.mark.parametrize(("timeout", "seconds", "deadline"), [(2.0, 1.0, 102.0), (0.5, 1.0, 101.0), (0.0, 3.0, 103.0)])
def test_a_flush_ends_after_its_time_or_an_interval(
    timeout: float, seconds: float, deadline: float, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    Clock(monkeypatch)
    given: list[float] = []

    def send(packets: Any, transport: Any, counts: Any, end: float) -> bool:
        given.append(end)
        return True

    monkeypatch.setattr(buffers, "send", send)
    buffer, _ = make(flush_seconds=seconds)
    buffer.flush(timeout)
    assert given == [deadline, deadline]


def test_what_a_buffer_reports_about_itself_is_sent_last(make: Make) -> None:
    own = Series(COUNTER, "own", {}, "own", {}, head=b"own")
    asked: list[Buffer] = []

    def extra(buffer: Buffer) -> list[tuple[Series, Any]]:
        asked.append(buffer)
        return [(own, 1)]

    buffer, transport = make(extra)
    put(buffer, 2)
    buffer.flush()
    assert asked == [buffer]
    assert transport.sent == [b"n:2|c\nown:1|c"]


def test_what_could_not_be_reported_is_reported_again(make: Make) -> None:
    own = Series(COUNTER, "own", {}, "own", {}, head=b"own")
    buffer, transport = make(lambda buffer: [(own, change) for _, change in buffer.counts.take_changes()])
    buffer.flush()
    buffer.counts.add_dropped("queue_full", 5)
    transport.error = ConnectionRefusedError()
    buffer.flush()
    transport.error = None
    buffer.flush()
    # The five, and the sample that was to report them.
    assert transport.sent == [b"own:6|c"]


def test_a_child_forgets_what_its_parent_queued_and_counted(make: Make) -> None:
    started, _ = make()
    put(started, 2)
    started.counts.add_dropped("refused", 3)
    started._mark[0] = 1
    untouched, _ = make()
    untouched.queue.append((SERIES, 1))
    buffers._clear_in_child()
    assert (started.queue, started.counts.dropped, started._mark[0]) == ([], {}, 0)
    # It has taken nothing in the parent, so nothing of it is the parent's.
    assert untouched.queue == [(SERIES, 1)]
    untouched.queue.clear()
