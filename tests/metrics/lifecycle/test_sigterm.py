"""uvicorn ends by the default action of SIGTERM, which runs no exit function: nothing may be queued by then."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.metrics.lifecycle.serving import environment, get
from tests.servers.process import Server, free_port
from zemanta_ops.stack.agent.server import Agent

SITE = "tests.metrics.lifecycle.site:asgi"
REQUESTS = 20


@pytest.mark.parametrize("options", [[], ["--workers", "2"]], ids=["one", "workers"])
def test_what_is_queued_is_sent_before_uvicorn_ends(options: list[str], tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", SITE, "--port", str(port), "--lifespan", "off", *options]
    with Agent(port=0) as agent:
        agent.start()
        answered = 0

        def answers() -> bool:
            nonlocal answered
            answer = get(port, "/async/") is not None
            answered += answer
            return answer

        # No flush comes by itself within the test, so that only the end of the server can send.
        server = Server("site", command, tmp_path, answers, environment(agent.port, flush_seconds=3600))
        server.start()
        try:
            for _ in range(REQUESTS):
                answers()
        finally:
            server.stop()
        report = agent.wait_for(lambda report: report.count("http.request.count") == answered, timeout=5)
    assert answered > REQUESTS
    assert report.count("http.request.count") == answered
