"""Servers that end by the default action of SIGTERM, which runs no exit function: nothing may be queued by then."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from tests.metrics.agents import agent, counted
from tests.metrics.lifecycle.serving import environment, get
from tests.metrics.lifecycle.test_signals import run
from tests.servers.process import Server, free_port
from zemanta_ops.stack.agent.server import Agent

SITE = "tests.metrics.lifecycle.site:asgi"
REQUESTS = 20
UVICORN = ["-m", "uvicorn", SITE, "--lifespan", "off", "--port", "PORT"]
# The servers of WSGI that leave SIGTERM alone, as waitress and cheroot do, from Python and Django alone.
WSGIREF = """
from wsgiref.simple_server import make_server
from tests.metrics.lifecycle.site import application
make_server("127.0.0.1", PORT, application).serve_forever()
"""
RUNSERVER = """
import tests.metrics.lifecycle.site
from django.core.management import call_command
call_command("runserver", "127.0.0.1:PORT", use_reloader=False, skip_checks=True)
"""


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        pytest.param(UVICORN, "/async/", id="uvicorn"),
        pytest.param([*UVICORN, "--workers", "2"], "/async/", id="uvicorn-workers"),
        pytest.param(["-c", WSGIREF], "/", id="wsgiref"),
        pytest.param(["-c", RUNSERVER], "/", id="runserver"),
    ],
)
def test_what_is_queued_is_sent_before_a_server_ends(arguments: list[str], path: str, tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, *(argument.replace("PORT", str(port)) for argument in arguments)]
    with Agent(port=0) as agent:
        agent.start()
        answered = 0

        def answers() -> bool:
            nonlocal answered
            answer = get(port, path) is not None
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


@pytest.mark.parametrize(
    ("before", "kept"),
    [
        # Servers of WSGI that handle it leave through atexit.
        ("signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))", True),
        ("signal.signal(signal.SIGTERM, signal.SIG_IGN)", True),
        # A program that embeds Python, which knows nothing of its handlers.
        ("import ctypes; ctypes.CDLL(None).signal(15, ctypes.cast(ctypes.CDLL(None).abort, ctypes.c_void_p))", True),
        ("sys.modules['mod_wsgi'] = sys", True),
        ("sys.modules['uwsgi'] = sys", True),
        ("pass", False),
    ],
)
def test_a_handler_of_a_server_of_wsgi_stays_alone(before: str, kept: bool, tmp_path: Path) -> None:
    done = run(
        f"""
        from django.core.handlers.wsgi import WSGIHandler
        {before}
        found = signal.getsignal(signal.SIGTERM)
        WSGIHandler()
        WSGIHandler()
        print(signal.getsignal(signal.SIGTERM) is found)
        """,
        9,
        tmp_path,
    )
    assert (done.returncode, done.stdout) == (0, f"{kept}\n"), done.stderr


def test_a_child_of_a_server_of_wsgi_ends_by_the_signal(tmp_path: Path) -> None:
    with agent() as listener:
        done = run(
            """
            from django.core.handlers.wsgi import WSGIHandler
            WSGIHandler()
            metrics.incr("parent")
            pid = os.fork()
            if pid == 0:
                metrics.incr("child")
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(20)
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
            """,
            listener.port,
            tmp_path,
        )
        assert (done.returncode, done.stdout) == (0, f"{-signal.SIGTERM}\n"), done.stderr
        assert (counted(listener, "parent"), counted(listener, "child")) == (1, 1)
