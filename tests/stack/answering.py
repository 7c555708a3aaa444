"""An HTTP server with canned answers, for what a real InfluxDB does only under duress."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answer:
    """A status with body and headers; ``product`` is the header that is in every answer of the server, or none."""

    status: int = 204
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    product: str = "X-Influxdb-Version"


@dataclass
class Request:
    """What came in."""

    method: str
    path: str
    body: str
    headers: dict[str, str]


class Server(ThreadingHTTPServer):
    """Keeps the requests and asks ``answer`` for each."""

    def __init__(self, answer: Callable[[Request], Answer]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.requests: list[Request] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Answers any method."""

    server: Server

    def do_GET(self) -> None:
        """Take a request, give the answer."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        request = Request(self.command, self.path, body, dict(self.headers.items()))
        self.server.requests.append(request)
        answer = self.server.answer(request)
        self.send_response(answer.status)
        product = {answer.product: "1.8.10"} if answer.product else {}
        for name, value in {"Content-Length": str(len(answer.body.encode())), **product, **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body.encode())

    do_POST = do_GET  # noqa: N815  the name that http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name that http.server gives it
        """Keep quiet."""


@contextmanager
def answering(answer: Callable[[Request], Answer]) -> Iterator[Server]:
    """Run a server whose answers come from a function."""
    with Server(answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def in_turn(*answers: Answer) -> Callable[[Request], Answer]:
    """Return a function that gives each answer once, and the last one for ever."""
    remaining = list(answers)
    return lambda _: remaining.pop(0) if len(remaining) > 1 else remaining[0]


@contextmanager
def never_taken() -> Iterator[int]:
    """Return a port whose connections are never taken, as behind a firewall.

    The queue of a listener that accepts nothing is soon full; then the kernel ignores further ones.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, socket.socket() as one, socket.socket() as two:
        for each in (one, two):
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
