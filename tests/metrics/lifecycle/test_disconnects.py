"""Clients that go away from real servers: their requests are counted once, and their streams are timed to the end."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.metrics.agents import Agent, agent
from tests.metrics.lifecycle.serving import GUNICORN, UVICORN, environment, get
from tests.servers.process import Server, free_port, wait_until

CLIENTS = 3
VIEWS = {"/hang/": "hang", "/stream/": "stream", "/stream-async/": "stream-async"}


def leave(port: int, path: str, server: Server) -> None:
    """Ask, wait for the first bytes of a stream or the beginning of the view, and go away."""
    began = server.log().count("began")
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        if "stream" in path:
            received = b""
            while b"part" not in received:
                received += connection.recv(65536)
        else:
            assert wait_until(lambda: server.log().count("began") > began), server.log()


def heard(listener: Agent, view: str) -> Counter[tuple[str, str]]:
    """Return how many requests and streams of a view were counted, by metric and status."""
    counted: Counter[tuple[str, str]] = Counter()
    for sample in listener.samples():
        if sample.tags.get("view") == view:
            counted[sample.name, sample.tags["status"]] += int(sample.value) if sample.kind == "c" else 1
    return counted


@pytest.mark.parametrize(
    ("command", "path"),
    [
        pytest.param([*UVICORN, "--workers", "1"], "/hang/", id="uvicorn-hang"),
        pytest.param([*UVICORN, "--workers", "1"], "/stream-async/", id="uvicorn-stream-async"),
        pytest.param([*GUNICORN, "--threads", "4"], "/stream/", id="gunicorn-stream"),
    ],
)
def test_a_client_that_leaves_is_counted_once(
    command: Sequence[str], path: str, tmp_path: Path, server_stack: ExitStack
) -> None:
    port = free_port()
    command = [part.replace("PORT", str(port)) for part in command]
    view, status = VIEWS[path], "499" if path == "/hang/" else "200"
    with agent() as listener:
        server = Server("site", command, tmp_path, lambda: get(port) is not None, environment(listener.port, 0.2))
        server_stack.callback(server.stop)
        server.start()
        for _ in range(CLIENTS):
            leave(port, path, server)
        expected = Counter({("http.request.count", status): CLIENTS, ("http.request.duration", status): CLIENTS})
        if "stream" in path:
            expected["http.stream.duration", status] = CLIENTS
        assert wait_until(lambda: heard(listener, view) == expected, 60), (heard(listener, view), server.log()[-2000:])
        server.stop()
        assert heard(listener, view) == expected
