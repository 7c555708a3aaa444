"""What is sent to Vault, and what is made of its answers, with a stand-in; test_vault_server.py asks a real one."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from tests.secrets.backends.vault_names import Answer
from zemanta_ops.secrets import config, wire
from zemanta_ops.secrets.backends import vault
from zemanta_ops.secrets.backends.vault import VaultBackend
from zemanta_ops.secrets.exceptions import ConfigError, DecryptError, EncryptError, TokenError, WrongKeyError

pytestmark = pytest.mark.usefixtures("nowhere")

CIPHERTEXT = "vault:v7:QUJD"
PLAIN = {"v": "1", "key": "shop"}
DERIVED = {**PLAIN, "derived": "1"}
BOUND = {**PLAIN, "app": "shop", "c.env": "production"}


def token(params: dict[str, str] = PLAIN, ciphertext: str = CIPHERTEXT) -> wire.Token:
    return wire.Token("vault", params, ciphertext)


def b64(text: bytes) -> str:
    return base64.b64encode(text).decode()


def authenticated(params: dict[str, str]) -> str:
    return b64(wire.associated_data(token(params), version="1", suite="transit", key_id="shop"))


def bodies(said: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(path, body) for path, _, body in said["requests"]]


def decrypted(*results: dict[str, str]) -> dict[str, Any]:
    return {"data": {"batch_results": list(results)}}


@pytest.mark.parametrize(
    ("context", "options", "params", "sent"),
    [
        ({}, {}, PLAIN, {}),
        ({}, {"key_version": 3}, PLAIN, {"key_version": 3}),
        ({}, {"key_version": "12", "derived": False}, PLAIN, {"key_version": 12}),
        ({}, {"key_version": 0}, PLAIN, {}),
        ({}, {"derived": True}, DERIVED, {"context": authenticated(DERIVED)}),
        ({"app": "shop", "env": "production"}, {}, BOUND, {"associated_data": authenticated(BOUND)}),
        (
            {"app": "shop"},
            {"derived": True},
            {**DERIVED, "app": "shop"},
            dict.fromkeys(("context", "associated_data"), authenticated({**DERIVED, "app": "shop"})),
        ),
    ],
)
def test_a_plaintext_is_encrypted_under_the_key_and_bound(
    context: dict[str, str], options: dict[str, Any], params: dict[str, str], sent: dict[str, Any], answer: Answer
) -> None:
    said = answer({"data": {"ciphertext": CIPHERTEXT}})
    assert VaultBackend().encrypt(b"\x00example", context, key="shop", **options) == token(params)
    assert bodies(said) == [("/v1/transit/encrypt/shop", {"plaintext": b64(b"\x00example"), **sent})]


def test_tokens_are_decrypted_with_one_call_for_each_key_in_their_order(answer: Answer) -> None:
    said = answer(decrypted({"plaintext": b64(b"one")}, {"plaintext": b64(b"two")}))
    other = {**DERIVED, "key": "bank"}
    given = [token(), token({**PLAIN, "v": "2"}), token(other), token(BOUND), token(other)]
    results = VaultBackend().decrypt_many(given)
    assert isinstance(results.pop(1), TokenError)
    assert results == [b"one", b"one", b"two", b"two"]
    derived = b64(wire.associated_data(token(other), version="1", suite="transit", key_id="bank"))
    last = {"ciphertext": CIPHERTEXT, "context": derived}
    bound = {"ciphertext": CIPHERTEXT, "associated_data": authenticated(BOUND)}
    assert bodies(said) == [
        ("/v1/transit/decrypt/shop", _batch({"ciphertext": CIPHERTEXT}, bound)),
        ("/v1/transit/decrypt/bank", _batch(last, last)),
    ]


def _batch(*items: dict[str, str]) -> dict[str, Any]:
    return {"batch_input": list(items), "partial_failure_response_code": 200}


def test_a_call_has_a_limited_number_of_tokens(answer: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault, "_BATCH", 2)
    said = answer(decrypted({"plaintext": b64(b"one")}, {"plaintext": b64(b"two")}))
    assert VaultBackend().decrypt_many([token()] * 4) == [b"one", b"two", b"one", b"two"]
    assert [len(body["batch_input"]) for _, body in bodies(said)] == [2, 2]


def test_tokens_that_are_all_malformed_need_no_vault() -> None:
    results = VaultBackend().decrypt_many([token({"v": "1"}), token(PLAIN, "QUJD")])
    assert all(isinstance(result, TokenError) for result in results)
    assert VaultBackend().decrypt_many([]) == []


def test_each_result_is_a_plaintext_or_an_error_of_its_own(answer: Answer) -> None:
    failed = [{"error": "cipher: message authentication failed"}, {"error": "odd"}, {"plaintext": "!"}]
    answer(decrypted({"plaintext": b64(b"one")}, {}, *failed))
    one, empty, *errors = VaultBackend().decrypt_many([token()] * 5)
    assert (one, empty) == (b"one", b"")
    assert [(type(error), str(error)) for error in errors] == [
        (WrongKeyError, "the vault token, its app or its name was changed"),
        (DecryptError, "Vault refuses transit/decrypt/shop (status 400)"),
        (DecryptError, "Vault returned a plaintext that is not base64"),
    ]


@pytest.mark.parametrize("body", [{"data": None}, {}, {"data": {"batch_results": None}}, decrypted({}, {}, {})])
def test_another_number_of_results_is_an_error_of_each_token(body: object, answer: Answer) -> None:
    answer(body)
    for result in VaultBackend().decrypt_many([token()] * 2):
        assert str(result) == "Vault returned a different number of results than requested"


def test_a_refusal_is_the_error_of_the_tokens_of_its_key(answer: Answer) -> None:
    answer({"errors": ["permission denied"]}, 403)
    results = VaultBackend().decrypt_many([token(), token({**PLAIN, "v": "2"}), token()])
    reason = "Vault refuses: a policy of this token must grant update on transit/decrypt/shop"
    assert [str(results[place]) for place in (0, 2)] == [reason, reason]
    assert isinstance(results[1], TokenError)


def test_without_a_login_each_well_formed_token_fails_for_that() -> None:
    first, second = VaultBackend().decrypt_many([token(), token({**PLAIN, "v": "2"})])
    assert "VAULT_ADDR is not set" in str(first)
    assert isinstance(second, TokenError)


@pytest.mark.parametrize(
    ("params", "options", "sent"),
    [
        (PLAIN, {}, {"ciphertext": CIPHERTEXT}),
        (DERIVED, {"derived": True}, {"ciphertext": CIPHERTEXT, "context": authenticated(DERIVED)}),
        (PLAIN, {"key_version": 9, "mount": "engines/a"}, {"ciphertext": CIPHERTEXT, "key_version": 9}),
    ],
)
def test_an_unbound_token_is_encrypted_anew_inside_vault(
    params: dict[str, str], options: dict[str, Any], sent: dict[str, Any], answer: Answer
) -> None:
    said = answer({"data": {"ciphertext": "vault:v8:QUJE"}})
    assert VaultBackend().rewrap(token(params), {}, key="shop", **options) == token(params, "vault:v8:QUJE")
    assert bodies(said) == [(f"/v1/{options.get('mount', 'transit')}/rewrap/shop", sent)]


def test_a_token_of_the_other_kind_of_key_is_not_encrypted_anew(answer: Answer) -> None:
    said = answer({})
    assert VaultBackend().rewrap(token(DERIVED), {}, key="shop") is None
    assert VaultBackend().rewrap(token(BOUND), {}, key="shop") is None
    assert VaultBackend().rewrap(token(), {"app": "shop"}, key="shop") is None
    assert VaultBackend().rewrap(token(), {}, key="shop", derived=True) is None
    assert said["requests"] == []


def test_the_mount_is_the_option_then_the_variable_then_that_of_the_file(
    answer: Answer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = answer({"data": {"ciphertext": CIPHERTEXT}})
    file = home / config.FILE_NAME
    file.write_text('[environments.a]\nbackend = "kms"\nmount = "ignored"\n')
    VaultBackend().encrypt(b"", {}, key="shop")
    file.write_text('[environments.a]\nbackend = "vault"\nmount = "from-file"\n')
    VaultBackend().encrypt(b"", {}, key="shop")
    monkeypatch.setenv(vault.MOUNT_VARIABLE, "from-variable")
    VaultBackend().encrypt(b"", {}, key="shop")
    VaultBackend().encrypt(b"", {}, key="shop", mount="given")
    mounts = ("transit", "from-file", "from-variable", "given")
    assert [path for path, _ in bodies(said)] == [f"/v1/{mount}/encrypt/shop" for mount in mounts]
    with pytest.raises(ConfigError) as caught:
        VaultBackend().encrypt(b"", {}, key="shop", mount="../sys")
    assert str(caught.value) == (
        "mount, or ZEMANTA_OPS_VAULT_MOUNT, must be the path of a secrets engine, such as transit"
    )


@pytest.mark.parametrize(
    ("params", "ciphertext", "reason"),
    [
        ({**PLAIN, "v": "2"}, CIPHERTEXT, "unknown version, or derived is not 1"),
        ({**PLAIN, "derived": "0"}, CIPHERTEXT, "unknown version, or derived is not 1"),
        ({**PLAIN, "key": "a/b"}, CIPHERTEXT, "its key is not a key name"),
        (PLAIN, "QUJD", "its ciphertext does not start with vault:vN:"),
        (PLAIN, "vault:v1:QUJ", "the ciphertext is not base64"),
        ({**PLAIN, "c.a": "\udcff"}, CIPHERTEXT, "its context is not valid UTF-8"),
    ],
)
def test_the_words_of_a_malformed_token(params: dict[str, str], ciphertext: str, reason: str) -> None:
    [result] = VaultBackend().decrypt_many([token(params, ciphertext)])
    assert (type(result), str(result)) == (TokenError, f"malformed vault token: {reason}")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"key": "a/b"}, "key must be the name of a transit key: up to 64 letters, digits, _ and -"),
        ({"key": "shop", "key_version": "x"}, "key_version must be a whole number"),
        ({"key": "shop", "key_version": "²"}, "key_version must be a whole number"),
        ({"key": "shop", "key_version": -1}, "key_version must be a whole number"),
        (
            {"key": "shop", "colour": "red"},
            "the vault backend has no option colour; it has: key, mount, derived, key_version",
        ),
        (
            {},
            "the vault backend needs key: use the argument KEY (rotate_secrets and migrate_secrets: --key), "
            "or set it in zemanta_ops.toml",
        ),
    ],
)
def test_the_words_of_a_wrong_option(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(EncryptError) as caught:
        VaultBackend().encrypt(b"x", {}, **options)
    assert str(caught.value) == reason
    if options.get("key") != "a/b":
        with pytest.raises(EncryptError) as caught:
            VaultBackend().rewrap(token(), {}, **options)
        assert str(caught.value) == reason


@pytest.mark.parametrize("body", [{"data": None}, {}, {"data": {"ciphertext": "vault:v1:QUJ"}}])
def test_an_answer_without_a_ciphertext_makes_no_token(body: object, answer: Answer) -> None:
    answer(body)
    with pytest.raises(EncryptError) as caught:
        VaultBackend().encrypt(b"x", {}, key="shop")
    assert str(caught.value) == "Vault returned a ciphertext that is malformed"


def test_a_refused_encryption_is_an_error_of_encryption(answer: Answer) -> None:
    answer({"errors": ["odd"]}, 400)
    with pytest.raises(EncryptError, match=r"^Vault refuses transit/encrypt/shop \(status 400\)$"):
        VaultBackend().encrypt(b"x", {}, key="shop")
    with pytest.raises(EncryptError, match=r"^Vault refuses transit/rewrap/shop \(status 400\)$"):
        VaultBackend().rewrap(token(), {}, key="shop")
