"""What this machine shows of the program on the port; a shell with its name and its socket takes its place."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.metrics.agents import wait_until
from tests.servers.process import free_port
from zemanta_ops.stack.check import agent_process
from zemanta_ops.stack.check.agent_config import AgentConfig
from zemanta_ops.stack.check.agent_process import AgentProcess, ListenerWatch, find_agent_process, is_local
from zemanta_ops.stack.sockets import PortSocket

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows who has a port")

Start = Callable[..., tuple[int, int, str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts a program with a UDP socket: its process, port and inode."""
    with ExitStack() as stack:

        def start(name: str, *arguments: str) -> tuple[int, int, str]:
            program = tmp_path / name
            program.symlink_to("/bin/sh")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
                bound.bind(("127.0.0.1", 0))
                process = stack.enter_context(
                    subprocess.Popen(
                        [program, "-c", "echo; read line", "--config", "telegraf.conf", *arguments],
                        cwd=tmp_path,
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        pass_fds=[bound.fileno()],
                    )
                )
                stack.callback(os.kill, process.pid, signal.SIGCONT)
                assert process.stdout is not None
                process.stdout.readline()
                return process.pid, bound.getsockname()[1], str(os.fstat(bound.fileno()).st_ino)

        yield start


@linux
def test_telegraf_is_found_with_its_configuration_and_what_it_has_not_read(start: Start, tmp_path: Path) -> None:
    (tmp_path / "telegraf.conf").write_text("[agent]\nhostname = 'web-1'\n")
    pid, port, inode = start("telegraf")
    found = find_agent_process("udp", port)
    config = AgentConfig(flush_seconds=10.0, hostname="web-1", has_internal=False, outputs=[])
    if sys.version_info < (3, 11):
        config = AgentConfig()
    assert found == AgentProcess(frozenset([inode]), 0, pid, "telegraf", is_stopped=False, config=config)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"n:1|c", ("127.0.0.1", port))
    assert wait_until(lambda: (now := find_agent_process("udp", port)) is not None and now.waiting > 0)
    os.kill(pid, signal.SIGSTOP)
    assert wait_until(lambda: (now := find_agent_process("udp", port)) is not None and now.is_stopped)


@linux
@pytest.mark.parametrize("name", ["nginx", "a (b) c", "b\udcffd"])
def test_the_configuration_of_another_program_is_not_read(name: str, start: Start, tmp_path: Path) -> None:
    (tmp_path / "telegraf.conf").write_text("[agent]\nhostname = 'web-1'\n")
    pid, port, inode = start(name)
    shown = name.replace("\udcff", "\ufffd")
    assert find_agent_process("udp", port) == AgentProcess(frozenset([inode]), 0, pid, shown)


@linux
@pytest.mark.parametrize(
    ("arguments", "name", "writes"),
    [
        (["watch_metrics"], "watch_metrics", False),
        (["watch_metrics", "--write"], "watch_metrics", True),
        (["watch_metrics", "--w"], "watch_metrics", True),
        (["watch_metrics", "--"], "watch_metrics", False),
        (["watch_metrics", "--writes"], "watch_metrics", False),
        (["emit_gauges"], "python", True),
    ],
)
def test_watch_metrics_is_known_by_its_arguments(arguments: list[str], name: str, writes: bool, start: Start) -> None:
    _, port, _ = start("python", *arguments)
    found = find_agent_process("udp", port)
    assert found is not None
    assert (found.name, found.writes) == (name, writes)


def test_a_port_that_nobody_has_has_no_program() -> None:
    assert find_agent_process("udp", free_port()) is None


@linux
def test_a_connection_is_not_a_program_that_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert find_agent_process("tcp", port) is not None
        with socket.create_connection(("127.0.0.1", port)):
            connection = server.accept()[0]
            server.close()
            assert find_agent_process("tcp", port) is None
            connection.close()


@linux
def test_of_a_program_of_another_user_only_its_socket_is_known(monkeypatch: pytest.MonkeyPatch, start: Start) -> None:
    def refuse(path: Path) -> Any:
        raise PermissionError(path)

    _, port, inode = start("telegraf")
    monkeypatch.setattr(Path, "iterdir", refuse)
    assert find_agent_process("udp", port) == AgentProcess(frozenset([inode]))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"n:1|c", ("127.0.0.1", port))
    assert wait_until(lambda: (now := find_agent_process("udp", port)) is not None and now.waiting > 0)


@linux
@pytest.mark.parametrize("error", [ProcessLookupError, None])
def test_a_program_that_ends_meanwhile_has_no_name(
    error: type[OSError] | None, monkeypatch: pytest.MonkeyPatch, start: Start
) -> None:
    pid, port, inode = start("telegraf")
    read = Path.read_text

    def fail(path: Path, *arguments: Any, **options: Any) -> str:
        if path.name == "stat" and error:
            raise error(path)
        return "" if path.name == "stat" else read(path, *arguments, **options)

    monkeypatch.setattr(Path, "read_text", fail)
    assert find_agent_process("udp", port) == AgentProcess(frozenset([inode]), pid=pid)


@pytest.mark.parametrize(
    ("host", "local"), [("127.0.0.1", True), ("203.0.113.1", False), ("a" * 64, False), ("localhost", True)]
)
def test_an_address_is_local_if_this_machine_has_it(host: str, local: bool) -> None:
    assert is_local(host) is local


@pytest.mark.parametrize(
    ("addresses", "local"),
    [(["198.51.100.1", "127.0.0.1"], True), (["198.51.100.1", "203.0.113.1"], False), ([], False)],
)
def test_a_name_is_local_if_one_of_its_addresses_is(
    addresses: list[str], local: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [(socket.AF_INET, socket.SOCK_DGRAM, 0, "", (address, 0)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert is_local("agent.example") is local


class Watched:
    """A port whose sockets and clock a test sets: real sockets need seconds to be stuck."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sockets: list[PortSocket] = []
        self.asked: list[tuple[str, int]] = []
        self._now = 100.0
        monkeypatch.setattr(agent_process, "read_port_sockets", self._read)
        monkeypatch.setattr(agent_process, "time", SimpleNamespace(monotonic=lambda: self._now))
        self.watch = ListenerWatch("udp", 8125, is_local=True)

    def _read(self, protocol: str, port: int) -> list[PortSocket]:
        self.asked.append((protocol, port))
        return self.sockets

    def look(self, *sockets: tuple[str, int], after: float = 0.5) -> bool:
        """Look at sockets, each with what waits in it, a time later; return whether they are stuck."""
        self.sockets = [PortSocket(inode, is_listening=True, waiting=waiting) for inode, waiting in sockets]
        self._now += after
        self.watch.look()
        return self.watch.is_stuck


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch)


def test_a_port_is_stuck_if_something_waits_for_a_second(watched: Watched) -> None:
    assert [watched.look(("1", waiting)) for waiting in (0, 10, 10, 10, 10)] == [False, False, False, True, True]
    assert watched.asked == [("udp", 8125)] * 5
    # Read once, the time begins again.
    assert [watched.look(("1", waiting)) for waiting in (0, 10, 10, 10)] == [False, False, False, True]
    assert watched.watch.changes == 0


def test_one_of_several_sockets_that_is_not_read_is_stuck(watched: Watched) -> None:
    assert [watched.look(("1", 0), ("2", 5), after=1.0) for _ in range(2)] == [False, True]


@pytest.mark.parametrize(
    ("owners", "changes"),
    [([], 0), (["1", "1"], 0), (["1", "2"], 1), (["1", "", "1"], 2), (["1", "1", "2", "2", "3"], 2), (["12", "21"], 0)],
)
def test_the_sockets_that_take_the_port_one_after_another_are_counted(
    owners: list[str], changes: int, watched: Watched
) -> None:
    for inodes in owners:
        watched.look(*((inode, 0) for inode in inodes))
    assert watched.watch.changes == changes


def test_a_connection_that_comes_and_goes_is_no_change(watched: Watched) -> None:
    watched.look(("1", 0))
    watched.sockets = [*watched.sockets, PortSocket("2", is_listening=False, waiting=0)]
    watched.watch.look()
    assert watched.watch.changes == 0


def test_another_machine_is_not_looked_at(watched: Watched) -> None:
    watch = ListenerWatch("udp", 8125, is_local=False)
    watch.look()
    assert (watched.asked, watch.changes, watch.is_stuck) == ([], 0, False)
