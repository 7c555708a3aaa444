"""Keys for the tests of a backend, and a Vault: a real one, or a stand-in."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.secrets.backends.sealed_keys import Hold
from tests.secrets.backends.vault_names import Answer, Posted, numbers
from tests.servers.vault import ROOT_TOKEN, Vault
from zemanta_ops.secrets.backends import _vault_session
from zemanta_ops.secrets.backends._agekeys import Identity


@pytest.fixture
def hold(home: Path, monkeypatch: pytest.MonkeyPatch) -> Hold:
    """Return a function that gives this process private keys, or the text that represents them."""
    for variable in ("ZEMANTA_OPS_SEALED_KEY", "ZEMANTA_OPS_SEALED_KEY_FILE"):
        monkeypatch.delenv(variable, raising=False)

    def hold(*keys: Identity | str) -> None:
        lines = [key if isinstance(key, str) else key.text() for key in keys]
        monkeypatch.setenv("ZEMANTA_OPS_SEALED_KEY", "\n".join(lines))

    return hold


@pytest.fixture
def nowhere(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing of this machine lead to a Vault, and let no test wait long for one."""
    monkeypatch.setattr(_vault_session, "DEADLINE_SECONDS", 1.0)
    for variable in ("VAULT_ADDR", "VAULT_TOKEN", "VAULT_NAMESPACE"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answer]:
    """Return a function that sets what the stand-in answers from now on."""
    said: dict[str, Any] = {"status": 200, "body": b"", "first": [], "asked": 0, "requests": []}
    released = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"]))
            said["asked"] += 1
            said["requests"].append((self.path, self.headers.get("X-Vault-Token"), json.loads(sent or b"{}")))
            status, body = said["first"].pop(0) if said["first"] else (said["status"], said["body"])
            if status == 0:
                released.wait(30)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if status == 429:
                self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    monkeypatch.setenv("VAULT_ADDR", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("VAULT_TOKEN", "example-token")

    def answer(body: object, status: int = 200, first: Sequence[int] = ()) -> dict[str, Any]:
        """Answer with a body; before it with these statuses, and with none at all for 0."""
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        said.update(status=status, body=text, first=[(each, b"{}") for each in first], asked=0)
        return said

    yield answer
    released.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def as_root(vault: Vault, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_ADDR", vault.url)
    monkeypatch.setenv("VAULT_TOKEN", ROOT_TOKEN)
    monkeypatch.delenv("VAULT_NAMESPACE", raising=False)


@pytest.fixture
def key(vault: Vault) -> str:
    """Return the name of a new key."""
    name = f"example-{next(numbers)}"
    vault.call(f"transit/keys/{name}", {})
    return name


@pytest.fixture
def derived_key(vault: Vault) -> str:
    name = f"example-derived-{next(numbers)}"
    vault.call(f"transit/keys/{name}", {"derived": True})
    return name


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> Posted:
    """Return the list of what is sent to Vault, as it grows."""
    calls: Posted = []
    real = _vault_session.VaultSession._send

    def sent(self: _vault_session.VaultSession, path: str, body: dict[str, Any]) -> Any:
        calls.append((path, body))
        return real(self, path, body)

    monkeypatch.setattr(_vault_session.VaultSession, "_send", sent)
    return calls
