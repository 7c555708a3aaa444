from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.servers.process import free_port
from tests.stack.telegraf_aggregates import send, send_tcp
from zemanta_ops.stack.agent.forwarder import Forwarder, ForwardError
from zemanta_ops.stack.agent.server import Agent
from zemanta_ops.stack.sockets import ListenError, listen, show_address

HAS_IPV6 = socket.has_ipv6 and Path("/proc/net/if_inet6").exists()


@pytest.fixture
def agent() -> Iterator[Agent]:
    with Agent(port=0) as agent:
        agent.start()
        yield agent


def test_counts_what_arrives_over_udp(agent: Agent) -> None:
    send(agent.port, "hits,view=home:1|c", "hits,view=home:2|c\nload:1.5|ms\nbroken")

    report = agent.wait_for(lambda report: report.received.datagrams == 2, timeout=5)

    assert report.count("hits", view="home") == 3
    assert report.count("load") == 1
    assert [each.example for each in report.rejected] == ["broken"]
    assert report.received.bytes == len("hits,view=home:1|c" + "hits,view=home:2|c\nload:1.5|ms\nbroken")
    assert report.received.kernel_dropped == 0


def test_an_interval_holds_what_came_since_the_last_one(agent: Agent) -> None:
    send(agent.port, "hits:1|c")
    agent.wait_for(lambda report: report.count("hits") == 1, timeout=5)
    assert agent.next_interval().count("hits") == 1

    send(agent.port, "hits:5|c")
    agent.wait_for(lambda report: report.count("hits") == 6, timeout=5)

    assert agent.next_interval().count("hits") == 5
    assert agent.total().count("hits") == 6


def test_waiting_ends_with_what_is_there_when_the_time_is_over(agent: Agent) -> None:
    assert agent.wait_for(lambda report: report.count("never") > 0, timeout=0.05).series == ()


@pytest.mark.skipif(not HAS_IPV6, reason="this machine has no IPv6")
def test_listens_on_every_address_of_a_host_name_at_one_port() -> None:
    with Agent("localhost", 0) as agent:
        agent.start()
        assert {port for _, port in agent.addresses} == {agent.port}
        for host, port in agent.addresses:
            send(port, "hits:1|c", host=host)

        assert agent.wait_for(lambda report: report.count("hits") == len(agent.addresses), timeout=5).count("hits")


@pytest.mark.skipif(not HAS_IPV6, reason="this machine has no IPv6")
def test_listens_on_ipv6() -> None:
    with Agent("::1", 0) as agent:
        agent.start()
        send(agent.port, "hits:1|c", host="::1")

        assert agent.wait_for(lambda report: report.count("hits") == 1, timeout=5).count("hits") == 1
        assert show_address(*agent.addresses[0]) == f"[::1]:{agent.port}"


def test_takes_lines_over_tcp_however_they_are_cut() -> None:
    with Agent(port=0, protocol="tcp") as agent:
        agent.start()
        send_tcp(agent.port, b"hits:1|c\nhi", b"ts:2|c\n", b"hits:4|c")

        assert agent.wait_for(lambda report: report.count("hits") == 7, timeout=5).count("hits") == 7


def test_a_tcp_client_without_newlines_is_cut_off() -> None:
    with Agent(port=0, protocol="tcp") as agent:
        agent.start()
        with pytest.raises(OSError, match=r"reset|[Bb]roken"):
            send_tcp(agent.port, *(b"x" * 65_536 for _ in range(1000)))


def test_reads_dogstatsd_tags_when_asked() -> None:
    with Agent(port=0, dogstatsd=True) as agent:
        agent.start()
        send(agent.port, "hits:1|c|#view:home")

        assert agent.wait_for(lambda report: report.received.datagrams == 1, timeout=5).count("hits", view="home") == 1


def test_forwards_each_datagram_unchanged(agent: Agent) -> None:
    with closing(Forwarder(f"127.0.0.1:{agent.port}")) as forward, Agent(port=0, forward=forward) as first:
        first.start()
        send(first.port, "hits:1|c\nbroken")

        report = agent.wait_for(lambda report: report.received.datagrams == 1, timeout=5)
        assert (report.count("hits"), report.received.rejected) == (1, 1)


def test_a_dead_receiver_is_counted_with_its_reason_and_nothing_is_raised() -> None:
    with closing(Forwarder(f"127.0.0.1:{free_port()}")) as forward:
        for _ in range(3):
            forward.send(b"hits:1|c")

        assert (forward.sent, forward.failed) == (0, 3)
        assert "refused" in forward.reason


def test_what_tcp_hands_over_at_once_is_forwarded_in_datagrams_of_whole_lines(agent: Agent) -> None:
    lines = b"\n".join(b"hits,number=%d:1|c" % (number % 10) for number in range(10_000))
    with closing(Forwarder(f"127.0.0.1:{agent.port}")) as forward:
        forward.send(lines)

        report = agent.wait_for(lambda report: report.count("hits") == 10_000, timeout=10)
        assert (report.count("hits"), report.received.rejected, forward.failed) == (10_000, 0, 0)
        assert report.received.datagrams == forward.sent == 3


@pytest.mark.parametrize("target", ["", "localhost", "localhost:", ":8125", "localhost:http", "localhost:70000"])
def test_a_target_that_is_not_host_and_port_is_refused(target: str) -> None:
    with pytest.raises(ForwardError, match="host:port"):
        Forwarder(target)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b"])
def test_an_unknown_host_to_forward_to_is_refused(host: str) -> None:
    with pytest.raises(ForwardError, match="cannot be resolved"):
        Forwarder(f"{host}:8125")


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_a_taken_port_is_told_with_a_way_out(protocol: str) -> None:
    with Agent(port=0, protocol=protocol) as other, pytest.raises(ListenError, match=r"in use.*--port"):
        Agent(port=other.port, protocol=protocol)


def test_a_free_port_that_is_taken_on_the_second_address_is_given_up_for_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Two equal addresses imitate a name whose second address has the port taken, as the system picks it at random.
    first = socket.getaddrinfo("127.0.0.1", 0, type=socket.SOCK_DGRAM)[0]
    second = (*first[:4], ("127.0.0.1", 1))
    answers = [[first, second], [first]]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers.pop(0))

    (only,) = listen("two-faced", 0)

    only.close()
    assert answers == []


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("192.0.2.7", "not one of this machine"),
        ("no-such-host.invalid", "cannot be resolved"),
        ("a..b", "cannot be resolved"),
    ],
)
def test_a_host_that_is_elsewhere_is_refused(host: str, words: str) -> None:
    with pytest.raises(ListenError, match=words):
        Agent(host, 0)


@pytest.mark.skipif(not Path("/proc/net/udp").exists(), reason="the kernel does not report it")
def test_datagrams_that_the_kernel_dropped_are_reported() -> None:
    with Agent(port=0) as agent:
        buffer = b"x" * 60_000
        send(agent.port, *(buffer for _ in range(400)))  # nobody reads yet: more than any buffer here holds

        dropped = agent.next_interval().received.kernel_dropped

        assert dropped
        assert agent.total().received.kernel_dropped == dropped
        assert agent.next_interval().received.kernel_dropped == 0


def test_drops_that_could_not_be_read_for_a_moment_are_reported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = iter([5, None, 7])
    monkeypatch.setattr("zemanta_ops.stack.agent.server.count_kernel_drops", lambda _: next(counts))
    with Agent(port=0) as agent:
        assert [agent.next_interval().received.kernel_dropped for _ in range(3)] == [5, None, 2]
