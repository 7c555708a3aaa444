"""An agent that hangs costs no more than a second at a time, and no line of another datagram."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from zemanta_ops.metrics.delivery import transports
from zemanta_ops.metrics.delivery.transports import CONNECT_SECONDS, TCP, Endpoint

# Far more than any of it takes; without a limit the attempts would hang for minutes.
PATIENCE = 30.0


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    assert CONNECT_SECONDS <= 1.0
    monkeypatch.setattr(transports, "CONNECT_SECONDS", 0.1)


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(PATIENCE)
        yield listening


def within_patience(work: Callable[[], Any], end: Callable[[], object]) -> BaseException | None:
    """Run in a new thread and return what it raised; fail, and call ``end`` to free the thread, if it hangs."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    hangs = thread.is_alive()
    end()
    thread.join(PATIENCE)
    assert not hangs
    return raised[0] if raised else None


def fill(tcp: TCP) -> None:
    """Send until the agent's buffers, and this side's, are full."""
    for number in range(10_000):
        tcp.send(b"%d:" % number + b"x" * 60_000)


def test_after_a_send_that_took_too_long_lines_go_into_a_new_connection(impatient: None, server: socket.socket) -> None:
    tcp = TCP("127.0.0.1", server.getsockname()[1])
    tcp.send(b"first:1|c")
    with server.accept()[0] as hanging:
        assert isinstance(within_patience(lambda: fill(tcp), hanging.close), TimeoutError)
        # Half a line may be in the old connection.
        tcp.send(b"second:1|c")
    with server.accept()[0] as fresh:
        tcp.close()
        assert fresh.makefile("rb").read() == b"second:1|c\n"


def test_an_agent_that_accepts_no_connection_is_given_up(impatient: None) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        # The queue of connections is full, so that the system ignores further ones, as a firewall does.
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        endpoint = Endpoint("127.0.0.1", full.getsockname()[1], socket.SOCK_STREAM, (1.0, 1.0))

        def end() -> None:
            for each in (full, *waiting):
                each.close()

        assert isinstance(within_patience(endpoint.connect, end), TimeoutError)


def test_after_an_outage_the_pauses_begin_anew(server: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(transports, "perf_counter", lambda: clock[0])
    host, port = server.getsockname()
    with socket.create_server((host, 0)) as taken:
        closed = taken.getsockname()[1]
    endpoint = Endpoint(host, closed, socket.SOCK_STREAM, (1.0, 30.0))

    def fail() -> float:
        endpoint._address = (host, closed)
        with pytest.raises(ConnectionRefusedError):
            endpoint.connect()
        pause = endpoint._retry_at - clock[0]
        clock[0] = endpoint._retry_at
        return pause

    assert [fail() for _ in range(3)] == [1.0, 2.0, 4.0]
    endpoint._address = (host, port)
    endpoint.connect().close()
    assert fail() == 1.0


def test_during_a_pause_the_last_error_is_raised_again_without_an_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, asked = [100.0], []

    def refuse(*address: Any, **_: Any) -> Any:
        asked.append(address)
        raise socket.gaierror(socket.EAI_AGAIN, "the name server does not answer")

    monkeypatch.setattr(transports, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    endpoint = Endpoint("agent.example", 8125, socket.SOCK_DGRAM, (1.0, 30.0))
    for now, attempts in ((100.0, 1), (100.9, 1), (101.0, 2), (102.9, 2), (103.0, 3)):
        clock[0] = now
        with pytest.raises(socket.gaierror, match="the name server does not answer"):
            endpoint.connect()
        assert len(asked) == attempts
