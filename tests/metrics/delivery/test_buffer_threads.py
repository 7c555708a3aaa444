"""A buffer and its flusher: how long it waits, who flushes if it cannot start, and a close that waits no longer."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import Any

import pytest

from tests.metrics.agents import wait_until
from tests.metrics.delivery.test_buffer_states import SERIES, Kept
from zemanta_ops.metrics.delivery import buffer as buffers
from zemanta_ops.metrics.delivery.buffer import HURRY_SECONDS, Buffer
from zemanta_ops.metrics.delivery.queue import Queue
from zemanta_ops.metrics.options import Options


def buffer_over(transport: Any, **options: Any) -> Buffer:
    return Buffer(Queue([0]), transport, Options(**{"queue_size": 10, "flush_seconds": 3600, **options}))


class Noting(SimpleQueue[None]):
    """Notes how long the flusher would wait, and lets it go on once for each item."""

    def __init__(self) -> None:
        self.waits: list[float | None] = []

    def get(self, block: bool = True, timeout: float | None = None) -> None:
        self.waits.append(timeout)
        super().get()


def test_a_flusher_waits_for_an_interval_and_hardly_at_all_before_the_end() -> None:
    buffer = buffer_over(Kept())
    # The first flush prepares the buffer for this process.
    buffer.flush()
    wake = buffer._wake = Noting()
    buffer.put(SERIES, 1)
    buffer._wake.put(None)
    assert wait_until(lambda: len(wake.waits) == 2)
    buffer.hurry()
    assert wait_until(lambda: len(wake.waits) == 3)
    assert wake.waits == [3600, 3600, HURRY_SECONDS]
    buffer.close()


def test_a_flusher_flushes_in_every_interval() -> None:
    transport = Kept()
    buffer = buffer_over(transport, flush_seconds=0.001)
    buffer.put(SERIES, 1)
    assert wait_until(lambda: len(transport.sent) == 1)
    buffer.put(SERIES, 1)
    assert wait_until(lambda: len(transport.sent) == 2)
    buffer.close()


def test_a_caller_flushes_if_no_thread_can_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    transport = Kept()
    buffer = buffer_over(transport)
    buffer.flush()
    buffer.last_flush_at -= 3600
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        buffer.put(SERIES, 1)
    assert (transport.sent, buffer._mark[0], buffer._thread) == ([b"n:1|c"], 0, None)
    buffer.close()


def test_a_close_does_not_wait_longer_than_it_may() -> None:
    is_sending, go_on = threading.Event(), threading.Event()
    transport = Kept()

    def hang(datagram: bytes) -> None:
        is_sending.set()
        go_on.wait(20)

    transport.send = hang  # type: ignore[method-assign]
    buffer = buffer_over(transport)
    buffer.put(SERIES, 1)
    buffer._wake.put(None)
    assert is_sending.wait(20)
    buffer.close(timeout=0)
    assert buffer._thread is not None
    assert buffer._thread.is_alive()
    # From now on, samples are sent by those who give them.
    assert buffer._mark[0] == 0
    go_on.set()
    buffer._thread.join(20)
    assert buffer.counts.sent == 1


def test_a_flush_in_a_child_sends_nothing_of_its_parent() -> None:
    transport = Kept()
    buffer = buffer_over(transport)
    buffer.put(SERIES, 1)
    buffer.close()
    sent = transport.sent[:]
    # As in a child that was forked without Python's hooks, with what the parent has queued.
    buffer._pid, buffer._closed = -1, False
    buffer.queue.append((SERIES, 5))
    closed = transport.closed
    assert buffer.flush() is True
    assert (transport.sent, buffer.queue, buffer.counts.sent) == (sent, [], 0)
    assert transport.closed == closed + 1


def test_a_caller_that_flushes_does_not_wait_for_another_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []
    monkeypatch.setattr(buffers, "_flush_safely", lambda buffer, timeout=2.0: given.append(timeout))
    buffer = buffer_over(Kept(), threads=False, queue_size=1)
    buffer.put(SERIES, 1)
    assert given == [0]
    buffer.queue.clear()


def test_a_first_sample_after_the_exit_functions_is_sent_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffers, "is_exiting", lambda: True)
    transport = Kept()
    buffer = buffer_over(transport)
    buffer.put(SERIES, 1)
    assert (transport.sent, buffer._thread) == ([b"n:1|c"], None)
