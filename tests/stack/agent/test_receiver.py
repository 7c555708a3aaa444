"""Connections for which the system has no file descriptor."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from zemanta_ops.stack.agent.receiver import Receiver
from zemanta_ops.stack.sockets import listen

resource = pytest.importorskip("resource", reason="a system of POSIX limits the file descriptors of a process")


@contextmanager
def no_more_files() -> Iterator[None]:
    """Let this process open nothing more; what is open stays so."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.open(os.devnull, os.O_RDONLY)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_client_waits_until_there_is_a_file_descriptor_and_nothing_spins_meanwhile() -> None:
    received: list[bytes] = []
    (listener,) = listen("127.0.0.1", 0, "tcp")
    with (
        closing(Receiver([listener], received.append)) as receiver,
        socket.create_connection(listener.getsockname()) as client,
    ):
        client.sendall(b"hits:1|c\n")
        with no_more_files():
            end = time.monotonic() + 0.5
            rounds = 0
            while time.monotonic() < end:
                receiver.poll(end - time.monotonic())
                rounds += 1
        assert rounds <= 2
        assert received == []

        deadline = time.monotonic() + 20
        while not received and time.monotonic() < deadline:
            receiver.poll(1.0)
        assert received == [b"hits:1|c"]
