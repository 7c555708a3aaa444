"""The sealed backend: the sources of the private key."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.secrets.backends.sealed_keys import (
    CLASSIC_KEY,
    HYBRID_KEY,
    Hold,
    sealed,
)
from tests.secrets.tokens import made
from zemanta_ops.secrets import Secret, SecretError, backends, decrypt_settings, ledger, wire
from zemanta_ops.secrets.backends import _bech32
from zemanta_ops.secrets.exceptions import ContextError, MissingKeyError
from zemanta_ops.secrets.redaction import redact


def test_the_private_key_may_be_in_a_file_as_age_keygen_writes_it(
    hold: Hold, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = home / "example.key"
    path.write_text(f"# created: today\n# public key: {CLASSIC_KEY.recipient}\n{CLASSIC_KEY.text()}\n")
    monkeypatch.setenv("ZEMANTA_OPS_SEALED_KEY_FILE", str(path))
    assert Secret(sealed("example", CLASSIC_KEY)).get() == "example"
    path.unlink()
    with pytest.raises(MissingKeyError, match="ZEMANTA_OPS_SEALED_KEY_FILE names cannot be read"):
        Secret(sealed("example", CLASSIC_KEY)).get()


def test_a_private_key_typed_in_lower_case_is_redacted_in_both_spellings(hold: Hold) -> None:
    text = CLASSIC_KEY.text()
    hold(text.lower())
    assert Secret(sealed("example", CLASSIC_KEY)).get() == "example"
    assert redact(f"a {text} b {text.lower()}") == "a <redacted> b <redacted>"


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
@pytest.mark.parametrize("prefix", ["AGE-SECRET-KEY-1", "AGE-SECRET-KEY-PQ-1"])
def test_a_private_key_of_another_length_is_refused(prefix: str, length: int, hold: Hold) -> None:
    """Its check sum is right, so only its length shows that it is not a key."""
    text = _bech32.encode(prefix.lower()[:-1], bytes(range(length))).upper()
    assert text.startswith(prefix)
    hold(text)
    with pytest.raises(MissingKeyError, match="expected private keys of age"):
        Secret(sealed("x", CLASSIC_KEY)).get()


@pytest.mark.parametrize("text", ["hunter2", CLASSIC_KEY.text()[:-1], "# only a comment", str(CLASSIC_KEY.recipient)])
def test_what_is_no_private_key_is_refused_and_not_repeated(text: str, hold: Hold) -> None:
    hold(text)
    with pytest.raises(MissingKeyError, match="expected private keys of age") as caught:
        Secret(sealed("x", CLASSIC_KEY)).get()
    assert text not in str(caught.value)


def test_the_private_key_may_itself_be_a_token_and_is_fetched_once_for_all(
    hold: Hold, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(made("local", HYBRID_KEY.text(), {"name": "ZEMANTA_OPS_SEALED_KEY"}))
    calls: list[wire.Token] = []
    local = backends.load("local")
    decrypt = local.decrypt

    def counted(token: wire.Token) -> bytes:
        calls.append(token)
        return decrypt(token)

    monkeypatch.setattr(local, "decrypt", counted)
    settings = {"A": Secret(sealed("example one", HYBRID_KEY)), "B": [Secret(sealed("example two", HYBRID_KEY))]}
    decrypt_settings(settings)
    assert settings == {"A": "example one", "B": ["example two"]}
    assert len(calls) == 1
    assert HYBRID_KEY.text() in ledger.plaintexts()


def test_a_token_in_a_token_is_an_error(hold: Hold) -> None:
    hold(made("local", made("local", CLASSIC_KEY.text())))
    with pytest.raises(MissingKeyError, match="holds another token"):
        Secret(sealed("x", CLASSIC_KEY)).get()


def test_a_sealed_token_cannot_hold_the_key_of_sealed_tokens(hold: Hold) -> None:
    hold(sealed(CLASSIC_KEY.text(), CLASSIC_KEY))
    with pytest.raises(MissingKeyError, match="holds a sealed token"):
        Secret(sealed("x", CLASSIC_KEY)).get()


def test_the_token_of_another_setting_cannot_stand_for_the_key(hold: Hold) -> None:
    hold(made("local", CLASSIC_KEY.text(), {"name": "EMAIL_HOST_PASSWORD"}))
    with pytest.raises(ContextError, match="another name"):
        Secret(sealed("x", CLASSIC_KEY)).get()


def test_why_the_token_of_the_key_fails_is_said(hold: Hold, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hold(made("local", CLASSIC_KEY.text()))
    monkeypatch.setenv("ZEMANTA_OPS_KEY_DIR", str(home / "another"))
    with pytest.raises(MissingKeyError, match=r"the token in ZEMANTA_OPS_SEALED_KEY \(local\) cannot be decrypted"):
        Secret(sealed("x", CLASSIC_KEY)).get()
    hold("unknown::token")
    with pytest.raises(SecretError, match="unknown backend"):
        Secret(sealed("x", CLASSIC_KEY)).get()


def test_a_key_token_that_is_not_text_is_an_error(hold: Hold) -> None:
    hold(made("local", b"\xff\xfe"))
    with pytest.raises(MissingKeyError, match="does not hold a private key"):
        Secret(sealed("x", CLASSIC_KEY)).get()


def test_neither_repr_nor_str_of_a_private_key_shows_it() -> None:
    shown = f"{HYBRID_KEY!r} {HYBRID_KEY}"
    assert HYBRID_KEY.text() not in shown
    assert repr(HYBRID_KEY.seed) not in shown
