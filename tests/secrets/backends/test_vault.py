"""The vault backend without a Vault: what is refused before it is asked, and odd answers from a stand-in.

What a real Vault answers is tested in test_vault_server.py. The stand-in gives the answers that a Vault never gives:
those of a proxy, a load balancer or another program at its address.
"""

from __future__ import annotations

import pytest

from tests.secrets.backends.vault_names import TOKEN, Answer
from tests.secrets.broken import assert_all_refused, outcomes
from tests.secrets.tokens import made
from zemanta_ops.secrets import Secret, SecretError, backends, wire
from zemanta_ops.secrets.exceptions import (
    ConfigError,
    DecryptError,
    EncryptError,
    MissingKeyError,
    ThrottledError,
    TokenError,
    UnreachableError,
)

pytestmark = pytest.mark.usefixtures("nowhere")


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
