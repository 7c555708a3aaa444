"""The vault backend without a Vault: what is asked again, what is revoked, and what is redacted."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests

from tests.secrets.backends.vault_names import TOKEN, Answer
from zemanta_ops.secrets import Secret, SecretError
from zemanta_ops.secrets.backends import _vault_session
from zemanta_ops.secrets.exceptions import (
    ThrottledError,
    UnreachableError,
)
from zemanta_ops.secrets.redaction import redact

pytestmark = pytest.mark.usefixtures("nowhere")


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


def test_a_login_is_revoked_after_the_deadline_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Vault that has used up the time may still need a second or two: a login that is not revoked stays valid."""
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:9")
    session = _vault_session.VaultSession()
    session._own, session._deadline = True, time.monotonic() - 60
    asked: list[float] = []

    def request(*_: Any, timeout: tuple[float, float], **__: Any) -> Any:
        asked.append(timeout[1])
        raise requests.ConnectionError

    monkeypatch.setattr(session._client.adapter, "request", request)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setattr(_vault_session, "CLOSING_SECONDS", 0.5)
    session.close()
    assert asked[0] > 0.2
