"""Stand-ins for what moto does not do: a KMS that throttles or never answers, and the portal of AWS SSO.

A ciphertext of this KMS is the plaintext behind a mark.
"""

from __future__ import annotations

import base64
import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MARK = b"stand-in:"


class Behaviour:
    """What the stand-in does with a request: throttle a share of them, or all above a rate, or stay silent.

    ``requests`` counts them all; ``answers`` are statuses and codes for the next requests, before all else;
    ``odd`` is the answer of a server that is another service.
    """

    def __init__(self, *, throttled: float = 0.0, per_second: float = 0.0, silent: bool = False) -> None:
        self.throttled = throttled
        self.per_second = per_second
        self.silent = silent
        self.requests = 0
        self.answers: list[tuple[int, dict[str, Any]]] = []
        self.odd: dict[str, Any] = {}
        self.released = threading.Event()
        self._random = random.Random(7)
        self._lock = threading.Lock()
        self._tokens, self._filled = per_second / 10, time.monotonic()

    def refuses(self) -> bool:
        """Count a request and decide whether it is throttled."""
        with self._lock:
            self.requests += 1
            if self.per_second:
                now = time.monotonic()
                self._tokens = min(self.per_second / 10, self._tokens + (now - self._filled) * self.per_second)
                self._filled = now
                if self._tokens < 1:
                    return True
                self._tokens -= 1
            return self._random.random() < self.throttled


def ciphertext(plaintext: str) -> str:
    """Return the base64 of what Decrypt answers with this plaintext."""
    return base64.b64encode(MARK + plaintext.encode()).decode()


def error(code: str, message: str = "example-message of a service") -> dict[str, Any]:
    """Return the body of an error in the JSON protocol."""
    return {"__type": code, "message": message}


class _Handler(BaseHTTPRequestHandler):
    behaviour: Behaviour
    protocol_version = "HTTP/1.1"
    # Headers and body leave in one segment: with Nagle's algorithm every answer would take 40 ms.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"]))
        if self.behaviour.odd:
            self._send(200, self.behaviour.odd)
            return
        if b"Action=AssumeRole" in text and not self.behaviour.silent:
            self._refuse_role()
            return
        if self.behaviour.silent:
            self.behaviour.requests += 1
            self.behaviour.released.wait(60)
        elif self.behaviour.answers:
            self._send(*self.behaviour.answers.pop(0))
        elif self.behaviour.refuses():
            self._send(400, error("ThrottlingException"))
        else:
            plaintext = base64.b64decode(json.loads(text)["CiphertextBlob"]).removeprefix(MARK)
            self._send(200, {"KeyId": "example", "Plaintext": base64.b64encode(plaintext).decode()})

    def do_GET(self) -> None:
        """Answer as the endpoint of a container, or GetRoleCredentials of the SSO portal to whoever has its token."""
        expiration = time.time() + 3600
        if self.path.startswith("/container"):
            until = datetime.fromtimestamp(expiration, timezone.utc).isoformat()
            keys = {"AccessKeyId": "example-owner", "SecretAccessKey": "example-owner-key", "Token": "example-session"}
            self._send(200, {**keys, "Expiration": until})
        elif self.headers.get("x-amz-sso_bearer_token") != "example-sso-token":
            self._send(401, error("UnauthorizedException"))
        else:
            keys = {
                "accessKeyId": "example-owner",
                "secretAccessKey": "example-owner-key",
                "sessionToken": "example-session",
            }
            self._send(200, {"roleCredentials": {**keys, "expiration": int(expiration) * 1000}})

    def _send(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        if code := body.get("__type"):
            self.send_header("x-amzn-ErrorType", code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _refuse_role(self) -> None:
        data = (
            b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>example-message</Message></Error></ErrorResponse>"
        )
        self.send_response(403)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Keep standard error quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[str]:
    """Serve on a free port of loopback; yield the URL."""
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"behaviour": behaviour}))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        behaviour.released.set()
        server.shutdown()
        server.server_close()
