"""Outgoing HTTP, with the real libraries against a server on loopback."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest
import requests
import urllib3
from urllib3.connectionpool import HTTPConnectionPool

from zemanta_ops.metrics.instrumentation import http
from zemanta_ops.testing import Recorder

NAME = "http.client.duration"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/")
        else:
            self.send_response(int(self.path.strip("/") or 200))
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET  # noqa: N815  (the library's name)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"127.0.0.1:{httpd.server_port}"
        httpd.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def installed() -> None:
    http.install()


def test_requests_is_timed_once_though_urllib3_is_beneath(server: str, captured_metrics: Recorder) -> None:
    requests.post(f"http://{server}/", timeout=5)
    assert len(captured_metrics.find(NAME)) == 1
    captured_metrics.assert_timing(NAME, method="POST", peer=server, status=200, error=None)


def test_redirects_that_requests_follows_are_part_of_the_call(server: str, captured_metrics: Recorder) -> None:
    requests.get(f"http://{server}/moved", timeout=5)
    assert [record.tags["status"] for record in captured_metrics.find(NAME)] == ["200"]


def test_httpx(server: str, captured_metrics: Recorder) -> None:
    httpx.get(f"http://{server}/404")
    captured_metrics.assert_timing(NAME, method="GET", peer=server, status=404)


async def test_httpx_async_calls_at_the_same_time(server: str, captured_metrics: Recorder) -> None:
    async with httpx.AsyncClient() as client:
        await asyncio.gather(*(client.get(f"http://{server}/{status}") for status in (200, 201, 503)))
    assert sorted(record.tags["status"] for record in captured_metrics.find(NAME)) == ["200", "201", "503"]


def test_urllib3(server: str, captured_metrics: Recorder) -> None:
    with urllib3.PoolManager() as pool:
        pool.request("get", f"http://{server}/204")
    captured_metrics.assert_timing(NAME, method="GET", peer=server, status=204)


def test_a_failed_call_is_timed_and_says_why(captured_metrics: Recorder, unused_tcp_port: int) -> None:
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{unused_tcp_port}/", timeout=5)
    captured_metrics.assert_timing(NAME, status="error", error="ConnectionError")


def test_the_default_port_is_left_out_of_the_peer() -> None:
    assert http._format_peer("https", "api.example.com", 443) == "api.example.com"
    assert http._parse_peer("https://api.example.com:8443/") == "api.example.com:8443"
    assert http._read(lambda: http._parse_peer("http://[broken")) == "unknown"


def test_a_call_after_a_failed_one_is_timed(server: str, captured_metrics: Recorder, unused_tcp_port: int) -> None:
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{unused_tcp_port}/")
    httpx.get(f"http://{server}/")
    assert len(captured_metrics.find(NAME)) == 2


def test_installed_twice_times_once(server: str, captured_metrics: Recorder) -> None:
    http.install()
    requests.get(f"http://{server}/", timeout=5)
    assert len(captured_metrics.find(NAME)) == 1


def test_removed_twice_puts_the_methods_back(server: str, captured_metrics: Recorder) -> None:
    replaced = (requests.Session.send, httpx.Client.send, httpx.AsyncClient.send, HTTPConnectionPool.urlopen)
    http.uninstall()
    http.uninstall()
    back = (requests.Session.send, httpx.Client.send, httpx.AsyncClient.send, HTTPConnectionPool.urlopen)
    assert not set(replaced) & set(back)
    requests.get(f"http://{server}/", timeout=5)
    captured_metrics.assert_not_emitted(NAME)


def test_the_async_method_is_still_seen_as_one() -> None:
    assert inspect.iscoroutinefunction(httpx.AsyncClient.send)


def call(source: object) -> None:
    """Do as a library that is instrumented does."""
    with http._time_call("GET", "api.example.com", source):
        pass


def test_a_call_in_a_context_that_outlived_another_call_is_one_of_its_own(captured_metrics: Recorder) -> None:
    session = object()
    with http._time_call("GET", "api.example.com", session):
        call(session)
        copied = contextvars.copy_context()
    copied.run(call, session)
    assert len(captured_metrics.find(NAME)) == 2


def test_a_call_of_a_thread_that_was_started_during_another_one_is_one_of_its_own(captured_metrics: Recorder) -> None:
    session = object()
    with http._time_call("GET", "api.example.com", session):
        thread = Thread(target=contextvars.copy_context().run, args=(call, session))
        thread.start()
        thread.join()
    assert len(captured_metrics.find(NAME)) == 2


async def test_a_call_of_a_task_that_was_started_during_another_one_is_one_of_its_own(
    captured_metrics: Recorder,
) -> None:
    session = object()
    with http._time_call("GET", "api.example.com", session):
        await asyncio.gather(*(_call_later(session) for _ in range(3)))
        call(session)
    assert len(captured_metrics.find(NAME)) == 4


async def _call_later(session: object) -> None:
    call(session)


@pytest.mark.parametrize(
    ("source", "peer", "is_part"),
    [("same", "api.example.com", True), ("same", "other.example.com", True), ("other", "api.example.com", True),
     ("other", "other.example.com", False)],
)  # fmt: skip
def test_a_call_is_part_of_another_one_by_its_session_or_its_peer(
    source: str, peer: str, is_part: bool, captured_metrics: Recorder
) -> None:
    session = object()
    with (
        http._time_call("GET", "api.example.com", session),
        http._time_call("GET", peer, session if source == "same" else object()),
    ):
        pass
    assert len(captured_metrics.find(NAME)) == (1 if is_part else 2)
