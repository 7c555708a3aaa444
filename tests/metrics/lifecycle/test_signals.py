"""One SIGTERM handler a process, exit functions that do not pile up, and signal handlers that emit at any moment."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.metrics.agents import agent, counted, wait_until
from tests.metrics.lifecycle.serving import environment, get
from tests.servers.process import Server, free_port

SETUP = """
import asyncio, atexit, os, signal, sys, threading, time
from django.conf import settings
settings.configure(SECRET_KEY="x", ROOT_URLCONF="tests.metrics.site", INSTALLED_APPS=["zemanta_ops"],
    MIDDLEWARE=["zemanta_ops.metrics.middleware.RequestMetricsMiddleware"], ZEMANTA_OPS={"METRICS": {"ENABLED": True}})
import django; django.setup()
from django.core.handlers.asgi import ASGIHandler
from django.test import override_settings
from zemanta_ops import metrics
from zemanta_ops.metrics.client import default_client
async def load(): ASGIHandler()
"""


def run(body: str, port: int, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own, for at most 30 seconds."""
    return subprocess.run(
        [sys.executable, "-c", SETUP + textwrap.dedent(body)],
        env={**environment(port, flush_seconds=3600), "PATH": "/usr/bin", "PYTHONWARNINGS": "ignore", **more},
        cwd=Path.cwd(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_loops_that_are_closed_and_reloads_leave_one_handler_and_the_process_ends_by_the_signal(tmp_path: Path) -> None:
    with agent() as listener:
        done = run(
            """
            before = signal.getsignal(signal.SIGTERM)
            for _ in range(3):
                asyncio.run(load())
            for number in range(300):
                with override_settings(ZEMANTA_OPS={"METRICS": {"ENABLED": True, "TAGS": {"n": number}}}):
                    metrics.incr("reloaded")
                    ASGIHandler()
            print(atexit._ncallbacks() < 20, signal.getsignal(signal.SIGTERM).previous is before)
            metrics.incr("last")
            sys.stdout.flush()
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)
            """,
            listener.port,
            tmp_path,
        )
        assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGTERM, "True True\n", "")
        assert (counted(listener, "reloaded"), counted(listener, "last")) == (300, 1)


@pytest.mark.parametrize(
    ("install", "code", "out"),
    [
        ("lambda *_: (print('mine'), sys.exit(3))", 3, "mine\n"),
        ("signal.SIG_IGN", 0, "lived\n"),
        ("signal.SIG_DFL", -signal.SIGTERM, ""),
    ],
)
def test_the_chain_ends_in_what_was_there_before(install: str, code: int, out: str, tmp_path: Path) -> None:
    with agent() as listener:
        done = run(
            f"""
            signal.signal(signal.SIGTERM, {install})
            asyncio.run(load())
            ASGIHandler()
            metrics.incr("last")
            os.kill(os.getpid(), signal.SIGTERM)
            print("lived")
            """,
            listener.port,
            tmp_path,
        )
        assert (done.returncode, done.stdout) == (code, out), done.stderr
        assert counted(listener, "last") == 1


def test_a_handler_that_emits_every_millisecond_never_hangs_at_any_fill_level(tmp_path: Path) -> None:
    with agent() as listener:
        done = run(
            """
            fired = 0
            def emit(*_):
                global fired
                fired += 1
                metrics.incr("from.handler")
                metrics.gauge(f"gauge.{fired % 7}", fired, n=fired % 3)
                metrics.timing("timing", 0.1)
            signal.signal(signal.SIGALRM, emit)
            signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
            until, sent = time.monotonic() + 3, 0
            while time.monotonic() < until:
                metrics.incr("from.main")
                metrics.incr(f"new.{sent % 900}")
                sent += 1
                if sent % 5000 == 0:
                    default_client.reload()
            signal.setitimer(signal.ITIMER_REAL, 0)
            print(fired > 100, sent > 1000)
            """,
            listener.port,
            tmp_path,
            # Half full after 8 samples: nearly every sample takes the slow way and wakes the flusher.
            ZEMANTA_OPS_METRICS_QUEUE_SIZE="16",
        )
    assert (done.returncode, done.stdout) == (0, "True True\n"), done.stderr


SYNC_ONLY = """
import os
import tests.metrics.lifecycle.site as site
from django.conf import settings
from django.core.asgi import get_asgi_application

def sync_only(get_response):
    return lambda request: get_response(request)

settings.MIDDLEWARE.insert(int(os.environ["AT"]), f"{__name__}.sync_only")
asgi = get_asgi_application()
"""


def test_under_a_sync_only_middleware_nothing_is_lost_and_disconnects_are_499(tmp_path: Path) -> None:
    (tmp_path / "syncsite.py").write_text(SYNC_ONLY)
    port, answered = free_port(), 0
    command = [sys.executable, "-m", "uvicorn", "syncsite:asgi", "--port", str(port), "--lifespan", "off"]
    with agent() as listener:

        def answers() -> bool:
            nonlocal answered
            answer = get(port, "/async/") is not None
            answered += answer
            return answer

        env = environment(listener.port, flush_seconds=3600, AT="1")
        env["PYTHONPATH"] += f":{tmp_path}"
        server = Server("site", command, tmp_path, answers, env)
        server.start()
        try:
            for _ in range(20):
                answers()
            with pytest.raises(TimeoutError):
                _leave(port)
            # The request that was left is recorded when Django has cancelled it.
            assert wait_until(lambda: "cancelled" in server.log()), server.log()
        finally:
            server.stop()

        def by_view(view: str) -> dict[str, float]:
            samples = [each for each in listener.samples() if each.name == "http.request.count"]
            found = [each for each in samples if each.tags["view"] == view]
            return {each.tags["status"]: float(each.value) for each in found}

        assert wait_until(lambda: by_view("hello-async") == {"200": answered}), by_view("hello-async")
        assert by_view("hang") == {"499": 1}


def _leave(port: int) -> None:
    import socket

    with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        connection.sendall(b"GET /hang/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connection.recv(1)
