from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.commands.watching import LISTENING, ROOT, command, watching
from tests.stack.telegraf_aggregates import send
from zemanta_ops.stack.agent.server import Agent

LINES = (
    "http.request.duration,host=web-1,method=GET,status=200,view=home:1.5|ms:2.5|ms\n"
    "http.request.count,host=web-1,method=GET,status=200,view=home:2|c\n"
    "broken\x1b[31m"
)


def test_json_ends_with_one_document_of_all_that_was_counted() -> None:
    with watching("--json", "--count", "3") as (process, port):
        send(port, LINES)
        out, _ = process.communicate(timeout=20)

    (total,) = map(json.loads, out.splitlines())
    assert process.returncode == 0
    assert total["kind"] == "total"
    assert total["received"]["values"] == 3
    assert total["rejected"][0]["reason"]
    counts = {each["name"]: each["count"] for each in total["series"]}
    assert counts == {"http.request.count": 2, "http.request.duration": 2}
    assert total["series"][1]["tags"] == {"host": "web-1", "method": "GET", "status": "200", "view": "home"}
    assert total["series"][1]["fields"]["mean"] == 2


def test_json_with_an_interval_has_a_document_an_interval_too() -> None:
    with watching("--json", "--interval", "0.2") as (process, port):
        send(port, LINES)
        assert process.stdout
        documents = [json.loads(process.stdout.readline())]
        process.send_signal(signal.SIGTERM)
        documents += map(json.loads, process.communicate(timeout=20)[0].splitlines())

    assert process.returncode == 0
    assert [each["kind"] for each in documents] == ["interval"] * (len(documents) - 1) + ["total"]
    counted = [sum(series["count"] for series in each["series"]) for each in documents]
    assert sum(counted[:-1]) == counted[-1] == 4


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_with_the_totals(number: signal.Signals) -> None:
    with watching("--interval", "60") as (process, port):
        send(port, LINES)
        process.send_signal(number)
        out, err = process.communicate(timeout=20)

    assert process.returncode == 0
    assert "Traceback" not in err
    assert "method=GET view=home status=200" in out
    assert "every series has: host=web-1" in out


def test_plain_lines_show_figures_and_what_was_rejected_with_escapes_made_harmless() -> None:
    with watching("--count", "3", "--percentiles", "50,99.9") as (process, port):
        send(port, LINES)
        out, _ = process.communicate(timeout=20)

    assert "http.request.duration method=GET view=home status=200  timing n=2" in out
    assert "mean=2 p50=2.50 p99.9=2.50 max=2.50ms" in out
    assert "counter value=2 n=2" in out
    assert r"rejected 1: no value: the line has no colon: broken\x1b[31m" in out
    assert "\x1b" not in out


def test_once_ends_after_one_interval_and_for_after_its_time() -> None:
    for arguments in (["--once", "--interval", "0.1"], ["--for", "0.1"]):
        with watching("--json", *arguments) as (process, _):
            out, _err = process.communicate(timeout=20)
        assert process.returncode == 0
        assert json.loads(out.splitlines()[-1])["series"] == []


def test_too_few_values_in_time_is_an_exit_code_of_its_own() -> None:
    with watching("--for", "0.1", "--count", "3") as (process, _):
        _, err = process.communicate(timeout=20)

    assert process.returncode == 4
    assert "0 of 3 values arrived in 0.1 s" in err


def test_a_taken_port_is_an_exit_code_of_its_own() -> None:
    with Agent(port=0) as other:
        done = subprocess.run(**command("--port", str(other.port)), capture_output=True, text=True, timeout=20)

    assert done.returncode == 3
    assert f"127.0.0.1:{other.port}" in done.stderr
    assert "in use" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [["--interval", "0"], ["--for", "nan"], ["--percentiles", "101"], ["--count", "0"], ["--forward", "nowhere"]],
)
def test_wrong_arguments_are_refused_in_words(arguments: list[str]) -> None:
    done = subprocess.run(**command("--port", "0", *arguments), capture_output=True, text=True, timeout=20)

    assert done.returncode == 2
    assert arguments[1] in done.stderr
    assert "Traceback" not in done.stderr


def test_forwards_to_another_agent() -> None:
    with Agent(port=0) as other:
        other.start()
        with watching("--forward", f"127.0.0.1:{other.port}", "--count", "3") as (process, port):
            send(port, LINES)
            out, _ = process.communicate(timeout=20)

        assert other.wait_for(lambda report: report.received.values == 3, timeout=5).received.values == 3
        assert f"1 datagrams forwarded to 127.0.0.1:{other.port}\n" in out
        assert process.returncode == 0


def test_a_receiver_that_is_gone_is_told_at_the_end() -> None:
    with Agent(port=0) as gone:
        target = f"127.0.0.1:{gone.port}"
    with watching("--forward", target, "--count", "9") as (process, port):
        send(port, LINES, LINES, LINES)
        _, err = process.communicate(timeout=20)

    assert f"could not be forwarded to {target}" in err


def test_a_terminal_gets_a_live_table() -> None:
    screen = run_in_terminal("--for", "1", "--interval", "0.2")

    assert "\x1b[" in screen
    assert "http.request.duration" in screen
    assert "method=GET view=home status=200" in screen


def test_without_rich_a_terminal_gets_plain_lines_and_the_name_of_the_extra(tmp_path: Path) -> None:
    (tmp_path / "rich.py").write_text("raise ImportError('not installed')\n")

    screen = run_in_terminal("--for", "1", "--interval", "0.2", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")

    assert 'pip install "zemanta-ops[watch]"' in screen
    assert "http.request.duration method=GET view=home status=200  timing n=2" in screen


def run_in_terminal(*arguments: str, **environment: str) -> str:
    """Return all that a terminal of 120 columns showed, the lines having been sent once the command listened."""
    ours, theirs = pty.openpty()
    settings = {"COLUMNS": "120", "LINES": "40", "TERM": "xterm", **environment}
    with closing(os.fdopen(ours, "rb", buffering=0)) as terminal:
        process = subprocess.Popen(
            **command("--port", "0", *arguments, **settings), stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        try:
            return _watch_terminal(terminal.fileno())
        finally:
            process.kill()
            process.wait()


def _watch_terminal(terminal: int) -> str:
    seen, sent, deadline = b"", False, time.monotonic() + 20
    while time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], 0.1)
        try:
            chunk = os.read(terminal, 65_536) if ready else None
        except OSError:  # the other end is closed: Linux says EIO
            break
        seen += chunk or b""
        found = LISTENING.search(seen.decode(errors="replace"))
        if found and not sent:
            send(int(found[3]), LINES)
            sent = True
        if chunk == b"":
            break
    return seen.decode(errors="replace")
