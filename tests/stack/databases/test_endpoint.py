"""One request: what is sent, and what each way in which it fails is called."""

from __future__ import annotations

import http.client
import socket
import ssl
from typing import Any

import pytest

from tests.stack.answering import Answer, answering, in_turn
from zemanta_ops.stack.databases import http as module
from zemanta_ops.stack.databases.errors import DatabaseError
from zemanta_ops.stack.databases.http import Endpoint
from zemanta_ops.stack.databases.urls import split_url
from zemanta_ops.stack.deadlines import DeadlineError

TLS = "the port speaks TLS: the URL should start with https://"


def endpoint(url: str = "http://db.example", **options: Any) -> Endpoint:
    return Endpoint(split_url(url), **options)


def test_a_request_has_path_parameters_body_and_credentials() -> None:
    with answering(in_turn(Answer(206, "body", {"X-Odd": "Value"}))) as server:
        found = endpoint(f"{server.url}/base/", authorization="Basic x").request("POST", "/p", {"a": "b c"}, b"sent")
        bare = endpoint(server.url).request("GET", "/q")
    assert (found.status, found.body, found.headers["x-odd"], bare.status) == (206, b"body", "Value", 206)
    first, second = server.requests
    assert (first.method, first.path, first.body) == ("POST", "/base/p?a=b+c", "sent")
    assert (first.headers["User-Agent"], first.headers["Authorization"]) == ("zemanta-ops", "Basic x")
    assert (second.method, second.path, second.body) == ("GET", "/q", "")
    assert (second.headers["User-Agent"], "Authorization" in second.headers) == ("zemanta-ops", False)


class Connection:
    """A connection that fails at one step."""

    sock = None

    def __init__(self, step: str, error: Exception) -> None:
        self.step, self.error, self.closed = step, error, False

    def _at(self, step: str) -> None:
        if step == self.step:
            raise self.error

    def connect(self) -> None:
        self._at("connect")
        self.sock, self.other = socket.socketpair()

    def request(self, *_: object) -> None:
        self._at("request")

    def getresponse(self) -> None:
        self._at("getresponse")

    def close(self) -> None:
        self.closed = True
        if self.sock is not None:
            self.sock.close()
            self.other.close()


def fail(
    monkeypatch: pytest.MonkeyPatch, step: str, error: Exception, url: str = "http://db.example"
) -> tuple[str, str]:
    failing = Connection(step, error)
    seconds: list[float] = []

    def open_connection(limit: float) -> Any:
        seconds.append(limit)
        return failing

    target = endpoint(url, timeout=1.5)
    monkeypatch.setattr(target, "_open_connection", open_connection)
    with pytest.raises(DatabaseError) as caught:
        target.request("GET", "/")
    assert failing.closed
    assert seconds == [1.5]
    return caught.value.kind, str(caught.value)


def _certificate() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "x")
    error.verify_message = "expired"
    return error


@pytest.mark.parametrize(
    ("step", "error", "expected"),
    [
        ("connect", TimeoutError(), ("blocked", "no answer within 1.5 s")),
        ("request", TimeoutError(), ("timeout", "no answer within 1.5 s")),
        ("getresponse", TimeoutError(), ("timeout", "no answer within 1.5 s")),
        ("connect", _certificate(), ("tls", "the certificate is not accepted: expired")),
        ("connect", ConnectionRefusedError(111, "Connection refused"), ("unreachable", "Connection refused")),
        ("connect", OSError("odd"), ("unreachable", "odd")),
        (
            "getresponse",
            http.client.IncompleteRead(b""),
            ("unreachable", "the connection ended in the middle of the answer"),
        ),
        (
            "getresponse",
            http.client.UnknownProtocol("x"),
            ("foreign", "the server does not speak HTTP (UnknownProtocol)"),
        ),
    ],
)
def test_each_failure_has_its_kind(
    step: str, error: Exception, expected: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fail(monkeypatch, step, error) == expected


@pytest.mark.parametrize(
    ("error", "otherwise"),
    [
        (ConnectionResetError(104, "reset"), ("unreachable", "reset")),
        (ConnectionResetError(), ("unreachable", "")),
        (http.client.BadStatusLine("x"), ("foreign", "the server does not speak HTTP (BadStatusLine)")),
    ],
)
def test_a_connection_that_just_ends_may_want_tls(
    error: Exception, otherwise: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Any, ...]] = []

    def accepts_tls(*given: Any) -> bool:
        asked.append(given)
        return answers

    monkeypatch.setattr(module, "_accepts_tls", accepts_tls)
    for answers in (True, False):
        assert fail(monkeypatch, "getresponse", error) == (("tls", TLS) if answers else otherwise)
    assert fail(monkeypatch, "getresponse", error, "https://db.example") == otherwise
    assert fail(monkeypatch, "getresponse", error, "http://db.example:81") == otherwise
    assert asked == [("db.example", None, 1.5), ("db.example", None, 1.5), ("db.example", 81, 1.5)]


def test_a_request_takes_at_most_the_time_out_of_its_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    target = endpoint(timeout=1.5)
    seconds: list[float] = []

    def open_connection(limit: float) -> Any:
        seconds.append(limit)
        return Connection("connect", OSError("x"))

    monkeypatch.setattr(target, "_open_connection", open_connection)
    for timeout in (None, 0.5, 9.0):
        with pytest.raises(DatabaseError):
            target.request("GET", "/", timeout=timeout)
    assert seconds == [1.5, 0.5, 1.5]


def test_a_connection_has_host_port_and_time_out() -> None:
    for url, default, port in (
        ("http://db.example", 8086, 8086),
        ("http://db.example:1", 8086, 1),
        ("http://x", None, 80),
    ):
        plain = endpoint(url, port=default)._open_connection(2.5)
        assert (type(plain), plain.port, plain.timeout) == (http.client.HTTPConnection, port, 2.5)
        assert plain.host == split_url(url).hostname
    secure = endpoint("https://db.example", port=8443)._open_connection(2.5)
    assert (type(secure), secure.host, secure.port) == (http.client.HTTPSConnection, "db.example", 8443)
    assert secure.timeout == 2.5
    context = secure._context  # type: ignore[attr-defined]
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_a_slow_answer_is_reported_with_twice_the_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fail(monkeypatch, "getresponse", DeadlineError()) == (
        "timeout",
        "the answer was not complete within 3 s",
    )


@pytest.mark.parametrize(
    ("outcome", "accepts"),
    [(True, True), (False, False), (ssl.SSLCertVerificationError(), True), (ssl.SSLError(), False), (OSError(), False)],
)
def test_whether_a_port_accepts_tls(outcome: bool | Exception, accepts: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[Any, ...]] = []

    class Plain:
        def __enter__(self) -> str:
            return "connection"

        def __exit__(self, *_: object) -> None:
            made.append(("closed",))

    def connect(*given: Any) -> Plain:
        made.append(given)
        return Plain()

    def shake_hands(*given: Any) -> bool:
        made.append(given)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(socket, "create_connection", connect)
    monkeypatch.setattr(module, "_shake_hands", shake_hands)
    assert module._accepts_tls("db.example", None, 1.5) is accepts
    assert made == [(("db.example", 80), 1.5), ("connection", "db.example"), ("closed",)]
    made.clear()
    module._accepts_tls("db.example", 81, 1.5)
    assert made[0] == (("db.example", 81), 1.5)
