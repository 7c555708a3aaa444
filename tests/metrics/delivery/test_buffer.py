from __future__ import annotations

import os
import signal
import sys
import threading
import types
from typing import Any

import pytest

from tests.metrics.agents import Agent, agent, client_of, counted, wait_until
from tests.servers.process import free_port
from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.options import Options


def test_the_flusher_starts_with_the_first_sample_and_sends_by_itself(running: Agent) -> None:
    client = client_of(running)
    assert not any(thread.name == "zemanta-ops-metrics" for thread in threading.enumerate() if thread.is_alive())
    client.incr("n")
    assert wait_until(lambda: counted(running, "n") == 1)
    assert client.health()["flusher_alive"] is True
    client.close()
    assert client.health()["flusher_alive"] is False


def test_counters_are_summed_gauges_keep_the_last_and_timings_share_lines(running: Agent) -> None:
    client = client_of(running, flush_seconds=60)
    for number in range(1000):
        client.incr("n", 2)
        client.gauge("g", number)
        client.timing("t", 0.0012, view="home")
    client.flush()
    datagrams = running.receive()
    assert len(datagrams) <= 8
    assert max(map(len, datagrams)) <= 1432
    samples = running.samples()
    assert [sample.value for sample in samples if sample.name in "ng"] == [2000, 999.0]
    assert [sample.value for sample in samples if sample.name == "t"] == [1.2] * 1000
    assert client.health()["sent"] == 3000 + 2
    client.close()


def test_a_gauges_changes_keep_their_order(running: Agent) -> None:
    client = client_of(running, flush_seconds=60)
    for value, delta in ((5, True), (10, False), (-30, True)):
        client.gauge("g", value, delta=delta)
    client.flush()
    assert [(sample.value, sample.delta) for sample in running.samples()] == [(0.0, False), (-20.0, True)]
    client.gauge("g", 5, delta=True)
    client.flush()
    assert [(sample.value, sample.delta) for sample in running.samples()][2:] == [(5.0, True)]
    client.close()


def test_a_full_queue_drops_and_counts() -> None:
    with agent() as running:
        client = client_of(running, queue_size=10, flush_seconds=60, threads=False)
        client.flush()
        client._queue.entries.extend([(client.create_series("c", "n", {}), 1)] * 10)
        for _ in range(5):
            client.incr("n")
        assert client.health()["dropped"] == {"queue_full": 5}
        client.close()
        assert counted(running, "n") == 10


def test_half_a_queue_wakes_the_flusher(running: Agent) -> None:
    client = client_of(running, queue_size=100, flush_seconds=60)
    for _ in range(51):
        client.incr("n")
    assert wait_until(lambda: counted(running, "n") >= 50)
    client.close()
    assert counted(running, "n") == 51


def test_without_threads_the_caller_flushes_by_age(running: Agent) -> None:
    client = client_of(running, threads=False, flush_seconds=3600)
    client.incr("n")
    before = threading.active_count()
    client.incr("n")
    assert client.buffer
    assert client.buffer.queue, "not due yet"
    client.buffer.last_flush_at -= 3600
    client.incr("n")
    assert counted(running, "n") == 3
    assert threading.active_count() == before
    client.close()


def test_uwsgi_without_threads_flushes_inline(running: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    # The module that uWSGI puts into its workers; the lifecycle tests run the real server.
    monkeypatch.setitem(sys.modules, "uwsgi", types.SimpleNamespace(opt={"http": b":80"}))
    client = client_of(running)
    client.incr("n")
    assert client.health()["flusher_alive"] is False
    client.close()
    assert counted(running, "n") == 1


@pytest.mark.parametrize("method", ["start", "__init__"])
def test_where_no_thread_can_start_the_caller_flushes(
    method: str, running: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: threading.Thread, *_: Any, **__: Any) -> None:
        # An isolated subinterpreter refuses to create a daemon thread; a system without room refuses to start one.
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, method, refuse)
    client = client_of(running)
    client.incr("n")
    client.close()
    assert counted(running, "n") == 1


def test_signal_handlers_and_finalizers_may_emit(running: Agent) -> None:
    client = client_of(running)

    class Closing:
        def __del__(self) -> None:
            client.incr("deleted")

    previous = signal.signal(signal.SIGUSR1, lambda *_: client.incr("signalled"))
    try:
        for _ in range(200):
            os.kill(os.getpid(), signal.SIGUSR1)
            client.incr("n")
            Closing()
    finally:
        signal.signal(signal.SIGUSR1, previous)
    client.close()
    assert [counted(running, name) for name in ("n", "signalled", "deleted")] == [200, 200, 200]


def test_a_flush_gives_up_on_a_flush_that_hangs(running: Agent) -> None:
    client = client_of(running, flush_seconds=60)
    client.incr("n")
    assert client.buffer is not None
    with client.buffer._flush_lock:
        assert client.flush(timeout=0.01) is False
        assert client.buffer.flush(timeout=0) is False
    assert client.flush() is True
    client.close()


def test_threads_may_emit_at_once(running: Agent) -> None:
    client = client_of(running)

    def work() -> None:
        for _ in range(2000):
            client.incr("n")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.close()
    assert counted(running, "n") == 16_000


def test_nobody_listening_is_counted_and_never_raised() -> None:
    client = Client(Options(port=free_port(), flush_seconds=60))
    for _ in range(10):
        client.incr("n")
    client.flush()
    health = client.health()
    assert health["sent"] == 0
    assert health["dropped"]["refused"] >= 10
    client.close()


def test_a_host_that_does_not_resolve_is_counted_and_never_raised() -> None:
    client = Client(Options(host="agent.invalid", flush_seconds=60))
    client.incr("n")
    client.incr("n")
    client.flush()
    assert client.health()["dropped"]["dns"] >= 2
    client.close()


def test_the_emitter_reports_on_itself(running: Agent) -> None:
    client = client_of(running, flush_seconds=60, report_seconds=0.0)
    client.incr("n", 3)
    client.incr("")
    client.flush()
    client.flush()
    text = b"\n".join(running.receive()).decode()
    for part in (
        "zemanta_ops.queue.depth:2|h",
        "zemanta_ops.flush.duration:",
        "zemanta_ops.dropped,reason=invalid_name:1|c",
    ):
        assert part in text
    assert "zemanta_ops.sent:" in text
    client.close()


def test_a_line_that_fits_no_datagram_is_counted(running: Agent) -> None:
    client = client_of(running, datagram_bytes=64, flush_seconds=60)
    tags: dict[str, Any] = {f"key{number}": "x" * 30 for number in range(5)}
    for emit in (client.incr, client.timing, client.gauge, client.unique):
        emit("n", 1, **tags)
    client.incr("fits")
    client.flush()
    assert client.health()["dropped"] == {"too_long": 4}
    assert counted(running, "fits") == 1
    client.close()
