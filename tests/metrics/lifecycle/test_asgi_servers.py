"""Every ASGI server, with and without a sync-only middleware: nothing that it answered is lost, disconnects are 499."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.metrics.agents import Agent, agent, wait_until
from tests.metrics.lifecycle.serving import environment, get
from tests.metrics.lifecycle.test_disconnects import leave
from tests.servers.process import STOP_SECONDS, Server, free_port

REQUESTS = 20
CLIENTS = 2
SITE = "tests.metrics.lifecycle.site"
GUNICORN = ["gunicorn", f"{SITE}:asgi", "--bind", "127.0.0.1:PORT"]
# One process each: what a client leaves must be read by the process that answers another.
COMMANDS = {
    "uvicorn": ["uvicorn", f"{SITE}:asgi", "--lifespan", "off", "--port", "PORT"],
    "hypercorn": ["hypercorn", f"{SITE}:asgi", "--bind", "127.0.0.1:PORT"],
    "hypercorn in the main process": ["hypercorn", f"{SITE}:asgi", "--bind", "127.0.0.1:PORT", "--workers", "0"],
    "daphne": ["daphne", f"{SITE}:asgi", "--port", "PORT"],
    "granian": ["granian", f"{SITE}:asgi", "--interface", "asgi", "--port", "PORT"],
    "gunicorn with uvicorn": [*GUNICORN, "--worker-class", "uvicorn_worker.UvicornWorker"],
    "gunicorn": [*GUNICORN, "--worker-class", "asgi"],
}

pytestmark = pytest.mark.second_tier


def count_requests(listener: Agent) -> Counter[tuple[str, str]]:
    """Return the number of requests by view and status."""
    counted: Counter[tuple[str, str]] = Counter()
    for sample in listener.samples():
        if sample.name == "http.request.count":
            counted[sample.tags["view"], sample.tags["status"]] += int(sample.value)
    return counted


@pytest.mark.parametrize("sync_only", ["", "1"], ids=["async", "sync-only middleware"])
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_what_was_answered_is_counted_and_a_disconnect_is_499(
    command: Sequence[str], sync_only: str, tmp_path: Path, server_stack: ExitStack
) -> None:
    port, answered = free_port(), Counter[tuple[str, str]]()

    def ask() -> bool:
        found = {path: get(port, path) is not None for path in ("/", "/async/")}
        answered.update({("hello", "200"): int(found["/"]), ("hello-async", "200"): int(found["/async/"])})
        return all(found.values())

    with agent() as listener:
        # No flush comes by itself within the test: only the end of the server can send.
        variables = environment(listener.port, 3600, LIFECYCLE_SYNC_ONLY=sync_only)
        arguments = [sys.executable, "-m", *(part.replace("PORT", str(port)) for part in command)]
        server = Server("site", arguments, tmp_path, ask, variables)
        server_stack.callback(server.stop)
        server.start()
        for _ in range(REQUESTS):
            assert ask()
        for _ in range(CLIENTS):
            leave(port, "/hang/", server)
        answered["hang", "499"] = CLIENTS
        # daphne, stopped before, waits forever for a thread of asgiref, also without metrics.
        assert wait_until(lambda: server.log().count("cancelled") == CLIENTS), server.log()
        os.kill(server.pid, signal.SIGTERM)
        assert wait_until(server.exited, STOP_SECONDS), server.log()
        assert wait_until(lambda: count_requests(listener) == answered), (count_requests(listener), answered)
