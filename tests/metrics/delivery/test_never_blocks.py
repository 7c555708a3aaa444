"""With the agent gone or the name server hanging, a request costs a queue put, and what is lost is counted."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.test import AsyncClient, Client, override_settings

from tests.metrics.agents import wait_until
from tests.metrics.delivery.test_forks import in_child
from tests.servers.process import free_port
from zemanta_ops import metrics
from zemanta_ops.metrics.client import Client as MetricsClient
from zemanta_ops.metrics.client import default_client
from zemanta_ops.metrics.options import Options

MIDDLEWARE = "zemanta_ops.metrics.middleware.RequestMetricsMiddleware"
QUEUE = 200
FLUSH_SECONDS = (0.01, 3600)
# Far more than any of it takes, far less than a resolver that hangs.
PATIENCE = 60.0

pytestmark = [
    pytest.mark.urls("tests.metrics.site"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning"),
]


class Resolver:
    """A name server that does not answer until it is let go; only the look-up is not real."""

    def __init__(self) -> None:
        self.asked_by: list[threading.Thread] = []
        self.answer = threading.Event()

    def getaddrinfo(self, *args: Any, **kwargs: Any) -> Any:
        self.asked_by.append(threading.current_thread())
        self.answer.wait(10 * PATIENCE)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    hanging = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", hanging.getaddrinfo)
    values = {"ENABLED": True, "HOST": "agent.example", "QUEUE_SIZE": QUEUE, "FLUSH_SECONDS": 0.05}
    with override_settings(ZEMANTA_OPS={"METRICS": values}, MIDDLEWARE=[MIDDLEWARE]):
        try:
            yield hanging
        finally:
            hanging.answer.set()
            default_client.close()


def within_patience(work: Callable[[], Any]) -> None:
    """Run in a new thread, and fail if it does not return."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert failed == []


def ask(times: int) -> None:
    client = Client()
    for _ in range(times):
        assert client.get("/named/").content == b"ok"


async def ask_async(times: int) -> None:
    client = AsyncClient()
    for _ in range(times):
        assert (await client.get("/async/")).content == b"ok"


@pytest.mark.parametrize(
    "work", [lambda: ask(2 * QUEUE), lambda: asyncio.run(ask_async(2 * QUEUE))], ids=["sync", "async"]
)
def test_requests_are_answered_while_the_name_server_hangs(work: Callable[[], Any], resolver: Resolver) -> None:
    metrics.incr("first")
    assert wait_until(lambda: bool(resolver.asked_by))
    within_patience(work)
    assert not resolver.answer.is_set()
    assert {thread.name for thread in resolver.asked_by} == {"zemanta-ops-metrics"}
    health = metrics.health()
    assert health["queue_depth"] == QUEUE
    assert health["dropped"]["queue_full"] == QUEUE
    # Let go, the flusher counts what it could not send.
    resolver.answer.set()
    assert wait_until(lambda: metrics.health()["dropped"].get("dns", 0) >= QUEUE + 1)


def test_a_flush_with_a_limit_and_a_fork_do_not_wait_for_the_name_server(resolver: Resolver) -> None:
    metrics.incr("first")
    assert wait_until(lambda: bool(resolver.asked_by))
    within_patience(lambda: metrics.flush(timeout=0.1))

    def child() -> None:
        metrics.incr("child")
        assert metrics.health()["queue_depth"] == 1

    within_patience(lambda: in_child(child))
    assert not resolver.answer.is_set()


ENDING = """
import socket, time
socket.getaddrinfo = lambda *args, **kwargs: time.sleep(3600)
from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.options import Options
client = Client(Options(host="agent.example", flush_seconds={}))
client.incr("n")
time.sleep(0.2)
client.incr("n")
"""


@pytest.fixture(scope="module")
def ending() -> Iterator[dict[float, subprocess.Popen[bytes]]]:
    """Start a process for each flush interval: they wait at their ends, at the same time."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with ExitStack() as stack:
        started = {}
        for seconds in FLUSH_SECONDS:
            started[seconds] = subprocess.Popen([sys.executable, "-c", ENDING.format(seconds)], env=environment)
            stack.enter_context(started[seconds])
            stack.callback(started[seconds].kill)
        yield started


@pytest.mark.parametrize("flush_seconds", FLUSH_SECONDS)
def test_a_process_ends_while_the_name_server_hangs(
    flush_seconds: float, ending: dict[float, subprocess.Popen[bytes]]
) -> None:
    assert ending[flush_seconds].wait(PATIENCE) == 0


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_everything_is_counted_while_the_agent_is_gone(protocol: str) -> None:
    port = free_port()
    client = MetricsClient(Options(port=port, protocol=protocol, flush_seconds=0.02, report_seconds=3600))
    for number in range(1000):
        client.incr("n")
        client.gauge("g", number)
    client.close()
    health = client.health()
    # Two samples of its own come with the first flush.
    assert health["sent"] + sum(health["dropped"].values()) == 2002
    assert set(health["dropped"]) <= {"refused"}
    assert health["dropped"]["refused"] > 0
