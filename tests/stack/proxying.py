"""An HTTP proxy in front of a real server, which removes headers from its answers or delays them.

The second tier has nginx for this; one of a few lines starts at once.
"""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

_ENDS = {"connection", "content-length", "transfer-encoding", "date", "server"}


class Proxy(ThreadingHTTPServer):
    """Passes on every request to ``target``.

    ``before`` and ``after`` are seconds that a request waits on its way, and its answer on the way back.
    """

    daemon_threads = True

    def __init__(self, target: str, hide: tuple[str, ...], before: float, after: float) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.target = target
        self.hidden = _ENDS | {name.lower() for name in hide}
        self.before, self.after = before, after
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Passes on any method."""

    server: Proxy

    def do_GET(self) -> None:
        """Pass the request on, and the answer back."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        time.sleep(self.server.before)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        request = urllib.request.Request(
            f"{self.server.target}{self.path}", body if self.command == "POST" else None, headers, method=self.command
        )
        try:
            answer = urllib.request.urlopen(request, timeout=30)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            content = answer.read()
        time.sleep(self.server.after)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in self.server.hidden:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815  the name that http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name that http.server gives it
        """Keep quiet."""


@contextmanager
def proxying(target: str, *hide: str, before: float = 0.0, after: float = 0.0) -> Iterator[Proxy]:
    """Run a proxy in front of a server."""
    with Proxy(target, hide, before, after) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
