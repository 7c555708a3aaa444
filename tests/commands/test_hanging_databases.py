"""A database that does not answer ends every command that a person waits for after one time-out."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from tests.stack.answering import never_taken
from tests.stack.generate.grafana.traffic import MIDDLEWARE
from zemanta_ops.management import databases
from zemanta_ops.stack.databases import DatabaseError
from zemanta_ops.stack.databases.base import RetryUntilSilent
from zemanta_ops.stack.declarations import (
    Alert,
    Composite,
    Objective,
    above,
    describe,
    isolate,
    last,
    mean,
    rate,
    total,
)

PATIENCE = 0.3
SETTINGS: dict[str, Callable[[str], dict[str, Any]]] = {
    "influxdb1": lambda url: {"INFLUXDB": {"URL": url, "DATABASE": "shop"}},
    "influxdb2": lambda url: {
        "INFLUXDB": {"URL": url, "ORG": "example", "BUCKET": "shop", "TOKEN": "example-secret-token"}
    },
    "victoriametrics": lambda url: {"VICTORIAMETRICS": {"WRITE_URL": url, "READ_URL": url}},
}
COMMANDS = {
    "show_dashboards": (["--output", "{}"], 4),
    "annotate_deploy": (["2.4.1"], 4),
    "generate_stack": (["grafana", "--preview"], 5),
    "list_objectives": ([], 4),
    "compute_composites": ([], 4),
    "check_alerts": (["--dry-run"], 4),
}


class Silent:
    """A server that takes connections; it answers with ``part`` again and again, or with nothing."""

    def __init__(self, part: bytes = b"") -> None:
        self.connections = 0
        self._part = part
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._taken: list[socket.socket] = []
        self._ended = threading.Event()
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._take), threading.Thread(target=self._trickle)]

    def __enter__(self) -> Silent:  # noqa: PYI034  Self is not in typing before Python 3.11
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()
        for each in self._taken:
            each.close()

    def _take(self) -> None:
        while not self._ended.is_set():
            try:
                taken, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._taken.append(taken)
            self._send(taken, b"HTTP/1.1 200 OK\r\n" if self._part else b"")

    def _trickle(self) -> None:
        while self._part and not self._ended.wait(PATIENCE / 5):
            for each in self._taken:
                self._send(each, self._part)

    def _send(self, taken: socket.socket, part: bytes) -> None:
        with suppress(OSError):
            taken.sendall(part)


@pytest.fixture
def declared() -> Iterator[None]:
    with isolate():
        describe("cpu.cores", kind="gauge", tags=("host",), measurement="system", field="n_cpus")
        for number in range(3):
            Composite(
                f"load.{number}", numerator=rate("http.request.count"), denominator=mean("cpu.cores"), by=("host",)
            )
            Objective(f"checkout.{number}", total=total("http.request.count"), bad={"status": "5*"}, target=0.999)
            Alert(last("cpu.cores"), warn=above(number), name=f"cores.{number}")
        yield


def run(command: str, folder: Path, settings: dict[str, Any]) -> tuple[int, str, float]:
    """Return the exit code, what was printed, and the seconds."""
    arguments, _ = COMMANDS[command]
    out, err = StringIO(), StringIO()
    metrics = {"TAGS": {"app": "print-shop"}, "INSTRUMENT": ["database"]}
    started, code = time.monotonic(), 0
    with override_settings(MIDDLEWARE=MIDDLEWARE, ZEMANTA_OPS={"METRICS": metrics, **settings}):
        try:
            call_command(command, *(each.format(folder) for each in arguments), stdout=out, stderr=err)
        except CommandError as error:
            code = error.returncode
            err.write(str(error))
        except SystemExit as error:
            code = int(error.code or 0)
    return code, out.getvalue() + err.getvalue(), time.monotonic() - started


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "ANSWER_SECONDS", PATIENCE)


@pytest.mark.django_db
@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", SETTINGS)
def test_the_first_request_without_an_answer_is_the_last(kind: str, command: str, tmp_path: Path) -> None:
    with Silent() as server:
        code, text, _ = run(command, tmp_path, SETTINGS[kind](f"http://127.0.0.1:{server.port}"))
        assert server.connections == 1
    assert code == COMMANDS[command][1], text
    assert f"no answer within {PATIENCE:g} s" in text
    assert "example-secret" not in text


@pytest.mark.parametrize("command", ["show_dashboards", "annotate_deploy", "generate_stack"])
def test_the_error_names_the_database(command: str, tmp_path: Path) -> None:
    with Silent() as server:
        url = f"http://127.0.0.1:{server.port}"
        _, text, _ = run(command, tmp_path, SETTINGS["influxdb1"](url))
    assert f"database shop at {url}" in text
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize("command", ["show_dashboards", "annotate_deploy", "generate_stack"])
def test_a_connection_that_is_never_taken_ends_the_command(command: str, tmp_path: Path) -> None:
    with never_taken() as port:
        code, text, seconds = run(command, tmp_path, SETTINGS["influxdb1"](f"http://127.0.0.1:{port}"))
    assert code == COMMANDS[command][1]
    assert "no answer within" in text
    # One attempt, and all that is not the database: more than one would take several times as long as the others.
    assert seconds >= PATIENCE


@pytest.mark.parametrize("command", ["show_dashboards", "annotate_deploy", "generate_stack"])
def test_an_answer_that_never_ends_ends_the_command(command: str, tmp_path: Path) -> None:
    with Silent(b"X-Influxdb-Version: 1.8.10\r\n") as server:
        code, text, _ = run(command, tmp_path, SETTINGS["influxdb1"](f"http://127.0.0.1:{server.port}"))
        assert server.connections == 1
    assert code == COMMANDS[command][1]
    assert "was not complete within" in text


def test_what_fails_at_once_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zemanta_ops.stack.databases.base.time.sleep", lambda _: None)
    tries = []

    def fail() -> None:
        tries.append(1)
        raise DatabaseError("unreachable" if len(tries) < 3 else "timeout", "example")

    retry = RetryUntilSilent()
    with pytest.raises(DatabaseError, match="example"):
        retry.call(fail)
    assert len(tries) == 3
    with pytest.raises(DatabaseError) as raised:
        retry.call(fail)
    assert (len(tries), raised.value.kind) == (3, "timeout")
    # Another command begins anew.
    with pytest.raises(DatabaseError):
        RetryUntilSilent().call(fail)
    assert len(tries) == 4
