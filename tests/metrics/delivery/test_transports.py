from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.metrics.agents import agent, wait_until
from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.delivery import transports
from zemanta_ops.metrics.delivery.transports import TCP, UDP, create_transport, find_reason
from zemanta_ops.metrics.options import Options


@contextmanager
def listener(port: int = 0) -> Iterator[socket.socket]:
    """Run a TCP agent for a block."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", port))
        server.listen()
        server.settimeout(10)
        yield server


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")
def test_udp_over_ipv6() -> None:
    with agent(socket.AF_INET6, "::1") as running:
        client = Client(Options(host="::1", port=running.port, flush_seconds=60))
        client.incr("n")
        client.flush()
        assert [sample.name for sample in running.samples()] == ["n"]
        client.close()


def test_udp_recovers_when_the_agent_comes_back() -> None:
    with agent() as running:
        port = running.port
    udp = UDP("127.0.0.1", port)
    with pytest.raises(ConnectionRefusedError):
        udp.send(b"a:1|c")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as back:
        back.bind(("127.0.0.1", port))
        back.settimeout(10)
        udp.send(b"b:1|c")
        assert back.recv(100) == b"b:1|c"
    udp.close()


def test_the_name_is_resolved_again_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with agent() as first, agent() as second:
        targets = iter([first.port, second.port])
        resolve = socket.getaddrinfo

        # A name server that changes its mind; the sockets are real.
        def getaddrinfo(host: str, port: int, **kwargs: Any) -> Any:
            return resolve("127.0.0.1", next(targets), **kwargs)

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        udp = UDP("agent.example", 8125, dns_seconds=0)
        udp.send(b"a:1|c")
        udp.send(b"b:1|c")
        udp.close()
        assert (first.receive(), second.receive()) == ([b"a:1|c"], [b"b:1|c"])


def test_a_dead_name_server_is_not_asked_for_every_datagram(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, **kwargs: Any) -> Any:
        asked.append(host)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    udp = UDP("agent.example", 8125)
    for _ in range(5):
        with pytest.raises(socket.gaierror):
            udp.send(b"a:1|c")
    assert asked == ["agent.example"]


def test_a_datagram_that_is_too_long_for_the_network_is_refused() -> None:
    with agent() as running:
        udp = UDP("127.0.0.1", running.port)
        with pytest.raises(OSError, match=r"Message too long"):
            udp.send(b"x" * 70_000)
        udp.send(b"a:1|c")
        assert running.receive() == [b"a:1|c"]
        udp.close()


def test_tcp_sends_lines_and_reconnects_after_a_loss() -> None:
    with listener() as server:
        port = server.getsockname()[1]
        tcp = TCP("127.0.0.1", port, backoff=(0.05, 0.1))
        tcp.send(b"a:1|c")
        assert _received(server) == b"a:1|c\n"
    assert wait_until(lambda: _is_refused(tcp))
    with pytest.raises(OSError, match="refused"):
        tcp.send(b"b:1|c")
    with listener(port) as server:
        assert wait_until(lambda: not _is_refused(tcp))
        assert _received(server).startswith(b"again")
    tcp.close()


def test_tcp_loses_nothing_where_the_agent_has_closed_the_connection_between_two_sends() -> None:
    with listener() as server:
        tcp = TCP("127.0.0.1", server.getsockname()[1])
        for text in (b"a:1|c", b"b:1|c"):
            tcp.send(text)
            assert _received(server) == text + b"\n"  # and closes it
        tcp.close()


def _received(server: socket.socket) -> bytes:
    with server.accept()[0] as connection:
        return connection.recv(1000)


def _is_refused(tcp: TCP) -> bool:
    try:
        tcp.send(b"again:1|c")
    except OSError:
        return True
    return False


def test_an_endpoint_pauses_longer_after_each_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    with listener() as server:
        port = server.getsockname()[1]
    clock = [100.0]
    monkeypatch.setattr("zemanta_ops.metrics.delivery.transports.perf_counter", lambda: clock[0])
    endpoint = transports.Endpoint("127.0.0.1", port, socket.SOCK_STREAM, (1.0, 4.0))
    pauses = []
    for _ in range(4):
        with pytest.raises(ConnectionRefusedError):
            endpoint.connect()
        pauses.append(endpoint._retry_at - clock[0])
        clock[0] = endpoint._retry_at
    assert pauses == [1.0, 2.0, 4.0, 4.0]


def test_a_client_over_tcp() -> None:
    with listener() as server:
        client = Client(Options(port=server.getsockname()[1], protocol="tcp", flush_seconds=60, report_seconds=3600))
        client.incr("n", 3)
        client.flush()
        assert b"n:3|c\n" in _received(server)
        client.close()


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (socket.gaierror(socket.EAI_NONAME, "unknown"), "dns"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "refused"),
        (OSError(errno.EMSGSIZE, "long"), "too_long"),
        (BlockingIOError(errno.EAGAIN, "full"), "full"),
        (OSError(errno.ENETUNREACH, "unreachable"), "network"),
    ],
)
def test_a_loss_has_a_reason(error: OSError, name: str) -> None:
    assert find_reason(error) == name


class FullOnce:
    """A socket whose buffer is full for the first datagram: real ones on loopback drop at the receiver instead."""

    def __init__(self, error: type[OSError]) -> None:
        self.errors = [error(errno.EAGAIN, "first")]
        self.sent: list[bytes] = []

    def send(self, datagram: bytes) -> int:
        if self.errors:
            raise self.errors.pop()
        self.sent.append(datagram)
        return len(datagram)


@pytest.mark.parametrize("error", [BlockingIOError, ConnectionRefusedError])
def test_a_full_buffer_or_an_old_refusal_is_tried_once_more(error: type[OSError]) -> None:
    fake: Any = FullOnce(error)
    transports._send_datagram(fake, b"a:1|c")
    assert fake.sent == [b"a:1|c"]


def test_a_refusal_that_is_reported_later_is_raised() -> None:
    udp = UDP("127.0.0.1", 1)
    with pytest.raises(OSError, match=r"did not take|refused"):
        udp.send(b"a:1|c")
    udp.close()


def test_protocols_by_name() -> None:
    assert isinstance(create_transport("tcp", "h", 1), TCP)
    assert isinstance(create_transport("udp", "h", 1), UDP)


def test_a_failing_look_up_does_not_forget_a_healthy_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    with agent() as listener:
        transport = UDP("localhost", listener.port, dns_seconds=0.0)
        monkeypatch.setattr(socket, "getaddrinfo", _answering([("127.0.0.1", listener.port)]))
        transport.send(b"a:1|c")
        monkeypatch.setattr(socket, "getaddrinfo", _failing)
        for _ in range(5):
            transport.send(b"a:1|c")
        assert wait_until(lambda: len(listener.receive()) == 6)
        transport.close()


def test_an_agent_that_restarts_while_the_name_server_is_down_is_reached_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with agent() as listener:
        port = listener.port
        transport = UDP("localhost", port, dns_seconds=3600)
        monkeypatch.setattr(socket, "getaddrinfo", _answering([("127.0.0.1", port)]))
        transport.send(b"a:1|c")
    monkeypatch.setattr(socket, "getaddrinfo", _failing)
    for _ in range(2):
        with pytest.raises(OSError, match="refused"):
            transport.send(b"lost:1|c")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind(("127.0.0.1", port))
        again.settimeout(5)
        transport.send(b"b:1|c")
        assert again.recv(100) == b"b:1|c"
    transport.close()


def test_a_datagram_that_is_too_long_is_not_the_fault_of_its_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    with agent() as listener, agent() as other:
        asked = _answering([("127.0.0.1", listener.port), ("127.0.0.1", other.port)])
        monkeypatch.setattr(socket, "getaddrinfo", asked)
        transport = UDP("several", listener.port)
        for text in (b"a:1|c", b"b:1|c"):
            transport.send(text)
            with pytest.raises(OSError, match="Message too long"):
                transport.send(b"x" * 70_000)
        assert (listener.receive(), other.receive()) == ([b"a:1|c", b"b:1|c"], [])
        transport.close()


@pytest.mark.parametrize("dead", [1, 2])
def test_a_name_with_several_addresses_ends_at_the_agent_that_listens(
    dead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with agent() as listener:
        hosts = [*("127.0.0.2", "127.0.0.3")[:dead], "127.0.0.1"]
        targets = [(host, listener.port) for host in hosts]
        monkeypatch.setattr(socket, "getaddrinfo", _answering(targets))
        transport = UDP("several", listener.port)
        for number in range(6):
            try:
                transport.send(b"a:%d|c" % number)
            except OSError:
                assert number < dead
        assert wait_until(lambda: len(listener.receive()) == 6 - dead)
        transport.close()


def _answering(targets: list[tuple[str, int]]) -> Callable[..., Any]:
    return lambda *_, **__: [(socket.AF_INET, socket.SOCK_DGRAM, 0, "", target) for target in targets]


def _failing(*_: Any, **__: Any) -> Any:
    raise socket.gaierror(socket.EAI_AGAIN, "the name server does not answer")
