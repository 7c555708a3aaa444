from __future__ import annotations

import fcntl
import json
import re
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from tests.commands.terminals import Terminal
from tests.commands.watching import command, refuse, watching
from tests.servers.process import wait_until
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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
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


def test_a_taken_port_is_an_exit_code_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    with Agent(port=0) as other:
        assert refuse("--port", str(other.port)) == 3

    written = capsys.readouterr().err
    assert f"127.0.0.1:{other.port}" in written
    assert "in use" in written


@pytest.mark.parametrize(
    "arguments",
    [["--interval", "0"], ["--for", "nan"], ["--percentiles", "101"], ["--count", "0"], ["--forward", "nowhere"]],
)
def test_wrong_arguments_are_refused_in_words(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert refuse("--port", "0", *arguments) == 2
    written = capsys.readouterr().err
    assert arguments[1] in written
    assert "Traceback" not in written


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


def test_plain_prints_lines_in_a_terminal_too() -> None:
    with Terminal("--plain", "--interval", "0.2") as terminal:
        terminal.wait_for_text("listening on")
        send(terminal.port, LINES)
        terminal.wait_for_text("http.request.duration method=GET view=home status=200  timing n=2")

    assert "\x1b[" not in terminal.seen


def test_the_dialect_is_that_of_the_option_and_a_rejected_line_names_it() -> None:
    line = "hits:1|c|#view:home"
    with watching("--count", "1") as (process, port):
        send(port, line)
        out, _ = process.communicate(timeout=20)
    assert f'rejected 1: no type: the value has no | (DIALECT "dogstatsd" would accept it): {line}' in out

    with watching("--dialect", "dogstatsd", "--count", "1") as (process, port):
        send(port, line)
        out, _ = process.communicate(timeout=20)
    assert "hits view=home  counter value=1" in out
    assert "rejected" not in out


@pytest.mark.parametrize("arguments", [["--interval", "0.1"], ["--json", "--interval", "0.1"]])
def test_a_reader_that_has_seen_enough_ends_it_in_order(arguments: list[str]) -> None:
    with watching(*arguments) as (process, port):
        assert process.stdout and process.stderr
        process.stdout.close()
        deadline = time.monotonic() + 20
        while process.poll() is None and time.monotonic() < deadline:
            send(port, LINES)
            time.sleep(0.05)

        assert process.returncode == 0
        assert process.stderr.read() == ""


def test_standard_output_may_be_closed() -> None:
    run = command("--port", "0", "--for", "0.2", "--interval", "0.1")
    run["args"] = ["sh", "-c", 'exec "$@" >&-', "sh", *run["args"]]
    done = subprocess.run(**run, stderr=subprocess.PIPE, text=True, timeout=20)

    assert (done.returncode, done.stderr.count("\n")) == (0, 1), done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_an_output_that_is_full_is_an_error_in_words() -> None:
    with Path("/dev/full").open("w") as full:
        run = command("--port", "0", "--for", "0.2", "--json")
        done = subprocess.run(**run, stdout=full, stderr=subprocess.PIPE, text=True, timeout=20)

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "CommandError: cannot write the output: No space left on device"


def test_an_output_that_knows_only_ascii_shows_the_rest_as_escapes() -> None:
    with watching("--count", "1", PYTHONIOENCODING="ascii") as (process, port):
        send(port, "hits,k=汉:1|c")
        out, err = process.communicate(timeout=20)

    assert r"hits k=\u6c49" in out
    assert "Traceback" not in err


@pytest.mark.more
@pytest.mark.skipif(not Path("/proc/self/syscall").exists(), reason="reads in /proc what the process is doing")
def test_a_second_signal_ends_it_while_nobody_reads_its_output() -> None:
    with watching("--json", "--interval", "0.1") as (process, port):
        number = 0
        while not is_blocked(process):
            send(port, "\n".join(f"series{number}_{each}:1|ms" for each in range(1000)))
            number += 1
            time.sleep(0.05)
        assert wait_until(lambda: is_writing(process.pid)), read_call(process.pid)
        process.send_signal(signal.SIGINT)
        # Two that come at once are one, and a third would meet a process that is ending.
        assert wait_until(lambda: not has_pending(process.pid) and is_writing(process.pid))
        process.send_signal(signal.SIGINT)
        process.wait(60)

        assert process.returncode == 130


def read_call(pid: int) -> str:
    """Return the system call that the main thread of a process is in, with its arguments."""
    return Path(f"/proc/{pid}/syscall").read_text(encoding="ascii")


def is_writing(pid: int) -> bool:
    """Whether a process waits in a call whose first argument is its standard output."""
    return read_call(pid).split()[1:2] == ["0x1"]


def has_pending(pid: int) -> bool:
    """Whether a signal has been sent to a process that it has not begun to handle."""
    pending = re.findall(
        r"^(?:Sig|Shd)Pnd:\t(.*)$", Path(f"/proc/{pid}/status").read_text(encoding="utf-8"), re.MULTILINE
    )
    return any(int(each, 16) for each in pending)


def is_blocked(process: subprocess.Popen[str]) -> bool:
    """Whether the pipe that a process writes to is full."""
    assert process.stdout
    waiting = fcntl.ioctl(process.stdout, termios.FIONREAD, bytes(4))
    return int.from_bytes(waiting, sys.byteorder) > 60_000
