"""What is refused of a password token before anyone is asked for a password, and the words of each refusal."""

from __future__ import annotations

import getpass
from pathlib import Path

import pytest

from tests.secrets.tokens import made
from zemanta_ops.secrets import Secret, wire
from zemanta_ops.secrets.backends import password
from zemanta_ops.secrets.exceptions import EncryptError, MissingKeyError, TokenError

ARGON = {"v": "2", "suite": "argon2id", "m": "8", "t": "1", "p": "1", "salt": "0" * 32}
SCRYPT = {"v": "2", "suite": "scrypt", "n": "2", "r": "1", "p": "1", "salt": "0" * 32}
FORM = "malformed password token: a cost or the salt is not a number"
UNKNOWN = "malformed password token: unknown version or suite. A token of SecretCrypt 1.x has a salt and nothing else"
TOO_MUCH = "the key derivation of this password token costs more than the limit"
OLD = "malformed password token: a token of SecretCrypt 1.x has a base64 salt"


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({**ARGON, "v": "3"}, UNKNOWN),
        ({**ARGON, "suite": "bcrypt"}, UNKNOWN),
        ({"v": "2"}, UNKNOWN),
        ({**ARGON, "m": "0"}, FORM),
        ({**SCRYPT, "n": "1e3"}, FORM),
        ({**ARGON, "salt": "0" * 31}, FORM),
        ({**ARGON, "t": "17"}, TOO_MUCH),
        ({**ARGON, "p": "17"}, TOO_MUCH),
        ({**ARGON, "m": "262145"}, TOO_MUCH),
        ({**SCRYPT, "n": "262144", "r": "9"}, TOO_MUCH),
        ({"salt": "a:b"}, OLD),
        ({"salt": ""}, OLD),
        ({}, OLD),
    ],
)
def test_a_malformed_token_is_refused_before_a_password_is_read(
    params: dict[str, str], reason: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(password, "_read_password", lambda **_: pytest.fail("a password was read"))
    [result] = password.PasswordBackend().decrypt_many([wire.Token("password", params, "QUJD")])
    assert isinstance(result, TokenError)
    assert str(result) == reason


@pytest.mark.parametrize(
    "params",
    [
        {**ARGON, "t": "16", "p": "16", "m": "262144"},
        {**SCRYPT, "n": "262144", "r": "8", "p": "4"},
        {**SCRYPT, "n": "131072", "r": "16"},
    ],
)
def test_a_token_may_cost_as_much_as_the_limit(params: dict[str, str]) -> None:
    costs = password._read_costs(wire.Token("password", params))
    assert costs == {name: int(text) for name, text in params.items() if name not in ("v", "suite", "salt")}


def test_costs_that_do_not_fit_together_are_reported() -> None:
    token = wire.Token("password", {**ARGON, "m": "8", "p": "16"})
    with pytest.raises(TokenError) as caught:
        password._derive_key(token, b"example")
    assert str(caught.value) == "malformed password token: its costs do not fit together"


def test_a_password_may_have_any_bytes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password file in another encoding has bytes that are not UTF-8, which become lone surrogates."""
    monkeypatch.setattr(password, "COSTS", {"scrypt": {"n": 2, "r": 1, "p": 1}})
    monkeypatch.setattr(getpass, "getpass", lambda _: "caf\udce9-example")
    token = made("password", "example", suite="scrypt")
    assert Secret(token).get() == "example"
    assert password._reveal("caf\udce9-example") == b"caf\xe9-example"


def test_the_words_of_what_is_wrong_with_a_password(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter(["one", "other"])
    monkeypatch.setattr(getpass, "getpass", lambda _: next(typed))
    with pytest.raises(EncryptError) as differ:
        password._read_new_password()
    assert str(differ.value) == "the two passwords differ: nothing was encrypted"

    def echo(_: str) -> str:
        raise getpass.GetPassWarning

    monkeypatch.setattr(getpass, "getpass", echo)
    with pytest.raises(MissingKeyError) as missing:
        password._read_password()
    assert str(missing.value) == (
        "there is no terminal to ask for the password on: set ZEMANTA_OPS_PASSWORD or ZEMANTA_OPS_PASSWORD_FILE"
    )


def test_a_wrong_password_is_reported_without_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = wire.Token("password", SCRYPT, "QUJD" * 16)
    monkeypatch.setenv(password.VARIABLE, "example-password")
    [result] = password.PasswordBackend().decrypt_many([token])
    assert str(result) == "wrong password, or the password token, its app or its name was changed"
