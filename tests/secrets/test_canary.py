"""A plaintext goes through every backend, and is nowhere in what an error, a repr, a log or a pickle shows."""

from __future__ import annotations

import base64
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.secrets.tokens import made
from tests.servers.kms import ALIAS, KMS, REGION
from tests.servers.vault import ROOT_TOKEN, Vault
from zemanta_ops.secrets import Secret, StrictSecret, decrypt_settings, ledger
from zemanta_ops.secrets.backends import _agekeys
from zemanta_ops.secrets.exceptions import ResolveError

CANARY = "Kanarienvogel/é+\"'\n?"
IDENTITY = _agekeys.Identity("x25519", bytes(range(32)))
FORMS = [
    CANARY,
    repr(CANARY)[1:-1],
    json.dumps(CANARY)[1:-1],
    quote(CANARY, safe=""),
    base64.b64encode(CANARY.encode()).decode(),
    "Kanarienvogel",
]

Arrange = Callable[[pytest.MonkeyPatch], dict[str, Any]]


def local(_: pytest.MonkeyPatch) -> dict[str, Any]:
    return {}


def password(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("ZEMANTA_OPS_PASSWORD", "example password")
    return {"suite": "scrypt"}


def sealed(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("ZEMANTA_OPS_SEALED_KEY", IDENTITY.text())
    return {"recipients": str(IDENTITY.recipient)}


@pytest.mark.parametrize("arrange", [local, password, sealed])
def test_a_plaintext_is_nowhere(
    arrange: Arrange, home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert_nowhere(arrange.__name__, arrange(monkeypatch), caplog)


def test_a_plaintext_of_kms_is_nowhere_not_in_the_debug_log_of_botocore_either(
    kms: KMS, caplog: pytest.LogCaptureFixture
) -> None:
    assert_nowhere("kms", {"key": ALIAS, "region": REGION}, caplog)
    assert "botocore" in caplog.text


@pytest.mark.second_tier
def test_a_plaintext_of_vault_is_nowhere(
    vault: Vault, home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("VAULT_ADDR", vault.url)
    monkeypatch.setenv("VAULT_TOKEN", ROOT_TOKEN)
    vault.call("transit/keys/canary", {})
    assert_nowhere("vault", {"key": "canary"}, caplog)
    assert ROOT_TOKEN not in caplog.text


def assert_nowhere(backend: str, options: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = made(backend, CANARY, {"name": "GOOD"}, **options)
    moved = token.replace("name=GOOD", "name=MOVED")
    settings: dict[str, Any] = {"GOOD": Secret(token), "MOVED": Secret(moved), "DEBUG": True}
    with pytest.raises(ResolveError) as caught:
        decrypt_settings(settings)
    secret, strict = Secret(token), StrictSecret(token)
    assert secret.get(name="GOOD") == strict.decrypt(name="GOOD") == CANARY
    error = caught.value
    shown = [
        *errors(error),
        *(line for failure in error.failures.values() for line in errors(failure)),
        *(f"{value!r} {value!s} {pickle.dumps(value)!r}" for value in (secret, strict, *settings.values())),
        repr(ledger.entries()),
        caplog.text,
    ]
    for text in shown:
        assert [form for form in FORMS if form in text] == []
    assert list(error.failures) == ["MOVED"]
    assert CANARY in ledger.revealed()


def errors(error: BaseException | None) -> list[str]:
    """Return all that an error and those behind it can print, attributes included."""
    texts = []
    while error is not None:
        texts += [str(error), repr(error), repr(vars(error)), "".join(traceback.format_exception(error))]
        error = error.__cause__ or error.__context__
    return texts
