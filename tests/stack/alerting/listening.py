"""A receiver on loopback that answers as it is told: with a status, a redirect, slowly, never, or not at all."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HANG = 0
DRIP = -1


@dataclass
class Reply:
    """A status, or HANG or DRIP; and the rest of the answer."""

    status: int = 202
    headers: dict[str, str] = field(default_factory=dict)
    body: str = "{}"


@dataclass
class Posted:
    """What came in, and how it was answered."""

    path: str
    headers: dict[str, str]
    raw: bytes
    status: int

    @property
    def body(self) -> Any:
        """The JSON that was sent."""
        return json.loads(self.raw)


class Listener(ThreadingHTTPServer):
    """Keeps what it gets. It answers with what is queued in ``replies``, then with ``reply``."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.posted: list[Posted] = []
        self.replies: deque[Reply] = deque()
        self.reply = Reply()
        self.ended = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"

    @property
    def taken(self) -> list[Posted]:
        """What it accepted."""
        return [each for each in self.posted if 200 <= each.status < 300]


class Handler(BaseHTTPRequestHandler):
    """Answers any POST."""

    server: Listener

    def do_POST(self) -> None:
        """Keep the request and answer it."""
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        reply = self.server.replies.popleft() if self.server.replies else self.server.reply
        self.server.posted.append(Posted(self.path, dict(self.headers.items()), raw, reply.status))
        if reply.status == HANG:
            self.server.ended.wait(30)
            return
        if reply.status == DRIP:
            self._drip()
            return
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(reply.body.encode())), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body.encode())

    def _drip(self) -> None:
        """Send one byte of a header at a time, for ever."""
        try:
            self.wfile.write(b"HTTP/1.1 202 Accepted\r\nX-Slow: ")
            while not self.server.ended.wait(0.05):
                self.wfile.write(b"x")
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@contextmanager
def listening(port: int = 0) -> Iterator[Listener]:
    """Run a listener."""
    listener = Listener(port)
    thread = threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        listener.ended.set()
        listener.shutdown()
        listener.server_close()
        thread.join()
