"""The vault backend without a Vault: what is refused before it is asked, and odd answers from a stand-in.

What a real Vault answers is tested in test_vault_server.py. The stand-in gives the answers that a Vault never gives:
those of a proxy, a load balancer or another program at its address.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.secrets.broken import assert_all_refused, outcomes
from tests.secrets.tokens import made
from zemanta_ops.secrets import Secret, SecretError, backends, wire
from zemanta_ops.secrets.backends import _vault_session
from zemanta_ops.secrets.exceptions import (
    ConfigError,
    DecryptError,
    EncryptError,
    MissingKeyError,
    ThrottledError,
    TokenError,
    UnreachableError,
)
from zemanta_ops.secrets.redaction import redact

TOKEN = "vault:v=1&key=shop:vault:v1:9IuLlCI6GJZSA+bgsN61AOF5iK16CznfXfGnUWefFQMX"

Answer = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
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


@pytest.mark.parametrize(
    "broken",
    [
        TOKEN.replace("v=1&", ""),
        TOKEN.replace("v=1&", "v=2&"),
        TOKEN.replace("v=1&", "v=1&v=1&"),
        TOKEN.replace("v=1&", "v=1&mount=sys&"),
        TOKEN.replace("v=1&", "v=1&address=http://127.0.0.1&"),
        TOKEN.replace("v=1&", "v=1&derived=0&"),
        TOKEN.replace("key=shop", "key="),
        TOKEN.replace("key=shop", "key=../../sys/seal"),
        TOKEN.replace("key=shop", "key=..%2F..%2Fsys%2Fseal"),
        TOKEN.replace("key=shop", "key=shop%3Fx"),
        TOKEN.replace("key=shop", "key=shop%0A"),
        TOKEN.replace("key=shop", f"key={'a' * 65}"),
        TOKEN.replace("&key=shop", ""),
        TOKEN.replace("&key=shop", "&key=shop&c.a=\ud800"),
        TOKEN.replace(":vault:", ":"),
        TOKEN.replace("vault:v1:", "vault:v0:"),
        TOKEN.replace("vault:v1:", "vault:../v1:"),
        TOKEN[:-1],
        f"{TOKEN}:x",
        f"{TOKEN}\n",
    ],
)
def test_a_malformed_token_never_reaches_vault(broken: str) -> None:
    [result] = outcomes([broken])
    assert isinstance(result, TokenError)
    assert "VAULT_ADDR" not in str(result)
    assert_all_refused([broken], "example-plaintext", TOKEN)


@pytest.mark.parametrize("key", ["../../sys/seal", "shop/../../sys/seal", "a b", "", "a" * 65, "shöp"])
def test_a_hostile_key_name_is_refused_on_encryption(key: str) -> None:
    with pytest.raises(EncryptError, match="key"):
        made("vault", "x", key=key)


@pytest.mark.parametrize("mount", ["../sys", "/transit", "transit/", "a//b", "a b"])
def test_a_mount_that_is_no_path_is_refused(mount: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="path of a secrets engine"):
        made("vault", "x", key="shop", mount=mount)
    monkeypatch.setenv("ZEMANTA_OPS_VAULT_MOUNT", mount)
    with pytest.raises(ConfigError, match="path of a secrets engine"):
        Secret(TOKEN).get()


@pytest.mark.parametrize("version", [-1, "latest", "1/../2"])
def test_a_key_version_is_a_number(version: object) -> None:
    with pytest.raises(EncryptError, match="whole number"):
        made("vault", "x", key="shop", key_version=version)


def test_without_an_address_it_says_what_to_set() -> None:
    with pytest.raises(MissingKeyError, match="VAULT_ADDR is not set"):
        Secret(TOKEN).get()


def test_without_a_way_in_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:1")
    with pytest.raises(MissingKeyError, match="set VAULT_TOKEN, or ZEMANTA_OPS_VAULT_ROLE_ID"):
        Secret(TOKEN).get()
    monkeypatch.setenv("ZEMANTA_OPS_VAULT_ROLE", "shop")
    with pytest.raises(MissingKeyError, match="ZEMANTA_OPS_VAULT_JWT_TOKEN_FILE is needed"):
        Secret(TOKEN).get()
    monkeypatch.setenv("ZEMANTA_OPS_VAULT_JWT_TOKEN_FILE", "nowhere")
    with pytest.raises(MissingKeyError, match="ZEMANTA_OPS_VAULT_JWT_TOKEN_FILE names cannot be read"):
        Secret(TOKEN).get()
    monkeypatch.setenv("ZEMANTA_OPS_VAULT_JWT_TOKEN", "example-jwt")
    monkeypatch.setenv("ZEMANTA_OPS_VAULT_AUTH_MOUNT", "../sys")
    with pytest.raises(MissingKeyError, match="must be the path of an auth method"):
        Secret(TOKEN).get()


def test_an_address_where_nobody_answers_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "example-token")
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:1")
    with pytest.raises(UnreachableError, match="does not answer") as caught:
        Secret(TOKEN).get()
    # The exception of the client holds the request, with the Vault token in its headers.
    assert caught.value.__context__ is None
    monkeypatch.setenv("VAULT_ADDR", "not an address")
    with pytest.raises(UnreachableError, match="is not Vault") as caught:
        Secret(TOKEN).get()
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        (b"<html>example-plaintext</html>", 200, UnreachableError),
        (b"", 200, DecryptError),
        (["example-plaintext"], 200, DecryptError),
        ({"data": None}, 200, DecryptError),
        ({"data": {"batch_results": []}}, 200, DecryptError),
        ({"data": {"batch_results": [{"plaintext": "example-plaintext!"}]}}, 200, DecryptError),
        ({"errors": ["example-plaintext"]}, 400, DecryptError),
        ({"errors": None}, 418, DecryptError),
        ({"errors": ["example-plaintext"]}, 429, ThrottledError),
        ({"errors": ["example-plaintext"]}, 502, UnreachableError),
    ],
)
def test_odd_answers_are_errors_that_do_not_repeat_them(
    body: object, status: int, expected: type[SecretError], answer: Answer
) -> None:
    answer(body, status)
    with pytest.raises(expected) as caught:
        Secret(TOKEN).get()
    assert "example-plaintext" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize("ciphertext", [None, "", "vault:v1", "vault:v1:x y", "plaintext"])
def test_an_answer_that_is_no_ciphertext_makes_no_token(ciphertext: str | None, answer: Answer) -> None:
    answer({"data": {"ciphertext": ciphertext}})
    with pytest.raises(EncryptError, match="ciphertext that is malformed"):
        made("vault", "x", key="shop")


def test_the_key_id_has_the_version() -> None:
    assert wire.parse(TOKEN).key_id == "shop:v1"
    assert wire.parse("vault:x=1:").key_id == ""


def test_what_vault_cannot_rewrap_is_left_to_the_caller() -> None:
    vault = backends.load("vault")
    assert vault.rewrap(wire.parse(TOKEN), {}, key="another") is None
    assert vault.rewrap(wire.parse(TOKEN), {}, key="shop", derived=True) is None
    assert vault.rewrap(wire.parse(TOKEN), {"app": "shop"}, key="shop") is None
    assert vault.rewrap(wire.parse(TOKEN.replace("shop:", "shop&app=a:")), {}, key="shop") is None
    with pytest.raises(TokenError):
        vault.rewrap(wire.parse(TOKEN[:-1]), {}, key="shop")


OPENED = {"data": {"batch_results": [{"plaintext": "ZXhhbXBsZQ=="}]}}


@pytest.mark.parametrize("status", sorted(_vault_session.RETRIED))
def test_a_vault_that_cannot_answer_yet_is_asked_again(
    status: int, answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    said = answer(OPENED, first=[status, status])
    assert Secret(TOKEN).get() == "example"
    assert said["asked"] == 3
    assert [record.getMessage() for record in caplog.records if record.name == _vault_session.__name__] == [
        "Vault cannot answer now: trying again for up to 1 s"
    ]


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_a_refusal_is_not_repeated(status: int, answer: Answer) -> None:
    said = answer({}, status)
    with pytest.raises(SecretError):
        Secret(TOKEN).get()
    assert said["asked"] == 1


@pytest.mark.parametrize(
    ("status", "error"), [(429, ThrottledError), (503, UnreachableError), (0, UnreachableError)], ids=str
)
def test_a_vault_that_never_answers_ends_the_start_at_the_deadline(
    status: int, error: type[SecretError], answer: Answer
) -> None:
    answer({}, status, first=[0] * 20 if status == 0 else ())
    start = time.monotonic()
    with pytest.raises(error):
        Secret(TOKEN).get()
    assert time.monotonic() - start < _vault_session.DEADLINE_SECONDS + 2


def test_a_vault_that_starts_meanwhile_is_reached(answer: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    said = answer(OPENED)
    attempt, refused = _vault_session.VaultSession._attempt, [1, 2]

    def attempt_twice_in_vain(self: Any, path: str, body: dict[str, Any]) -> Any:
        if refused:
            refused.pop()
            return UnreachableError("refused"), 0.0
        return attempt(self, path, body)

    monkeypatch.setattr(_vault_session.VaultSession, "_attempt", attempt_twice_in_vain)
    assert Secret(TOKEN).get() == "example"
    assert said["asked"] == 1


LOGGED_IN = {"auth": {"client_token": "example-token-of-a-login"}, **OPENED}


def log_in(monkeypatch: pytest.MonkeyPatch, kind: str) -> str:
    """Let the session log in with credentials of its own; return the one that must not be shown."""
    monkeypatch.delenv("VAULT_TOKEN")
    if kind == "approle":
        monkeypatch.setenv(_vault_session.ROLE_ID_VARIABLE, "example-role")
        monkeypatch.setenv(_vault_session.SECRET_ID_VARIABLE, "example-secret-id")
        return "example-secret-id"
    monkeypatch.setenv(_vault_session.ROLE_VARIABLE, "example-role")
    monkeypatch.setenv(_vault_session.JWT_VARIABLE, "example-jwt-of-a-pod")
    return "example-jwt-of-a-pod"


@pytest.mark.parametrize("kind", ["approle", "jwt"])
def test_the_token_of_a_login_is_revoked_after_the_last_answer(
    kind: str, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = answer(LOGGED_IN)
    log_in(monkeypatch, kind)
    assert Secret(TOKEN).get() == "example"
    assert [path.rpartition("/v1/")[2] for path, _, _ in said["requests"]] == [
        f"auth/{kind}/login",
        "transit/decrypt/shop",
        "auth/token/revoke-self",
    ]
    assert said["requests"][-1][1] == "example-token-of-a-login"


def test_a_token_of_the_environment_is_not_revoked(answer: Answer) -> None:
    said = answer(OPENED)
    assert Secret(TOKEN).get() == "example"
    assert [path.rpartition("/v1/")[2] for path, _, _ in said["requests"]] == ["transit/decrypt/shop"]


@pytest.mark.parametrize("kind", ["approle", "jwt", "token"])
def test_what_opens_vault_is_redacted(kind: str, answer: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(LOGGED_IN)
    shown = ["example-token"] if kind == "token" else [log_in(monkeypatch, kind), "example-token-of-a-login"]
    assert Secret(TOKEN).get() == "example"
    for text in shown:
        assert redact(f"sent {text!r}") == "sent '<redacted>'"


def test_vault_is_asked_to_answer_200_if_some_tokens_fail(answer: Answer) -> None:
    """By default it answers 400, and a proxy on the way may log that answer with the plaintexts of the others."""
    said = answer(OPENED)
    assert Secret(TOKEN).get() == "example"
    [(_, _, body)] = said["requests"]
    assert body["partial_failure_response_code"] == 200
