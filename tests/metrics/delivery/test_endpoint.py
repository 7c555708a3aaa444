"""How an address is found and connected to."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from tests.metrics.agents import agent
from zemanta_ops.metrics.delivery.transports import TCP, UDP, Endpoint, create_transport, find_reason

DATAGRAM = socket.SOCK_DGRAM


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(30)
        yield listening


def fail_with(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object, **__: object) -> Any:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)


def connect(host: str, port: int) -> socket.socket:
    return Endpoint(host, port, DATAGRAM, (1.0, 1.0)).connect()


def test_a_socket_is_connected_and_does_not_block() -> None:
    with agent() as listener, connect("127.0.0.1", listener.port) as sock:
        assert sock.getpeername() == ("127.0.0.1", listener.port)
        assert sock.type == DATAGRAM
        assert sock.getblocking() is False


def test_while_gevent_cannot_resolve_this_thread_does(monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(monkeypatch, RuntimeError("cannot start new thread"))
    with agent() as listener, connect("127.0.0.1", listener.port) as sock:
        assert sock.getpeername() == ("127.0.0.1", listener.port)
        assert sock.type == DATAGRAM


def test_a_name_that_cannot_be_encoded_is_one_that_is_unknown() -> None:
    with pytest.raises(socket.gaierror) as raised:
        connect("a" * 64 + ".example", 8125)
    assert raised.value.errno == socket.EAI_NONAME
    assert raised.value.strerror
    assert raised.value.strerror != "None"
    assert find_reason(raised.value) == "dns"


def test_a_name_without_addresses_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [])
    with pytest.raises(OSError, match="the name has no address") as raised:
        connect("agent.example", 8125)
    assert raised.value.errno == errno.EADDRNOTAVAIL


def test_the_name_is_resolved_once_in_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve, asked = socket.getaddrinfo, []

    def count(*arguments: Any, **more: Any) -> Any:
        asked.append(arguments)
        return resolve(*arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", count)
    with agent() as listener:
        udp = UDP("127.0.0.1", listener.port)
        for _ in range(3):
            udp.send(b"a:1|c")
        udp.close()
    assert asked == [("127.0.0.1", listener.port)]


@pytest.mark.parametrize(("protocol", "kind"), [("udp", "UDP"), ("tcp", "TCP")])
def test_a_transport_goes_to_the_host_and_port_that_it_is_given(protocol: str, kind: str) -> None:
    transport: Any = create_transport(protocol, "agent.example", 1234)
    assert type(transport).__name__ == kind
    assert transport._endpoint._address == ("agent.example", 1234)


def test_a_connection_that_was_reset_is_replaced_before_anything_is_sent(server: socket.socket) -> None:
    tcp = TCP("127.0.0.1", server.getsockname()[1])
    tcp.send(b"a:1|c")
    first, _ = server.accept()
    # Closed in this way, it is reset: the next read of the other side is an error.
    first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    first.close()
    tcp.send(b"b:1|c")
    with server.accept()[0] as second:
        tcp.close()
        assert second.makefile("rb").read() == b"b:1|c\n"
