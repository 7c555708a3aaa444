"""What a failing answer means, and how often and how long a request is tried again."""

from __future__ import annotations

import math
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import pytest

from tests.stack.answering import Answer, Request, answering, in_turn
from zemanta_ops.stack.databases import ONCE, DatabaseError, Retry, connect
from zemanta_ops.stack.databases.errors import TRANSIENT, Kind, classify_answer
from zemanta_ops.stack.databases.http import Endpoint, encode_basic


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (401, "", "unauthorized"),
        (403, "", "forbidden"),
        (404, "", "missing"),
        (413, "Request Entity Too Large", "too_large"),
        (429, "", "overloaded"),
        (503, "", "overloaded"),
        (500, "", "server"),
        (599, "", "server"),
        (400, "", "refused"),
        (499, "", "refused"),
        (403, "not authorized to execute", "forbidden"),
        (400, "insufficient permissions for write", "forbidden"),
        (400, "unauthorized access", "unauthorized"),
        (400, "authorization failed", "unauthorized"),
        (500, 'database not found: "x"', "missing"),
        (400, 'retention policy not found: "x"', "missing"),
        (400, "could not find bucket", "missing"),
        (400, "partial write: max-series-per-database limit exceeded", "limit"),
        (400, "partial write: max-values-per-tag limit exceeded", "limit"),
        (500, "write: no space left on device", "disk_full"),
        (503, "the storage is in read-only mode", "disk_full"),
        (400, "unsupported path requested", "wrong_path"),
        (400, "missing route for /x", "wrong_path"),
        (400, "no dbrp mapping found", "missing"),
    ],
)
def test_an_answer_means_a_kind_of_failure(status: int, text: str, kind: Kind) -> None:
    error = classify_answer(status, text)
    assert (error.kind, error.status) == (kind, status)
    assert str(error) == (text or f"HTTP status {status}")


@pytest.mark.parametrize(("text", "seconds"), [("7", 7.0), ("", 0.0), (None, 0.0), ("Wed, 21 Oct 2026", 0.0)])
def test_only_a_number_of_seconds_to_wait_is_read(text: str | None, seconds: float) -> None:
    assert classify_answer(503, "", text).retry_after == seconds


class Failing:
    """A request that fails so often; ``error`` is how."""

    def __init__(self, times: int, error: DatabaseError) -> None:
        self.left, self.error, self.tried = times, error, 0

    def __call__(self) -> str:
        self.tried += 1
        if self.left:
            self.left -= 1
            raise self.error
        return "done"


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds of each wait, which takes no time, with no jitter."""
    found: list[float] = []
    monkeypatch.setattr(time, "sleep", found.append)
    monkeypatch.setattr("random.uniform", lambda *_: 1.0)
    return found


RETRY = Retry(attempts=5, first=0.5, longest=3.0)


@pytest.mark.parametrize(
    ("retry_after", "expected"), [(0.0, [0.5, 1.0, 2.0, 3.0]), (1.5, [1.5, 1.5, 2.0, 3.0]), (60.0, [3.0] * 4)]
)
def test_each_wait_is_twice_the_one_before_within_bounds(
    retry_after: float, expected: list[float], waits: list[float]
) -> None:
    request = Failing(4, DatabaseError("overloaded", "later", retry_after=retry_after))
    assert RETRY.call(request) == "done"
    assert (waits, request.tried) == (expected, 5)


def test_the_last_failure_is_raised_without_a_wait(waits: list[float]) -> None:
    request = Failing(9, DatabaseError("server", "it failed"))
    with pytest.raises(DatabaseError, match="it failed"):
        RETRY.call(request)
    assert (request.tried, len(waits)) == (5, 4)


@pytest.mark.parametrize("kind", ["unauthorized", "forbidden", "missing", "refused", "tls", "limit", "disk_full"])
def test_what_cannot_succeed_is_not_tried_again(kind: Kind, waits: list[float]) -> None:
    request = Failing(1, DatabaseError(kind, "no"))
    with pytest.raises(DatabaseError):
        RETRY.call(request)
    assert (request.tried, waits) == (1, [])
    assert kind not in TRANSIENT


@pytest.mark.parametrize(("left", "tried"), [(0.4, 1), (0.6, 2), (math.inf, 3)])
def test_nothing_is_waited_for_beyond_the_deadline(left: float, tried: int, waits: list[float]) -> None:
    request = Failing(2, DatabaseError("timeout", "no answer"))
    now = time.monotonic()
    retry = Retry(attempts=9, first=0.5, longest=1.0)
    if tried < 3:
        with pytest.MonkeyPatch.context() as patch, pytest.raises(DatabaseError):
            # Each wait passes at once, and counts.
            patch.setattr(time, "monotonic", lambda: now + sum(waits))
            retry.call(request, now + left)
    else:
        retry.call(request, now + left)
    assert request.tried == tried


@pytest.mark.parametrize(
    ("base", "path"), [("", "/ping"), ("/", "/ping"), ("/influx", "/influx/ping"), ("/influx/", "/influx/ping")]
)
def test_the_path_of_the_url_goes_before_that_of_a_request(base: str, path: str) -> None:
    with answering(in_turn(Answer())) as server:
        Endpoint(urlsplit(server.url + base)).request("GET", "/ping", {"a": "b c"})
        Endpoint(urlsplit(server.url + base), authorization=encode_basic("u", "p")).request("POST", "/ping", body=b"x")
    first, second = server.requests
    assert (first.path, first.headers.get("Authorization")) == (f"{path}?a=b+c", None)
    assert (second.path, second.headers["Authorization"], second.body) == (path, "Basic dTpw", "x")


@contextmanager
def raw_answering(at_once: bytes, slowly: bytes, *, closes: bool = True) -> Iterator[str]:
    """Answer one request with these bytes, the second part one byte at a time, and close it; yield the URL."""
    ended = threading.Event()

    def answer() -> None:
        connection, _ = server.accept()
        with connection, suppress(OSError):
            connection.recv(4096)
            connection.sendall(at_once)
            for byte in slowly:
                if ended.wait(0.05):
                    return
                connection.sendall(bytes([byte]))
            if not closes:
                ended.wait(60)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            ended.set()
            thread.join()


@pytest.mark.parametrize(
    ("at_once", "slowly"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b" " * 1000),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n", b" " * 1000),
        (b"HTTP/1.0 200 OK\r\n\r\n", b" " * 1000),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x" * 1000),
        (b"", b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 1000),
    ],
)
def test_an_answer_that_comes_byte_by_byte_is_given_up(at_once: bytes, slowly: bytes) -> None:
    with (
        raw_answering(at_once, slowly) as url,
        pytest.raises(DatabaseError, match=r"not complete within 0\.4 s") as raised,
    ):
        Endpoint(urlsplit(url), timeout=0.2).request("GET", "/ping")
    assert raised.value.kind == "timeout"


# The beginning of a record of 16 KB with the answer to a handshake.
RECORD = b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc"


@pytest.mark.parametrize("slowly", [b"", b"\x03" * 10_000], ids=["never", "byte by byte"])
def test_a_handshake_of_tls_that_does_not_end_is_given_up_and_not_called_a_firewall(slowly: bytes) -> None:
    with raw_answering(RECORD, slowly, closes=False) as url, pytest.raises(DatabaseError, match=r"0\.2 s") as raised:
        Endpoint(urlsplit(url.replace("http:", "https:")), timeout=0.2).request("GET", "/ping")
    assert raised.value.kind == "timeout"


@pytest.mark.parametrize("options", [{"database": "d"}, {"bucket": "b", "org": "o", "token": "example"}], ids=str)
@pytest.mark.parametrize("method", ["read_version", "verify", "read_retention", "verify_writing"])
def test_no_request_of_a_database_waits_for_one_byte_after_the_other(options: dict[str, str], method: str) -> None:
    head = b"HTTP/1.1 200 OK\r\nX-Influxdb-Version: 1\r\nContent-Length: 1000\r\n\r\n"
    with (
        raw_answering(head, b" " * 1000) as url,
        connect(url, timeout=0.2, retry=ONCE, **options) as database,
        pytest.raises(DatabaseError, match=r"not complete within 0\.4 s") as raised,
    ):
        getattr(database, method)()
    assert raised.value.kind == "timeout"


def test_an_answer_that_takes_a_while_is_read_to_its_end() -> None:
    with raw_answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"whole") as url:
        assert Endpoint(urlsplit(url), timeout=5.0).request("GET", "/ping").body == b"whole"


def test_a_request_leaves_no_thread_behind() -> None:
    """The clock of each request would otherwise run on for twice the time-out."""
    before = set(threading.enumerate())
    with answering(in_turn(Answer())) as server:
        Endpoint(urlsplit(server.url), timeout=300.0).request("GET", "/ping")
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive()


def test_an_answer_that_breaks_off_is_not_another_server() -> None:
    with (
        raw_answering(b'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"results"', b"") as url,
        pytest.raises(DatabaseError, match="ended in the middle of the answer") as raised,
    ):
        Endpoint(urlsplit(url), timeout=5.0).request("GET", "/ping")
    assert raised.value.kind == "unreachable"


def test_without_a_user_there_is_no_authorization() -> None:
    assert encode_basic("", "example-password") == ""


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(503, '{"error": "cannot now"}'), "overloaded"),
        (Answer(403, '{"error": "not authorized"}'), None),
        (Answer(400, '{"error": "refused"}'), None),
    ],
)
def test_a_limit_that_cannot_be_asked_for_is_unknown_unless_the_database_fails(
    answer: Answer, kind: Kind | None
) -> None:
    def choose(request: Request) -> Answer:
        return answer

    with answering(choose) as server, connect(server.url, database="d", retry=ONCE) as database:
        if kind is None:
            assert database.read_series_usage() is None
            return
        with pytest.raises(DatabaseError) as raised:
            database.read_series_usage()
    assert raised.value.kind == kind
