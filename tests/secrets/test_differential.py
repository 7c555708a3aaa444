"""Against the real SecretCrypt 1.0.4: what it writes opens here, and the other way if it can read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.secrets.secretcrypt1 import SecretCrypt, installed
from tests.secrets.tokens import made
from tests.servers.kms import ALIAS, KMS, REGION
from zemanta_ops.secrets import LegacyTokenWarning, Secret

PLAINTEXTS = [
    "a",
    "example",
    "x" * 15,
    "x" * 16,
    "x" * 17,
    "ünïcödé ✓",
    "a:b:c",
    "line\nline\r\n",
    " spaces ",
    "x" * 4000,
]


@pytest.fixture(scope="session")
def package() -> SecretCrypt:
    """Install it before a test moves its home folder."""
    return SecretCrypt(installed())


@pytest.fixture
def secretcrypt(package: SecretCrypt, home: Path, monkeypatch: pytest.MonkeyPatch) -> SecretCrypt:
    monkeypatch.setenv("ZEMANTA_OPS_PASSWORD", "example password")
    return package


@pytest.mark.parametrize("backend", ["local", "password"])
def test_unauthenticated_tokens_of_1x_open_here(backend: str, secretcrypt: SecretCrypt) -> None:
    # The first process keys with the text of the key, every later one with what it encodes: both kinds exist.
    first = secretcrypt.run([("encrypt", backend, text, {}) for text in PLAINTEXTS])
    second = secretcrypt.run([("encrypt", backend, text, {}) for text in PLAINTEXTS])
    with pytest.warns(LegacyTokenWarning):
        for tokens in (first, second):
            assert [Secret(token).get() for token in tokens] == PLAINTEXTS


def test_plain_tokens_open_in_both_directions(secretcrypt: SecretCrypt) -> None:
    theirs = secretcrypt.run([("encrypt", "plain", text, {}) for text in PLAINTEXTS])
    assert [Secret(token).get() for token in theirs] == PLAINTEXTS
    ours = [made("plain", text) for text in PLAINTEXTS]
    assert secretcrypt.run([("decrypt", "", token, {}) for token in ours]) == PLAINTEXTS


def test_kms_tokens_of_1x_open_here(secretcrypt: SecretCrypt, kms: KMS) -> None:
    params = {"region": REGION, "key_id": ALIAS}
    tokens = secretcrypt.run([("encrypt", "kms", text, params) for text in PLAINTEXTS])
    assert [Secret(token).get() for token in tokens] == PLAINTEXTS


def test_a_kms_token_of_ours_without_its_key_opens_in_1x(secretcrypt: SecretCrypt, kms: KMS) -> None:
    """SecretCrypt knows no ``key``; the ciphertext is the same."""
    tokens = []
    for text in PLAINTEXTS:
        _, _, body = made("kms", text, key=ALIAS, region=REGION).split(":", 2)
        tokens.append(f"kms:region={REGION}:{body}")
    assert secretcrypt.run([("decrypt", "", token, {}) for token in tokens]) == PLAINTEXTS
