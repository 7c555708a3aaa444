"""Requests answered by real application servers equal requests counted by a real Telegraf, however the server ends."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.metrics.lifecycle.collector import Collector
from tests.servers.fixtures import StartTelegraf
from tests.servers.process import Server, free_port, wait_until

REQUESTS = 120
SITE = "tests.metrics.lifecycle.site"
GUNICORN = [sys.executable, "-m", "gunicorn", f"{SITE}:application", "--workers", "2", "--graceful-timeout", "10"]
UVICORN = [sys.executable, "-m", "uvicorn", f"{SITE}:asgi", "--workers", "2", "--lifespan", "off"]
RECYCLING = ["--max-requests", "15", "--max-requests-jitter", "5"]

# Real servers take seconds to start and to end: most of them belong to the second tier for their time alone.
slow = pytest.mark.second_tier


@pytest.fixture
def collector(start_telegraf: StartTelegraf, tmp_path: Path) -> Collector:
    return Collector(start_telegraf, tmp_path)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as running:
        yield running


def get(port: int, path: str = "/") -> bool:
    """Ask once; whether an answer came."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().read() == b"hello"
    except OSError:
        return False
    finally:
        connection.close()


class Site:
    """A server under test: started on a free port, its answered requests counted."""

    def __init__(self, command: Sequence[str], collector: Collector, folder: Path, stack: ExitStack) -> None:
        self.port = free_port()
        self.answered = 0
        command = [part.replace("PORT", str(self.port)) for part in command]
        environment = {
            "ZEMANTA_OPS_METRICS_PORT": str(collector.port),
            "ZEMANTA_OPS_METRICS_FLUSH_SECONDS": "0.3",
            "PYTHONPATH": str(Path.cwd()),
            "LIFECYCLE_BROKER": str(folder),
        }
        self.server = Server("site", command, folder, self._answers, environment)
        stack.callback(self.server.stop)
        self.server.start()

    def _answers(self) -> bool:
        answer = get(self.port)
        self.answered += answer
        return answer

    def ask(self, times: int, path: str = "/") -> None:
        """Send requests from four threads."""
        with ThreadPoolExecutor(4) as pool:
            self.answered += sum(pool.map(lambda _: get(self.port, path), range(times)))


def conserved(site: Site, collector: Collector) -> bool:
    """Whether every answered request was counted once, by the middleware and by the application."""
    arrived = collector.reaches("http_request_count", site.answered) and collector.reaches("hello", site.answered)
    return arrived and collector.kernel_drops() == 0


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--worker-class", "sync"], id="sync", marks=slow),
        pytest.param(["--worker-class", "gthread", "--threads", "4"], id="gthread"),
        pytest.param(["--worker-class", "gevent"], id="gevent", marks=slow),
        pytest.param(["--worker-class", "sync", "--preload"], id="preload"),
        pytest.param(["--worker-class", "gthread", "--threads", "2", *RECYCLING], id="max-requests", marks=slow),
    ],
)
def test_gunicorn_ends_gracefully(options: list[str], collector: Collector, tmp_path: Path, stack: ExitStack) -> None:
    site = Site([*GUNICORN, "--bind", "127.0.0.1:PORT", *options], collector, tmp_path, stack)
    site.ask(REQUESTS)
    assert site.answered >= REQUESTS
    site.server.stop()
    assert conserved(site, collector)
    if "--preload" in options:
        assert collector.reaches("loaded", 1)


@slow
def test_gunicorns_workers_are_killed_and_lose_at_most_one_interval(
    collector: Collector, tmp_path: Path, stack: ExitStack
) -> None:
    site = Site([*GUNICORN, "--bind", "127.0.0.1:PORT"], collector, tmp_path, stack)
    site.ask(REQUESTS)
    assert conserved(site, collector)
    before = site.answered
    site.ask(10)
    workers = subprocess.check_output(["pgrep", "-P", str(site.server.pid)], text=True).split()
    for pid in workers:
        os.kill(int(pid), signal.SIGKILL)
    assert wait_until(lambda: get(site.port))
    site.answered += 1
    site.server.stop()
    assert wait_until(lambda: collector.total("http_request_count") > before)
    assert before < collector.total("http_request_count") <= site.answered


@pytest.mark.parametrize("path", [pytest.param("/", marks=slow), "/async/"])
def test_uvicorn_with_workers(path: str, collector: Collector, tmp_path: Path, stack: ExitStack) -> None:
    site = Site([*UVICORN, "--port", "PORT"], collector, tmp_path, stack)
    site.ask(REQUESTS, path)
    assert site.answered >= REQUESTS
    site.server.stop()
    assert conserved(site, collector)


@pytest.mark.second_tier
@pytest.mark.parametrize(
    "options", [[], ["--enable-threads"], ["--threads", "4"], ["--lazy-apps"]], ids=["none", "enabled", "4", "lazy"]
)
def test_uwsgi_with_and_without_threads(
    options: list[str], collector: Collector, tmp_path: Path, stack: ExitStack
) -> None:
    uwsgi = shutil.which("uwsgi", path=str(Path(sys.executable).parent))
    if uwsgi is None:
        pytest.skip("uWSGI is not installed: python -m pip install uwsgi")
    home = ["--master", "--processes", "2", "--need-app", "--die-on-term", "--home", sys.prefix]
    site = Site(
        [uwsgi, "--http-socket", "127.0.0.1:PORT", "--module", SITE, *home, *options], collector, tmp_path, stack
    )
    site.ask(REQUESTS)
    # Without threads a worker sends when it is asked again, or when it ends.
    site.server.stop()
    assert conserved(site, collector)


@slow
def test_celerys_prefork_workers_send_before_they_end(
    collector: Collector, tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "broker"
    folder.mkdir()
    environment = {
        "ZEMANTA_OPS_METRICS_PORT": str(collector.port),
        "ZEMANTA_OPS_METRICS_FLUSH_SECONDS": "3600",
        "PYTHONPATH": str(Path.cwd()),
        "LIFECYCLE_BROKER": str(folder),
    }
    send = f"from {SITE} import work; [work.delay() for _ in range(40)]"
    subprocess.run([sys.executable, "-c", send], check=True, env={**os.environ, **environment}, timeout=60)
    command = [sys.executable, "-m", "celery", "-A", f"{SITE}:celery", "worker", "--pool", "prefork"]
    worker = Server("celery", [*command, "--concurrency", "2", "--loglevel", "INFO"], tmp_path, None, environment)
    stack.callback(worker.stop)
    worker.start()
    assert wait_until(lambda: worker.log().count("succeeded in") == 40)
    worker.stop()
    assert collector.reaches("worked", 40)


def test_a_management_command_that_ends_at_once(collector: Collector) -> None:
    code = f"import {SITE}; from django.core.management import call_command; call_command('check')"
    environment = {
        **os.environ,
        "ZEMANTA_OPS_METRICS_PORT": str(collector.port),
        "ZEMANTA_OPS_METRICS_FLUSH_SECONDS": "3600",
    }
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=60, capture_output=True)
    assert time.monotonic() - started < 60
    assert collector.reaches("loaded", 1)
