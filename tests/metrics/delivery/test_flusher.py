"""A flush that fails, a flusher that ends and a fork cost what they were about to send, and nothing after it."""

from __future__ import annotations

import gc
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any
from weakref import WeakSet

import pytest

from tests.metrics.agents import Agent, agent, client_of, counted, wait_until
from tests.metrics.delivery.test_forks import in_child
from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.delivery import buffer as buffers
from zemanta_ops.metrics.delivery.buffer import Buffer
from zemanta_ops.metrics.options import Options

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")

Fork = Callable[[Callable[[], None]], None]


def buffer_of(client: Client) -> Buffer:
    client.health()
    assert client.buffer is not None
    return client.buffer


def put_what_no_flush_can_encode(client: Client) -> None:
    client.put(client.create_series("c", "broken", {}), object())


@pytest.fixture
def client(running: Agent) -> Iterator[Client]:
    created = client_of(running, flush_seconds=60, report_seconds=float("inf"))
    yield created
    created.close()


def test_a_flush_that_fails_does_not_keep_the_next_one_waiting(running: Agent, client: Client) -> None:
    put_what_no_flush_can_encode(client)
    with pytest.raises(TypeError):
        client.flush()
    client.incr("n")
    assert client.flush(timeout=0) is True
    assert counted(running, "n") == 1


class Racing(list[Any]):
    """A queue to which another thread adds a sample while a flush takes what is there."""

    def __init__(self, entries: list[Any], late: list[Any]) -> None:
        super().__init__(entries)
        self.late = late

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        while self.late:
            self.append(self.late.pop())
        return found


def test_a_sample_that_comes_during_a_flush_is_in_the_next_one(running: Agent, client: Client) -> None:
    buffer = buffer_of(client)
    early, late = (client.create_series("c", name, {}) for name in ("early", "late"))
    buffer.queue = Racing([(early, 1)], [(late, 1)])
    for expected in (0, 1, 1):
        client.flush()
        assert (counted(running, "early"), counted(running, "late")) == (1, expected)


def test_a_flush_that_fails_does_not_end_the_flusher(
    running: Agent, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    put_what_no_flush_can_encode(client)
    buffer = buffer_of(client)
    flusher = buffer._thread
    assert flusher is not None
    buffer._wake.put(None)
    assert wait_until(lambda: "A flush of metrics failed" in caplog.text)
    client.incr("n")
    buffer._wake.put(None)
    assert wait_until(lambda: counted(running, "n") == 1)
    assert buffer._thread is flusher


def test_a_buffer_that_was_replaced_leaves_the_queue_to_the_next_one(running: Agent, client: Client) -> None:
    client.incr("before")
    old = buffer_of(client)
    with agent() as other:
        client.reload(Options(port=other.port, flush_seconds=60, report_seconds=float("inf")))
        assert counted(running, "before") == 1
        client.incr("after")
        # As a flusher, or code that kept it, may do at any time.
        assert old.flush() is True
        client.flush()
        assert (counted(running, "after"), counted(other, "after")) == (0, 1)


def test_only_the_buffer_in_use_reports_on_itself(running: Agent) -> None:
    options = Options(port=running.port, flush_seconds=60, report_seconds=0.0)
    client = Client(options)
    old = buffer_of(client)
    assert list(client._self_metrics(old)) != []
    client.reload(options)
    assert list(client._self_metrics(buffer_of(client))) != []
    assert list(client._self_metrics(old)) == []
    client.close()


def test_without_threads_a_flush_that_fails_raises_nothing_into_the_caller(
    running: Agent, caplog: pytest.LogCaptureFixture
) -> None:
    client = client_of(running, flush_seconds=60, queue_size=2, threads=False)
    put_what_no_flush_can_encode(client)
    client.incr("n")
    client.close()
    assert "A flush of metrics failed" in caplog.text
    assert counted(running, "n") == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_flusher_that_has_ended_is_started_again(
    running: Agent, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.incr("lost")
    buffer = buffer_of(client)
    ended = buffer._thread
    assert ended is not None

    def leave(packet: bytes) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(buffer.transport, "send", leave)
        buffer._wake.put(None)
        ended.join(10)
    assert not ended.is_alive()
    assert client.health()["flusher_alive"] is False
    client.incr("n")
    assert client.health()["flusher_alive"] is True
    buffer._wake.put(None)
    assert wait_until(lambda: counted(running, "n") == 1)


@pytest.fixture(params=[True, False], ids=["with hooks", "without hooks"])
def fork(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Fork:
    """Return a function that runs another one in a child, which is forked with Python's hooks or without them.

    Embedders fork without them, and the child finds out with its first sample. Here the hook finds no buffer to clear.
    """

    def fork(child: Callable[[], None]) -> None:
        if not request.param:
            monkeypatch.setattr(buffers, "_buffers", WeakSet())
        in_child(child)

    return fork


def test_a_child_counts_from_zero(running: Agent, client: Client, fork: Fork) -> None:
    for _ in range(5):
        client.incr("parent")
    client.flush()
    buffer_of(client).counts.add_dropped("refused", 3)
    for _ in range(4):
        client.incr("parent")

    def child() -> None:
        client.incr("child")
        client.flush()
        health = client.health()
        assert (health["sent"], health["datagrams"], health["dropped"]) == (1, 1, {})

    fork(child)
    client.flush()
    assert client.health()["sent"] == 9
    assert (counted(running, "parent"), counted(running, "child")) == (9, 1)


def test_a_child_connects_for_itself(fork: Fork) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        port = server.getsockname()[1]
        client = Client(Options(port=port, protocol="tcp", flush_seconds=60, report_seconds=float("inf")))
        client.incr("parent")
        client.flush()

        def child() -> None:
            client.incr("child")
            assert client.flush()

        fork(child)
        client.incr("parent", 2)
        client.flush()
        client.close()
        assert _read_lines(server) == [b"parent:1|c", b"parent:2|c"]
        assert _read_lines(server) == [b"child:1|c"]


def _read_lines(server: socket.socket) -> list[bytes]:
    with server.accept()[0] as connection, connection.makefile("rb") as lines:
        return lines.read().splitlines()


class Hanging:
    """A transport that takes nothing until it is let go."""

    def __init__(self) -> None:
        self.is_sending, self.go_on = threading.Event(), threading.Event()

    def send(self, datagram: bytes) -> None:
        self.is_sending.set()
        self.go_on.wait(60)

    def close(self) -> None:
        """Do nothing."""


EMITS: dict[str, Any] = {
    "incr": lambda client: client.incr("n"),
    "gauge": lambda client: client.gauge("n", 1),
    "timing": lambda client: client.timing("n", 0.5),
    "histogram": lambda client: client.histogram("n", 1),
    "unique": lambda client: client.unique("n", "a"),
}


@pytest.mark.parametrize("emit", EMITS.values(), ids=EMITS)
def test_the_queue_is_bounded_while_the_network_hangs(emit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(Options(queue_size=20, flush_seconds=0.01, report_seconds=float("inf")))
    hanging = Hanging()
    buffer_of(client).transport = hanging
    emit(client)
    assert hanging.is_sending.wait(10)
    for _ in range(100):
        emit(client)
    health = client.health()
    hanging.go_on.set()
    client.close()
    assert (health["queue_depth"], health["dropped"]) == (20, {"queue_full": 80})
    assert client.health()["sent"] == 21


@pytest.mark.parametrize("seconds", [-0.0, 0.0])
def test_a_duration_of_nothing_is_written_without_a_sign(running: Agent, client: Client, seconds: float) -> None:
    # The agent rejects the rest of a line that has a negative value. The second call finds the series and the flusher.
    for _ in range(2):
        client.timing("t", seconds)
        client.emit("ms", "t", seconds)
    client.flush()
    [datagram] = running.receive()
    assert datagram == b"t:" + b":".join([b"0.000|ms"] * 4)


def test_a_wait_of_the_flusher_ends_early_once_the_process_is_about_to_end(running: Agent, client: Client) -> None:
    client.incr("n")
    client.hurry()
    assert wait_until(lambda: counted(running, "n") == 1)
    client.incr("later")
    assert wait_until(lambda: counted(running, "later") == 1)


def test_the_flusher_keeps_no_client_alive(running: Agent) -> None:
    client = client_of(running, flush_seconds=0.01)
    client.incr("n")
    flusher = buffer_of(client)._thread
    assert flusher is not None
    del client

    def has_ended() -> bool:
        gc.collect()
        return not flusher.is_alive()

    assert wait_until(has_ended)
