from __future__ import annotations

import subprocess
import sys
import textwrap
import threading

import pytest

from tests.metrics.agents import Agent, client_of, counted, wait_until


def test_a_sample_after_close_is_sent_inline(running: Agent) -> None:
    client = client_of(running)
    client.incr("n")
    client.close()
    client.incr("n")
    assert counted(running, "n") == 2


SCRIPT = """
import os, signal, sys
from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.options import Options
client = Client(Options(port={port}, flush_seconds=60, report_seconds=3600))
{body}
"""


def run_script(running: Agent, body: str) -> int:
    script = SCRIPT.format(port=running.port, body=textwrap.dedent(body))
    return subprocess.run([sys.executable, "-c", script], timeout=60, check=False).returncode


def test_what_is_queued_at_exit_is_sent(running: Agent) -> None:
    assert run_script(running, "for _ in range(100): client.incr('n')") == 0
    assert counted(running, "n") == 100


def test_sigterm_that_ends_in_exit_sends_what_is_queued(running: Agent) -> None:
    body = """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
    client.incr('n', 5)
    os.kill(os.getpid(), signal.SIGTERM)
    """
    assert run_script(running, body) == 3
    assert counted(running, "n") == 5


def test_the_flusher_itself_sends_what_came_during_its_last_flush(
    running: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(running, flush_seconds=60)
    client.incr("before")
    assert client.buffer is not None
    send, sending, go_on = client.buffer.transport.send, threading.Event(), threading.Event()

    def send_late(packet: bytes) -> None:
        sending.set()
        assert go_on.wait(10)
        send(packet)

    monkeypatch.setattr(client.buffer.transport, "send", send_late)
    client.buffer._wake.put(None)
    assert sending.wait(10)
    client.incr("during")
    # Ended before it could send, as by the handler of a signal that raises.
    client.buffer.close(timeout=0)
    go_on.set()
    assert wait_until(lambda: counted(running, "during") == 1)
    assert counted(running, "before") == 1
