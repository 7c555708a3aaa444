"""What --from-env-file writes is read alike by the programs that load .env files: each of them is asked."""

from __future__ import annotations

import http.server
import io
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import environ
import pytest
from dotenv import dotenv_values

from tests.secrets.test_canary import CHEAP
from tests.secrets.verbs.calls import call
from tests.servers import cache
from tests.servers.fixtures import require
from zemanta_ops.secrets import backends, load_env
from zemanta_ops.secrets.backends import _agekeys, password
from zemanta_ops.secrets.verbs import encrypt

VALUES = {
    "SECRET_KEY": "example $ecret #1 'quoted'",
    "DATABASE_URL": "postgres://shop:example@db:5432/shop?a=1&b=2",
    "EMPTY": "",
    "PEM": "-----BEGIN EXAMPLE-----\nMIGH\n-----END EXAMPLE-----",
}
SOURCE = (
    "SECRET_KEY=\"example $ecret #1 'quoted'\"\nDATABASE_URL=postgres://shop:example@db:5432/shop?a=1&b=2\n"
    'EMPTY=\nPEM="-----BEGIN EXAMPLE-----\\nMIGH\\n-----END EXAMPLE-----"\n'
)


@pytest.fixture(params=["local", "password", "sealed"])
def written(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file that the command has written, in a folder of its own."""
    options: list[str] = []
    if request.param == "password":
        monkeypatch.setenv("ZEMANTA_OPS_PASSWORD", "example password")
        monkeypatch.setattr(password, "COSTS", CHEAP)
    elif request.param == "sealed":
        identity = _agekeys.generate("mlkem768x25519")
        monkeypatch.setenv("ZEMANTA_OPS_SEALED_KEY", identity.text())
        options = ["--recipient", str(identity.recipient)]
    (home / "zemanta_ops.toml").write_text('app = "shop"\nrequire_context = true\n')
    (home / "plain.env").write_text(SOURCE)
    reader = ["--reader", "python-dotenv", "--from-env-file", "plain.env"]
    ended = call(encrypt, request.param, *options, *reader)
    assert (ended.code, ended.err) == (0, "")
    path = home / "production.env"
    path.write_text(ended.out)
    return path


def by_python_dotenv(path: Path) -> dict[str, str]:
    return {name: value or "" for name, value in dotenv_values(path).items()}


def by_django_environ(path: Path) -> dict[str, str]:
    class Env(environ.Env):  # type: ignore[misc]
        ENVIRON: dict[str, str] = {}  # noqa: RUF012 (the library's own attribute)

    Env.read_env(io.StringIO(path.read_text()))
    return Env.ENVIRON


@contextmanager
def docker_daemon(seen: list[dict[str, object]]) -> Iterator[str]:
    """Serve what the client asks before it creates a container, and keep its request: no daemon runs in these tests."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200)
            self.send_header("API-Version", "1.41")
            self.end_headers()

        do_GET = do_HEAD  # noqa: N815 (the name that the server calls)

        def do_POST(self) -> None:
            seen.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(500)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"tcp://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def by_docker(path: Path) -> dict[str, str]:
    program = shutil.which("docker")
    if program is None:
        pytest.skip("docker is not installed")
    seen: list[dict[str, object]] = []
    with docker_daemon(seen) as address:
        command = [program, "create", "--env-file", str(path), "example/shop:1"]
        subprocess.run(command, env={**os.environ, "DOCKER_HOST": address}, capture_output=True, check=False)
    [request] = seen
    assert isinstance(request["Env"], list)
    return dict(pair.split("=", 1) for pair in request["Env"])


PROGRAMS = {"python-dotenv": by_python_dotenv, "django-environ": by_django_environ, "docker": by_docker}


@pytest.fixture(scope="session")
def compose() -> Path:
    """Return the program that reads compose files as Docker Compose does."""
    require("compose")
    return cache.binary("compose")


@pytest.mark.parametrize("read", PROGRAMS.values(), ids=PROGRAMS)
def test_each_program_reads_the_same_tokens_and_the_application_decrypts_them(
    read: Callable[[Path], dict[str, str]], written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(read(written), monkeypatch)


@pytest.mark.second_tier
def test_docker_compose_reads_them_too(compose: Path, written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written.with_name("compose.yaml")
    path.write_text(f"services:\n  web:\n    image: example/shop:1\n    env_file: {written.name}\n")
    done = subprocess.run([compose, path], capture_output=True, text=True, check=True)
    check(json.loads(done.stdout)["services"]["web"]["environment"], monkeypatch)


def check(found: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Check what a program has read, and read it as an application in its environment does."""
    assert sorted(found) == sorted(VALUES)
    assert found.pop("EMPTY") == ""
    assert [name for name, token in found.items() if not backends.is_token(token)] == []
    for name, token in found.items():
        monkeypatch.setenv(name, token)
    env = load_env()
    assert {name: env(name) for name in found} == {name: VALUES[name] for name in found}
    assert env.db()["PASSWORD"] == "example"


def test_the_application_reads_the_file_itself(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VALUES:
        monkeypatch.delenv(name, raising=False)
    env = load_env(written)
    assert {name: env(name) for name in VALUES} == VALUES


def test_the_text_of_a_backend_that_is_not_encoded_keeps_its_quotes(home: Path) -> None:
    (home / "plain.env").write_text("A='plain::b c'\n")
    ended = call(encrypt, "local", "--from-env-file", "plain.env")
    assert ended.out == 'A="plain::b c"\n'
