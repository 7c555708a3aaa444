"""Whether something receives what the application sends, and what is known if not. The sockets are real."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from tests.servers.process import free_port
from zemanta_ops.metrics.options import Options
from zemanta_ops.stack.check import agent_hop
from zemanta_ops.stack.check.agent_hop import check_agent
from zemanta_ops.stack.check.hops import ADVICE, Hop


class Sending:
    """A probe that is lost for this reason, or arrives."""

    def __init__(self, lost: str = "") -> None:
        self.lost = lost
        self.sent = 0

    def send(self) -> str:
        self.sent += 1
        return self.lost


@contextmanager
def listening(kind: socket.SocketKind, port: int = 0) -> Iterator[int]:
    """Have a port on loopback for a block."""
    with socket.socket(socket.AF_INET, kind) as bound:
        bound.bind(("127.0.0.1", port))
        if kind == socket.SOCK_STREAM:
            bound.listen(1)
        yield bound.getsockname()[1]


def check(lost: str, port: int, protocol: str = "udp", *, is_local: bool = True, host: str = "127.0.0.1") -> Hop:
    probe: Any = Sending(lost)
    hop = check_agent(probe, Options(host=host, port=port, protocol=protocol), is_local=is_local)
    assert probe.sent == (hop.cause != "agent_full")
    assert hop.name == "agent"
    assert (hop.cause in ADVICE) == (hop.status == "failed")
    assert hop.seconds is not None
    assert 0 <= hop.seconds < 60
    return hop


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_hop, "_RETURN_SECONDS", 0.05)
    monkeypatch.setattr(agent_hop, "_CLOSE_SECONDS", 0.05)
    monkeypatch.setattr(agent_hop, "_CONNECT_SECONDS", 0.05)


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_what_arrives_is_fine(protocol: str, host: str) -> None:
    port = free_port()
    hop = check("", port, protocol, host=host)
    where = f"[::1]:{port}" if host == "::1" else f"127.0.0.1:{port}"
    assert (hop.status, hop.text) == ("ok", f"{protocol} {where} accepts what is sent")


@pytest.mark.parametrize(
    ("lost", "cause", "words"),
    [
        ("refused", "agent_down", "nothing listens on udp 127.0.0.1:{port}"),
        ("dns", "agent_unknown", "the host name 127.0.0.1 cannot be resolved"),
        ("network", "agent_network", "udp 127.0.0.1:{port} cannot be reached: network"),
        ("full", "agent_network", "udp 127.0.0.1:{port} cannot be reached: full"),
    ],
)
@pytest.mark.parametrize("is_local", [True, False])
def test_a_loss_has_a_cause(lost: str, cause: str, words: str, is_local: bool) -> None:
    port = free_port()
    hop = check(lost, port, is_local=is_local)
    assert (hop.status, hop.cause, hop.text) == ("failed", cause, words.format(port=port))


@contextmanager
def accepting(end: Callable[[socket.socket], None]) -> Iterator[int]:
    """Listen over TCP, and do this with the first connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: end(server.accept()[0]), daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(30)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize("end", [socket.socket.close, reset], ids=["closed", "reset"])
def test_an_agent_that_closes_connections_at_once_has_too_many(
    end: Callable[[socket.socket], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_hop, "_CLOSE_SECONDS", 30)
    with accepting(end) as port:
        hop = check("", port, "tcp")
    assert (hop.status, hop.cause) == ("failed", "agent_full")
    assert hop.text.startswith(f"tcp 127.0.0.1:{port} accepts connections and closes them")


@pytest.mark.parametrize("end", [lambda _: None, lambda connection: connection.send(b"hello")], ids=["silent", "talks"])
def test_an_agent_that_keeps_connections_open_is_fine(end: Any) -> None:
    kept = []

    def keep(connection: socket.socket) -> None:
        kept.append(connection)
        end(connection)

    with accepting(keep) as port:
        assert check("", port, "tcp").status == "ok"
    kept[0].close()


def test_an_agent_that_listens_over_the_other_protocol_is_named() -> None:
    with listening(socket.SOCK_STREAM) as port:
        hop = check("refused", port, "udp")
        assert (hop.cause, hop.status) == ("agent_protocol", "failed")
        assert hop.text == f"nothing listens on udp 127.0.0.1:{port}, but something does on tcp {port}"
        # Over TCP it can be asked on another machine too.
        assert check("refused", port, "udp", is_local=False).cause == "agent_protocol"
        assert check("network", port, "udp").cause == "agent_network"
    with listening(socket.SOCK_DGRAM) as port:
        hop = check("refused", port, "tcp")
        assert hop.text == f"nothing listens on tcp 127.0.0.1:{port}, but something does on udp {port}"
        assert check("refused", port, "tcp", is_local=False).cause == "agent_down"


def test_an_agent_that_is_back_soon_ends_again_and_again() -> None:
    with listening(socket.SOCK_DGRAM) as port:
        hop = check("refused", port, "udp")
        assert hop.cause == "agent_restarting"
        assert hop.text.startswith(f"nothing listened on udp 127.0.0.1:{port} for a moment")
        assert check("refused", port, "udp", is_local=False).cause == "agent_down"


def test_an_agent_that_comes_back_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_hop, "_RETURN_SECONDS", 60)
    port, slept = free_port(), []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent:

        def sleep(seconds: float) -> None:
            slept.append(seconds)
            if len(slept) == 3:
                agent.bind(("127.0.0.1", port))

        monkeypatch.setattr(agent_hop, "time", SimpleNamespace(sleep=sleep, monotonic=time.monotonic))
        assert check("refused", port, "udp").cause == "agent_restarting"
    assert slept == [0.05] * 3


def test_connections_that_nobody_accepts_mean_that_the_agent_hangs() -> None:
    with listening(socket.SOCK_STREAM) as port, socket.create_connection(("127.0.0.1", port)):
        hop = check("network", port, "tcp")
        # One of this test, and that of the check itself.
        assert hop.text == f"the program on tcp 127.0.0.1:{port} accepts no more connections: 2 wait for it"
        assert (hop.cause, hop.status) == ("agent_hangs", "failed")
        assert check("network", port, "tcp", is_local=False).cause == "agent_network"
        assert check("network", port, "udp").cause == "agent_network"
    with listening(socket.SOCK_DGRAM) as port, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        # What waits in a socket for datagrams are bytes, not connections.
        sender.sendto(b"n:1|c", ("127.0.0.1", port))
        assert check("network", port, "udp").cause == "agent_network"
