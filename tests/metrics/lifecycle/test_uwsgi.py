"""Requests answered by a real uWSGI equal requests counted by a real Telegraf, with and without threads.

An abrupt end is tested on idle workers: one that is in a request is ended without any exit function being called.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.metrics.lifecycle.collector import Collector
from tests.metrics.lifecycle.serving import MODULE, Site, assert_conserved
from tests.servers.fixtures import StartTelegraf
from tests.servers.process import STOP_SECONDS, wait_until

PROCESSES = 2
REQUESTS = 60
IDLE_SECONDS = 1.0

pytestmark = pytest.mark.second_tier


@pytest.fixture
def uwsgi() -> str:
    """Return the path of uWSGI; if it is not installed, skip the test, or fail it with CI=true."""
    found = shutil.which("uwsgi", path=str(Path(sys.executable).parent))
    if found is None:
        reason = "uWSGI is not installed: python -m pip install --group servers"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return found


def gracefully(site: Site, folder: Path) -> None:
    """End the server when its workers have done what they were doing."""
    (folder / "fifo").write_text("q")
    assert wait_until(site.server.exited, STOP_SECONDS), site.server.log()


def abruptly(site: Site, folder: Path) -> None:
    """End the server at once, with idle workers."""
    assert wait_until(lambda: site.server.log().count("generated 5 bytes") >= site.answered)
    time.sleep(IDLE_SECONDS)
    site.end(signal.SIGTERM)


def workers_up(log: str) -> int:
    """Return how many workers run, by the log of the master."""
    return log.lower().count("spawned uwsgi worker") - log.count("is done. Seeya!")


@pytest.mark.parametrize("end", [gracefully, abruptly])
@pytest.mark.parametrize(
    "options",
    [
        pytest.param([], id="no threads"),
        pytest.param(["--enable-threads"], id="threads enabled"),
        pytest.param(["--threads", "4"], id="4 threads"),
        pytest.param(["--lazy-apps"], id="lazy"),
        pytest.param(["--max-requests", "10", "--min-worker-lifetime", "0"], id="max-requests"),
    ],
)
def test_what_is_queued_is_sent_when_workers_end(
    options: list[str],
    end: Callable[[Site, Path], None],
    uwsgi: str,
    start_telegraf: StartTelegraf,
    tmp_path: Path,
    server_stack: ExitStack,
) -> None:
    collector = Collector(start_telegraf, tmp_path)
    command = [uwsgi, "--http-socket", "127.0.0.1:PORT", "--module", MODULE, "--need-app", "--home", sys.prefix]
    command += ["--master", "--processes", str(PROCESSES), "--die-on-term", *options]
    command += ["--master-fifo", str(tmp_path / "fifo")]
    site = Site(command, collector, tmp_path, server_stack)
    # A worker that still loads the application when the server gets the signal to end does not react.
    assert wait_until(lambda: bool(site.ask(4)) and len({answer.worker for answer in site.answers}) >= 2)
    site.ask(REQUESTS)
    if "--max-requests" in options:
        assert len({answer.worker for answer in site.answers}) > 2
    # A master that sleeps before it makes a worker anew, because they end too fast, forgets the signal to end.
    assert wait_until(lambda: workers_up(site.server.log()) == PROCESSES), site.server.log()
    end(site, tmp_path)
    assert_conserved(site, collector)
