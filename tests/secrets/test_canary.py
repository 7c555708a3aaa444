"""A plaintext goes through every backend, and is nowhere in what an error, a repr, a log or a pickle shows."""

from __future__ import annotations

import base64
import copy
import logging
import pickle
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sentry_sdk
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.secrets.nowhere import CANARY, all_of, shown
from tests.secrets.redaction.test_sentry import Kept
from tests.secrets.tokens import made
from tests.servers.kms import ALIAS, KMS, REGION
from tests.servers.vault import ROOT_TOKEN, Vault
from zemanta_ops.secrets import Secret, StrictSecret, decrypt_settings, ledger, redaction
from zemanta_ops.secrets.backends import _agekeys, local, password
from zemanta_ops.secrets.exceptions import (
    ContextError,
    LegacyTokenWarning,
    MissingKeyError,
    ResolveError,
    SecretError,
    WrongKeyError,
)
from zemanta_ops.secrets.redaction.logs import RecordFactory

PASSWORD = "example password"
IDENTITY = _agekeys.Identity("x25519", bytes(range(32)))
HYBRID = _agekeys.Identity("mlkem768x25519", bytes(range(32)))
CHEAP = {"argon2id": {"m": 8, "t": 1, "p": 1}, "scrypt": {"n": 2, "r": 1, "p": 1}}


def get(token: str) -> str:
    return Secret(token).get()


def decrypt(token: str) -> str:
    return StrictSecret(token).decrypt()


Arrange = Callable[[pytest.MonkeyPatch], tuple[str, dict[str, Any]]]


@pytest.fixture(autouse=True)
def _factory() -> Iterator[None]:
    before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(RecordFactory(before))
    yield
    logging.setLogRecordFactory(before)


def plain(_: pytest.MonkeyPatch) -> tuple[str, dict[str, Any]]:
    return "plain", {}


def local_key(_: pytest.MonkeyPatch) -> tuple[str, dict[str, Any]]:
    return "local", {}


def argon2id(monkeypatch: pytest.MonkeyPatch) -> tuple[str, dict[str, Any]]:
    monkeypatch.setenv("ZEMANTA_OPS_PASSWORD", PASSWORD)
    monkeypatch.setattr(password, "COSTS", CHEAP)
    return "password", {"suite": "argon2id"}


def scrypt(monkeypatch: pytest.MonkeyPatch) -> tuple[str, dict[str, Any]]:
    argon2id(monkeypatch)
    return "password", {"suite": "scrypt"}


def sealed(monkeypatch: pytest.MonkeyPatch) -> tuple[str, dict[str, Any]]:
    monkeypatch.setenv("ZEMANTA_OPS_SEALED_KEY", IDENTITY.text())
    return "sealed", {"recipients": str(IDENTITY.recipient)}


def hybrid(monkeypatch: pytest.MonkeyPatch) -> tuple[str, dict[str, Any]]:
    monkeypatch.setenv("ZEMANTA_OPS_SEALED_KEY", HYBRID.text())
    return "sealed", {"recipients": str(HYBRID.recipient)}


@pytest.mark.parametrize("arrange", [plain, local_key, argon2id, scrypt, sealed, hybrid])
def test_a_plaintext_is_nowhere(
    arrange: Arrange, home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert_nowhere(*arrange(monkeypatch), caplog)


@pytest.mark.parametrize("size", [1, 200], ids=["direct", "envelope"])
def test_a_plaintext_of_kms_is_nowhere_not_in_the_debug_log_of_botocore_either(
    size: int, kms: KMS, caplog: pytest.LogCaptureFixture
) -> None:
    assert_nowhere("kms", {"key": ALIAS, "region": REGION}, caplog, CANARY * size)
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


def assert_nowhere(
    backend: str, options: dict[str, Any], caplog: pytest.LogCaptureFixture, plaintext: str = CANARY
) -> None:
    caplog.set_level(logging.DEBUG)
    # No record goes through redaction here until the plaintext is known: what is logged on the way must not hold it.
    token = made(backend, plaintext, {"name": "GOOD"}, **options)
    settings: dict[str, Any] = {
        "GOOD": Secret(token),
        "URL": Secret.template("redis://:{}@{}", token.replace("name=GOOD", "name=URL"), token, quote=True),
        "MOVED": Secret(token.replace("name=GOOD", "name=MOVED")),
        "DEBUG": True,
    }
    # Nothing proves the name of a plain token.
    del settings["MOVED" if backend == "plain" else "DEBUG"]
    with pytest.raises(ResolveError) as caught:
        decrypt_settings(settings)
    secret, strict = Secret(token), StrictSecret(token)
    assert secret.get(name="GOOD") == strict.decrypt(name="GOOD") == plaintext
    with pytest.raises(ContextError) as moved:
        strict.decrypt(name="OTHER")
    holders = [secret, strict, *settings.values(), copy.copy(secret), copy.deepcopy(settings)]
    pickles = [pickle.dumps(holder) for holder in holders if backend != "plain"]
    logging.getLogger("child.of.root").error("%s %r", holders, caught.value, exc_info=caught.value)
    texts = {
        "errors": all_of(caught.value) + all_of(moved.value),
        "objects": " ".join(f"{holder!r} {[holder]}" for holder in holders),
        "pickles": " ".join(map(repr, pickles)),
        "ledger": repr(ledger.entries()),
        "log": caplog.text + repr([vars(record) for record in caplog.records]),
        "sentry": _reported(caught.value),
    }
    assert {place: found for place, text in texts.items() if (found := shown(text))} == {}
    assert set(caught.value.failures) >= {"URL"}
    assert plaintext in ledger.plaintexts()


def _reported(error: Exception) -> str:
    """Return what Sentry would be sent, with the variables of this frame among it."""
    kept = Kept()
    hook: Any = redaction.before_send
    with sentry_sdk.isolation_scope() as scope:
        scope.set_client(sentry_sdk.Client(dsn="http://key@127.0.0.1:9/1", before_send=hook, transport=kept))
        try:
            connect = [f"postgres://u:{CANARY}@host", CANARY.encode()]
            raise RuntimeError(connect) from error
        except RuntimeError:
            sentry_sdk.capture_exception()
    [sent] = kept.sent
    assert "<redacted>" in sent
    return sent


def test_no_frame_of_an_error_holds_a_key_or_a_password(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arranged = {arrange.__name__: arrange(monkeypatch) for arrange in (local_key, argon2id, scrypt, sealed)}
    tokens = {name: made(backend, "x", **options) for name, (backend, options) in arranged.items()}
    key = local._read_key(local.folder() / "current.key")
    for token in tokens.values():
        for read in (get, decrypt):
            with pytest.raises(WrongKeyError) as caught:
                read(f"{token[:-8]}AAAA{token[-4:]}")
            text = all_of(caught.value)
            for value in (repr(key), PASSWORD, repr(IDENTITY.seed), IDENTITY.text()):
                assert value not in text


def test_an_error_about_one_part_of_a_template_keeps_nothing_of_the_others(home: Path) -> None:
    good, bad, binary = made("local", CANARY), made("local", "x"), made("local", b"\xff" + CANARY.encode())
    for other in (f"{bad[:-8]}AAAA{bad[-4:]}", binary):
        with pytest.raises(SecretError) as caught:
            Secret.template("{}{}", good, other).get()
        assert shown(all_of(caught.value)) == []
        # And if a page shows the variables of the caller, redaction knows the value.
        assert CANARY in ledger.plaintexts()


@pytest.mark.parametrize("read", [get, decrypt])
def test_an_error_about_bytes_that_are_no_text_keeps_none(read: Callable[[str], str], home: Path) -> None:
    with pytest.raises(SecretError, match="not UTF-8") as caught:
        read(made("local", b"\xff" + CANARY.encode()))
    assert shown(all_of(caught.value)) == []


def test_a_warning_that_is_an_error_keeps_no_plaintext(home: Path) -> None:
    # A token of SecretCrypt 1.x under a key of zeros: IV and one block of AES-CBC.
    path = local.legacy_key_file()
    path.parent.mkdir(parents=True)
    path.write_text("AAAAAAAAAAAAAAAAAAAAAA==")
    encryptor = Cipher(algorithms.AES(bytes(16)), modes.CBC(bytes(16))).encryptor()
    padded = b"Kanarienvogel\x03\x03\x03"
    body = base64.b64encode(bytes(16) + encryptor.update(padded) + encryptor.finalize()).decode()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(LegacyTokenWarning) as caught:
            Secret(f"local::{body}").get()
    assert shown(all_of(caught.value)) == []
    assert Secret(f"local::{body}").get() == "Kanarienvogel"


def test_what_is_pasted_where_a_token_belongs_is_known_to_redaction() -> None:
    with pytest.raises(SecretError):
        Secret(CANARY)
    assert shown(redaction.redact(f"caller's frame: token = {CANARY!r}")) == []


def test_what_stands_in_place_of_a_private_key_is_known_to_redaction(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = made("sealed", "x", recipients=str(IDENTITY.recipient))
    for told, held in ((cut := IDENTITY.text()[:-4], cut), (made("local", CANARY), CANARY)):
        monkeypatch.setenv("ZEMANTA_OPS_SEALED_KEY", told)
        with pytest.raises(MissingKeyError) as caught:
            get(token)
        assert shown(all_of(caught.value)) == []
        assert redaction.redact(f"text = {held!r}") in ("text = '<redacted>'", 'text = "<redacted>"')
