"""Wagtail's start project, a shop of django-oscar and settings of django-configurations run with everything on."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.projects import KINDS, PLAINTEXTS, Checkout
from tests.servers.http import HttpError, call
from tests.servers.process import wait_until

pytestmark = [pytest.mark.second_tier, pytest.mark.usefixtures("without_coverage")]

DEFERRED = {"ZEMANTA_OPS_SECRETS": "deferred"}
# The parts that programs print alone.
SECRETS = (*PLAINTEXTS.values(), "example-database-password")


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.name)
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Return a project as its image has it: static files are collected without the key; then migrated, with it."""
    project = Checkout(request.param, tmp_path_factory.mktemp(request.param.name))
    built = project.manage("collectstatic", "--noinput", **DEFERRED)
    assert built.returncode == 0, built.stderr
    assert "static files copied" in built.stdout
    migrated = project.manage("migrate", "--verbosity", "1", **project.key)
    assert migrated.returncode == 0, migrated.stderr
    return project


@pytest.fixture
def telegraf(project: Checkout) -> Iterator[socket.socket]:
    """Return a socket that receives the metrics."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", project.metrics_port))
        receiver.setblocking(False)
        yield receiver


def receive(receiver: socket.socket) -> str:
    """Return what has arrived."""
    texts = []
    while True:
        try:
            texts.append(receiver.recv(65536).decode())
        except BlockingIOError:
            return "\n".join(texts)


def keep(texts: list[str], text: str) -> list[str]:
    """Return the texts with another one."""
    texts.append(text)
    return texts


def leaks(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


def test_the_build_has_read_samples_and_touched_no_database(project: Checkout) -> None:
    assert any((project.folder / "static-root").iterdir())
    assert (project.folder / "shop.sqlite3").is_file()
    assert not (project.folder / "build.sqlite3").exists()


def test_the_checks_of_a_deployment_pass(project: Checkout) -> None:
    checked = project.manage("check", "--deploy", **project.key)
    assert checked.returncode == 0, checked.stderr
    assert "zemanta_ops.E" not in checked.stderr
    assert leaks(checked.stdout + checked.stderr) == []


def test_without_the_key_it_does_not_start_and_says_what_to_do(project: Checkout) -> None:
    checked = project.manage("check")
    assert checked.returncode != 0
    assert "could not be decrypted" in checked.stderr or "DATABASE_URL: " in checked.stderr
    assert "ZEMANTA_OPS_OVERRIDE__" in checked.stderr
    # A developer needs values for these three settings only.
    own = {"SECRET_KEY": "own-key", "DATABASE_URL": "sqlite:///shop.sqlite3", "PAYMENT__gateways__0__credential": "own"}
    overridden = {f"ZEMANTA_OPS_OVERRIDE__{name}": value for name, value in own.items()}
    assert project.manage("check", **overridden).returncode == 0
    assert project.manage("check", ZEMANTA_OPS_SECRETS="fake", EXAMPLE_DEBUG="on").returncode == 0


def test_diffsettings_shows_no_secret(project: Checkout) -> None:
    shown = project.manage("diffsettings", "--all", **project.key)
    assert "PAYMENT" in shown.stdout
    assert leaks(shown.stdout + shown.stderr) == []


@pytest.mark.parametrize("debug", ["on", "off"])
def test_it_serves_pages_sends_metrics_and_fails_without_a_leak(
    project: Checkout, debug: str, telegraf: socket.socket
) -> None:
    for mail in (project.folder / "mail").glob("*"):
        mail.unlink()
    server = project.gunicorn(EXAMPLE_DEBUG=debug, **project.key)
    server.start()
    texts: list[str] = []
    try:
        for _ in range(3):
            assert "<html" in call(f"http://127.0.0.1:{project.port}{project.kind.page}", seconds=60).lower()
        for accept in ("text/html", "text/plain"):
            with pytest.raises(HttpError) as caught:
                call(f"http://127.0.0.1:{project.port}/fail/", headers={"Accept": accept}, seconds=60)
            assert caught.value.status == 500
            texts.append(str(caught.value))
        assert wait_until(lambda: "status=500" in "".join(keep(texts, receive(telegraf))))
    finally:
        server.stop()
    assert "status=200" in "".join(texts)
    if debug == "on":
        assert "refuses" in texts[0]
        assert "redacted" in texts[0]
    mails = [path.read_text() for path in (project.folder / "mail").glob("*")]
    assert len(mails) == 2
    assert all("redacted" in mail for mail in mails)
    assert "pays with <redacted>" in server.log()
    assert [leaks(text) for text in (*texts, *mails, server.log())] == [[] for _ in (*texts, *mails, 1)]


def test_it_does_not_serve_in_the_mode_of_builds(project: Checkout) -> None:
    server = project.gunicorn(**DEFERRED)
    done = subprocess.run(
        server.command, cwd=server.folder, env=server.environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "this process must not serve requests" in done.stderr


def test_an_image_without_the_configuration_is_not_built(project: Checkout, tmp_path: Path) -> None:
    path = project.folder / "zemanta_ops.toml"
    kept = path.rename(tmp_path / "kept")
    try:
        built = project.manage("collectstatic", "--noinput", **DEFERRED)
    finally:
        kept.rename(path)
    assert built.returncode != 0
    assert "COPY zemanta_ops.toml" in built.stderr
