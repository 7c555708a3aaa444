"""exec_with_secrets: the command gets the plaintexts, the signals, and keeps its exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.secrets.tokens import local
from tests.secrets.verbs.calls import Ended, call
from tests.servers.process import wait_until
from zemanta_ops.secrets.verbs import execute

PLAINTEXT = "example-plaintext"


class _ReplacedError(Exception):
    """In place of this process."""


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What would run instead of this process."""
    seen: dict[str, Any] = {}

    def replace(_program: str, command: list[str], environment: dict[str, str]) -> None:
        seen.update(command=command, environment=environment)
        raise _ReplacedError

    monkeypatch.setattr(os, "execvpe", replace)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    return seen


def run(*arguments: str) -> Ended | None:
    try:
        return call(execute, *arguments)
    except _ReplacedError:
        return None


def test_the_command_gets_every_value_of_the_file(
    home: Path, started: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "zemanta_ops.toml").write_text('app = "shop"\n')
    token = local(PLAINTEXT, app="shop", name="A")
    (home / ".env").write_text(f"A='{token}'\nexport HOST=db # x\nEMPTY=\n")
    monkeypatch.setenv("HOST", "other")
    assert run("--file", ".env", "--", "cmd", "--file", "x", "--", "-y") is None
    assert started["command"] == ["cmd", "--file", "x", "--", "-y"]
    environment = started["environment"]
    assert (environment["A"], environment["HOST"], environment["EMPTY"]) == (PLAINTEXT, "db", "")
    assert environment["HOME"] == str(home)


def test_without_a_file_the_tokens_of_the_environment_are_decrypted(
    home: Path, started: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET", local(PLAINTEXT, name="A_SECRET"))
    assert run("--", "cmd") is None
    assert started["environment"]["A_SECRET"] == PLAINTEXT


def test_overrides_count(home: Path, started: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    (home / ".env").write_text("A=kms:region=eu-west-1:QUJDQUJD\n")
    monkeypatch.setenv("ZEMANTA_OPS_OVERRIDE__A", PLAINTEXT)
    assert run("--file", ".env", "--", "cmd") is None
    assert started["environment"]["A"] == PLAINTEXT


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        (".env", "A=local:v=2&key=0123456789abcdef:QUJDREVGRw==\n", "the command was not started"),
        (".env", "A=MOVED\n", "belongs to another setting"),
        (".env", "A=1\nA=hunter2\n", ".env:2: A is set twice"),
        (".env", "A=ZERO\n", "A has a zero byte"),
        (".env", "hunter2\n", "expected NAME=value"),
        ("a.toml", "a = 1\n", "is not a .env file"),
    ],
)
def test_a_command_without_its_secrets_is_not_started(
    name: str, text: str, says: str, home: Path, started: dict[str, Any]
) -> None:
    text = text.replace("MOVED", local(PLAINTEXT, name="B")).replace("ZERO", local("\0"))
    (home / name).write_text(text)
    ended = run("--file", name, "--", "cmd")
    assert ended is not None
    assert (ended.code, ended.out, started) == (1, "", {})
    assert says in ended.err
    assert "hunter2" not in ended.err


@pytest.mark.parametrize("mode", ["deferred", "fake"])
def test_a_command_never_starts_without_real_secrets(
    mode: str, home: Path, started: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / ".env").write_text(f"A={local(PLAINTEXT)}\n")
    monkeypatch.setenv("ZEMANTA_OPS_SECRETS", mode)
    monkeypatch.setattr("zemanta_ops.secrets.modes.under_test", lambda: False)
    ended = run("--file", ".env", "--", "cmd")
    assert ended is not None
    assert ended.code == 1
    assert started == {}


@pytest.fixture
def own_signals() -> Iterator[None]:
    """Put back what the verb sets for the command: a process that lives on would die of a closed pipe."""
    before = {number: signal.getsignal(number) for number in (signal.SIGPIPE, signal.SIGXFSZ)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_command_that_is_not_there(home: Path, own_signals: None) -> None:
    assert call(execute, "--", "absent-command").code == 127
    (home / "data").write_text("")
    assert call(execute, "--", "./data").code == 126


SCRIPT = """import os, signal, sys
print(os.environ["A"], os.getpid(), flush=True)
signal.pause()
"""


def test_the_command_takes_the_place_of_the_process_with_its_signals(home: Path) -> None:
    (home / ".env").write_text(f"A={local(PLAINTEXT)}\n")
    command = [
        sys.executable,
        "-m",
        "zemanta_ops.secrets",
        "exec",
        "--file",
        ".env",
        "--",
        sys.executable,
        "-c",
        SCRIPT,
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == f"{PLAINTEXT} {process.pid}\n"
    process.send_signal(signal.SIGTERM)
    wait_until(lambda: process.poll() is not None)
    assert process.returncode == -signal.SIGTERM
    process.stdout.close()


def test_the_exit_code_and_a_closed_pipe_are_the_commands_own(home: Path) -> None:
    (home / ".env").write_text("A=1\n")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    base = [sys.executable, "-m", "zemanta_ops.secrets", "exec", "--file", ".env", "--", "sh", "-c"]
    assert subprocess.run([*base, "exit 7"], env=environment, check=False).returncode == 7
    script = "kill -PIPE $$; echo survived"
    ended = subprocess.run([*base, script], env=environment, capture_output=True, check=False)
    assert (ended.returncode, ended.stdout) == (-signal.SIGPIPE, b"")
