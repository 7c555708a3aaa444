"""What other code does to the sockets and to the resolver of a transport loses no datagram, now or later."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.metrics.agents import agent
from tests.metrics.delivery.test_transports import listener
from zemanta_ops.metrics.delivery.transports import TCP, UDP, find_reason


@contextmanager
def close_number(number: int, folder: Path) -> Iterator[None]:
    os.close(number)
    yield


@contextmanager
def give_number_to_a_file(number: int, folder: Path) -> Iterator[None]:
    file = os.open(folder / "taken", os.O_CREAT | os.O_RDWR)
    os.dup2(file, number)
    os.close(file)
    yield
    # It is still open, and nothing was written into it.
    assert os.fstat(number).st_size == 0
    os.close(number)


@contextmanager
def give_number_to_a_socket(number: int, folder: Path) -> Iterator[None]:
    taken, other = socket.socketpair()
    os.dup2(taken.fileno(), number)
    taken.close()
    other.setblocking(False)
    yield
    with pytest.raises(BlockingIOError):
        other.recv(100)
    os.close(number)
    other.close()


Take = Callable[[int, Path], AbstractContextManager[None]]
TAKEN = pytest.mark.parametrize("take", [close_number, give_number_to_a_file, give_number_to_a_socket])


@TAKEN
def test_udp_opens_a_new_socket_if_the_application_has_closed_it(take: Take, tmp_path: Path) -> None:
    with agent() as running:
        udp = UDP("127.0.0.1", running.port)
        udp.send(b"a:1|c")
        sock = udp._held.get()
        assert sock is not None
        with take(sock.fileno(), tmp_path):
            udp.send(b"b:1|c")
            udp.send(b"c:1|c")
            assert [sample.name for sample in running.samples()] == ["a", "b", "c"]
            udp.close()


@TAKEN
def test_tcp_opens_a_new_connection_if_the_application_has_closed_it(take: Take, tmp_path: Path) -> None:
    with listener() as server:
        tcp = TCP("127.0.0.1", server.getsockname()[1])
        tcp.send(b"a:1|c")
        sock = tcp._held.get()
        assert sock is not None
        with take(sock.fileno(), tmp_path):
            tcp.send(b"b:1|c")
            received = []
            for _ in range(2):
                connection, _address = server.accept()
                connection.settimeout(10)
                received.append(connection.recv(100))
                connection.close()
            assert received == [b"a:1|c\n", b"b:1|c\n"]
            tcp.close()


@TAKEN
def test_a_transport_closes_only_its_own_socket(take: Take, tmp_path: Path) -> None:
    with agent() as running:
        udp = UDP("127.0.0.1", running.port)
        udp.send(b"a:1|c")
        sock = udp._held.get()
        assert sock is not None
        with take(sock.fileno(), tmp_path):
            udp.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_name_is_resolved_if_the_resolver_cannot_start_its_thread(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # gevent's resolver from Python 3.12 on, while the process exits.
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with agent() as running:
        udp = UDP(host, running.port)
        udp.send(b"a:1|c")
        assert [sample.name for sample in running.samples()] == ["a"]
        udp.close()


def test_a_name_that_cannot_be_encoded_counts_as_dns_and_keeps_the_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match="label") as caught:
        UDP("a" * 64 + ".example", 8125).send(b"a:1|c")
    assert find_reason(caught.value) == "dns"

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise UnicodeError("label too long")

    with agent() as running:
        udp = UDP("127.0.0.1", running.port, dns_seconds=0)
        udp.send(b"a:1|c")
        monkeypatch.setattr(socket, "getaddrinfo", refuse)
        udp.send(b"b:1|c")
        assert [sample.name for sample in running.samples()] == ["a", "b"]
        udp.close()
