"""A running server, Django's own commands and the operators' verbs show no plaintext that went through a backend."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.secrets.nowhere import CANARY, shown
from tests.secrets.test_canary import CHEAP, IDENTITY, PASSWORD
from tests.secrets.tokens import made
from tests.servers.http import HttpError, answers, call
from tests.servers.process import Server, free_port
from zemanta_ops.secrets.backends import password

ROOT = Path(__file__).resolve().parents[2]
OTHER = "redis://:Zweitvogel@host"
SETTINGS = "tests.secrets.canary_site"
SERVERS = {
    "runserver": ["-m", "django", "runserver", "--noreload", "127.0.0.1:{port}"],
    "gunicorn": ["-m", "gunicorn", f"{SETTINGS}:wsgi", "--bind", "127.0.0.1:{port}", "--log-level", "debug"],
    "uvicorn": ["-m", "uvicorn", f"{SETTINGS}:asgi", "--port", "{port}", "--log-level", "debug"],
}


@pytest.fixture
def site(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a file of tokens, in an environment that can decrypt them."""
    monkeypatch.setenv("ZEMANTA_OPS_PASSWORD", PASSWORD)
    monkeypatch.setenv("ZEMANTA_OPS_SEALED_KEY", IDENTITY.text())
    monkeypatch.setattr(password, "COSTS", CHEAP)
    tokens = {
        "plain": made("plain", CANARY),
        "local": made("local", CANARY),
        "password": made("password", CANARY),
        "sealed": made("sealed", CANARY, recipients=str(IDENTITY.recipient)),
    }
    (home / "tokens.json").write_text(json.dumps(tokens))
    for name, value in {
        "CANARY_FILE": str(home / "tokens.json"),
        "DJANGO_SETTINGS_MODULE": SETTINGS,
        "PYTHONPATH": str(ROOT),
        # Two plaintexts more: of a setting that holds a token, and of one that holds none.
        "ZEMANTA_OPS_OVERRIDE__VALUES__plain": CANARY,
        "ZEMANTA_OPS_OVERRIDE__OTHER_URL": OTHER,
    }.items():
        monkeypatch.setenv(name, value)
    return home


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, site: Path) -> Iterator[Server]:
    port = free_port()
    command = [sys.executable, *(part.format(port=port) for part in SERVERS[request.param])]
    running = Server(request.param, command, site, lambda: answers(f"http://127.0.0.1:{port}/well/"))
    running.start()
    request.node.url = f"http://127.0.0.1:{port}"
    yield running
    running.stop()


def test_the_error_page_the_mail_and_the_log_of_a_running_server_show_no_plaintext(
    server: Server, site: Path, request: pytest.FixtureRequest
) -> None:
    texts = {}
    for accept in ("text/html", "text/plain"):
        for backend in ("plain", "local", "password", "sealed"):
            with pytest.raises(HttpError) as caught:
                call(
                    f"{request.node.url}/fail/?backend={backend}&echo={quote(CANARY)}",
                    headers={"Accept": accept, "Cookie": f"c={quote(CANARY)}", "X-Custom": quote(CANARY)},
                )
            assert caught.value.status == 500
            texts[f"{accept} {backend}"] = str(caught.value)
            assert "wrong: &lt;redacted&gt;" in str(caught.value) or "wrong: <redacted>" in str(caught.value)
    texts["mail"] = "".join(mail.read_text() for mail in (site / "mail").iterdir())
    texts["log"] = server.log()
    assert "wrong: <redacted>" in texts["log"]
    assert "Internal Server Error" in texts["mail"]
    assert {place: found for place, text in texts.items() if (found := shown(text))} == {}
    # runserver's requests carry the whole environment.
    assert [place for place, text in texts.items() if "Zweitvogel" in text] == []


def test_no_command_of_django_shows_a_plaintext(site: Path) -> None:
    commands = [
        ["diffsettings"],
        ["diffsettings", "--all", "--output", "unified"],
        ["help"],
        ["help", "decrypt_secret"],
        ["check", "--deploy"],
        ["audit_secrets", "--json", str(site)],
        ["nosuchcommand"],
    ]
    driver = (
        "import sys, json\n"
        "from django.core.management import execute_from_command_line as run\n"
        "for command in json.loads(sys.argv[1]):\n"
        "    try: run(['manage.py', *command])\n"
        "    except SystemExit: pass\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", driver, json.dumps(commands)],
        cwd=site,
        capture_output=True,
        text=True,
        check=False,
    )
    printed = ended.stdout + ended.stderr
    for said in ("VALUES = {'plain': '<redacted>'", "DEBUG_PROPAGATE_EXCEPTIONS", "encrypt_secret", "zemanta_ops.E002"):
        assert said in printed
    assert '"backend": "sealed"' in printed
    assert shown(printed) == []


def test_settings_that_cannot_be_decrypted_show_no_plaintext(site: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "ZEMANTA_OPS_SEALED_KEY"}
    for command in (["help"], ["check"]):
        ended = subprocess.run(
            [sys.executable, "-m", "django", *command],
            cwd=site,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "VALUES.sealed (sealed): no private key" in ended.stdout + ended.stderr
        assert shown(ended.stdout + ended.stderr) == []
