"""encrypt_secret and decrypt_secret, as their users call them: pipes, a terminal, a configuration file."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from tests.secrets.tokens import local
from tests.servers.kms import ALIAS, KMS, REGION
from zemanta_ops.secrets import Secret, wire

SCRIPTS = Path(sys.executable).parent
PLAINTEXT = "example-plaintext-of-a-test"

Run = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def run(home: Path) -> Run:
    """Run a console script of this checkout in an empty folder."""

    def run(script: str, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> object:
        return subprocess.run(
            [SCRIPTS / script, *arguments],
            input=stdin,
            capture_output=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), **(env or {})},
            check=False,
        )

    return run  # type: ignore[return-value]


def printed(ended: subprocess.CompletedProcess[bytes]) -> str:
    """Return the one line on standard output of a command that succeeded and printed nothing else."""
    assert (ended.returncode, ended.stderr) == (0, b"")
    [line] = ended.stdout.decode().splitlines()
    return line


def test_the_line_of_secretcrypts_users_works_as_it_stands(run: Run, kms: KMS) -> None:
    token = printed(run("encrypt-secret", "kms", ALIAS, stdin=b"example\n"))
    assert token.startswith(f"kms:region={REGION}&key=arn")
    assert Secret(token).get() == "example"


@pytest.mark.parametrize(
    ("stdin", "arguments", "plaintext"),
    [
        (b"example\n", [], b"example"),
        (b"example", [], b"example"),
        (b"example\r\n", [], b"example"),
        (b" spaces stay \n", [], b" spaces stay "),
        (b"", ["--empty"], b""),
        (b"\n", ["--empty", "--multiline"], b"\n"),
        (b"two\nlines\n", ["--multiline"], b"two\nlines\n"),
        (b"\xff\x00\r\n", ["--multiline"], b"\xff\x00\r\n"),
    ],
)
def test_standard_input_is_one_line_or_all_bytes(
    stdin: bytes, arguments: list[str], plaintext: bytes, run: Run
) -> None:
    token = printed(run("encrypt-secret", "local", *arguments, stdin=stdin))
    assert Secret(token).get_bytes() == plaintext


def test_a_file_is_kept_to_the_byte(run: Run, home: Path) -> None:
    (home / "key.pem").write_bytes(b"-----\r\nexample\n")
    token = printed(run("encrypt-secret", "local", "--from-file", "key.pem"))
    assert Secret(token).get_bytes() == b"-----\r\nexample\n"


def test_a_terminal_is_asked_without_echo(home: Path) -> None:
    master, slave = pty.openpty()
    ended = subprocess.Popen(
        [SCRIPTS / "encrypt-secret", "local"],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=slave,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        start_new_session=True,
    )
    os.close(slave)
    shown = b""
    while b"Enter plaintext: " not in shown:
        shown += os.read(master, 1024)
    os.write(master, PLAINTEXT.encode() + b"\n")
    out = ended.communicate(timeout=30)[0]
    shown += os.read(master, 1024)
    os.close(master)
    assert PLAINTEXT.encode() not in shown
    assert Secret(out.decode().strip()).get() == PLAINTEXT


def test_the_configuration_file_needs_no_argument(run: Run, home: Path) -> None:
    (home / "zemanta_ops.toml").write_text('app = "shop"\n[environments.development]\nbackend = "local"\n')
    assert wire.parse(printed(run("encrypt-secret", stdin=b"x"))).context == {}
    bound = wire.parse(printed(run("encrypt-secret", "--name", "A", "--context", "env=test", stdin=b"x")))
    assert bound.context == {"app": "shop", "name": "A", "env": "test"}


def test_the_environment_brings_its_options(run: Run, kms: KMS, home: Path) -> None:
    production = f'backend = "kms"\nkey = "{ALIAS}"\nregion = "us-east-1"'
    config = f'[environments.a]\nbackend = "local"\n[environments.b]\n{production}\n'
    (home / "zemanta_ops.toml").write_text(config)
    assert wire.parse(printed(run("encrypt-secret", "--env", "b", stdin=b"x"))).params["region"] == "us-east-1"
    other = run("encrypt-secret", "--env", "b", "--region", REGION, stdin=b"x")
    assert wire.parse(printed(other)).params["region"] == REGION
    assert wire.parse(printed(run("encrypt-secret", "plain", "--env", "b", stdin=b"x"))).backend == "plain"
    assert b"--env or ZEMANTA_OPS_ENV; zemanta_ops.toml has: a, b" in run("encrypt-secret", stdin=b"x").stderr


@pytest.mark.parametrize(
    ("arguments", "stdin", "says"),
    [
        ([], b"x", "name a backend (kms, local"),
        (["nosuch"], b"x", "unknown backend; known are"),
        (["local"], b"hunter2\nhunter3\n", "--multiline"),
        (["local", "--region", "eu-west-1"], b"hunter2", "no option region"),
        (["local", "--context", "hunter2"], b"x", "KEY=VALUE"),
        (["local", "--context", "name=hunter2"], b"x", "--name"),
        (["local", "--context", "a/b=hunter2"], b"x", "[A-Za-z0-9_-]"),
        (["local", "--from-file", "gone.txt"], b"", "cannot be read"),
        (["kms"], b"hunter2", "needs key"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_1(
    arguments: list[str], stdin: bytes, says: str, run: Run
) -> None:
    ended = run("encrypt-secret", *arguments, stdin=stdin)
    assert (ended.returncode, ended.stdout) == (1, b"")
    assert says in ended.stderr.decode()
    assert len(ended.stderr.decode().splitlines()) == 1
    assert b"hunter" not in ended.stderr


def test_decrypt_prints_the_plaintext_to_the_byte(run: Run) -> None:
    token = local(b"\xffexample\r\n")
    assert run("decrypt-secret", token).stdout == b"\xffexample\r\n"
    assert run("decrypt-secret", "-", stdin=token.encode() + b"\n").stdout == b"\xffexample\r\n"


def test_decrypt_of_a_bound_token_needs_its_name(run: Run) -> None:
    token = local(PLAINTEXT, name="A")
    assert run("decrypt-secret", token, "--name", "A").stdout == PLAINTEXT.encode()
    ended = run("decrypt-secret", token)
    assert ended.returncode == 1
    assert b"is bound to a name" in ended.stderr


def test_decrypt_wants_to_be_told_in_ci(run: Run) -> None:
    token = local(PLAINTEXT)
    ended = run("decrypt-secret", token, env={"CI": "true"})
    assert ended.returncode == 1
    assert b"--reveal" in ended.stderr
    assert PLAINTEXT.encode() not in ended.stdout + ended.stderr
    assert run("decrypt-secret", token, "--reveal", env={"CI": "true"}).stdout == PLAINTEXT.encode()


@pytest.mark.parametrize(
    ("verb", "given", "reason"),
    [
        (["encrypt", "local"], None, "standard input is closed"),
        (["encrypt", "local", "--from-env-file", "-"], None, "standard input is closed"),
        (["decrypt", "-"], None, "not a token"),
        (["decrypt", "-"], b"local::\xff\xfe", "not a token"),
    ],
)
def test_standard_input_that_is_closed_or_no_text_is_one_line(
    verb: list[str], given: bytes | None, reason: str, home: Path
) -> None:
    script = f"{sys.executable} -m zemanta_ops.secrets {' '.join(verb)}" + (" <&-" if given is None else "")
    strict = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    ended = subprocess.run(["sh", "-c", script], input=given, capture_output=True, check=False, env=strict)
    assert ended.returncode == 1
    [line] = ended.stderr.decode().splitlines()
    assert reason in line


def test_decrypt_of_a_wrong_token_never_repeats_it(run: Run) -> None:
    ended = run("decrypt-secret", "hunter2-pasted-by-mistake")
    assert (ended.returncode, ended.stdout) == (1, b"")
    assert b"hunter2" not in ended.stderr


MANAGE = [sys.executable, str(Path(__file__).parents[3] / "manage.py")]


@pytest.mark.parametrize(
    "command",
    [
        [*MANAGE, "encrypt_secret", "local"],
        [*MANAGE, "encrypt_secret", "local", "--multiline"],
        [str(SCRIPTS / "encrypt-secret"), "local"],
    ],
)
def test_ctrl_c_ends_it_without_a_traceback(command: list[str], home: Path) -> None:
    child, terminal = pty.fork()
    if child == 0:
        os.execve(command[0], command, {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])})
    shown = b""
    while b"Enter plaintext" not in shown:
        shown += os.read(terminal, 1024)
    os.write(terminal, b"\x03")
    # A terminal whose last program has ended cannot be read.
    with suppress(OSError):
        while data := os.read(terminal, 1024):
            shown += data
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 130
    assert b"Traceback" not in shown
