"""What is sent to KMS, and what is made of its answers, with a client that records; test_kms.py asks a server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from zemanta_ops.secrets import wire
from zemanta_ops.secrets.backends import _aesgcm, _aws_session, kms
from zemanta_ops.secrets.backends._aws_calls import Patience
from zemanta_ops.secrets.backends.base import from_base64, to_base64
from zemanta_ops.secrets.backends.kms import KMSBackend
from zemanta_ops.secrets.exceptions import DecryptError, EncryptError, SecretError, TokenError, WrongKeyError

REGION = "eu-west-1"
ARN = "arn:aws:kms:eu-west-1:123456789012:key/1234"
OTHER = "arn:aws:kms:eu-west-1:123456789012:key/5678"
MRK = "arn:aws:kms:eu-west-1:123456789012:key/mrk-1234"
PARAMS = {"region": REGION, "key": ARN}
CONTEXT = {"app": "shop", "env": "production"}
BOUND = {**PARAMS, "app": "shop", "c.env": "production"}
DATA_KEY = bytes(range(32))
AWAY = "the key is in eu-west-1, not in us-east-1: leave out region, or name another key"
NO_REGION = "no AWS region: give --region, the key's ARN, AWS_REGION or a profile with a region"
NO_KEY = (
    "the kms backend needs key: use the argument KEY (rotate_secrets and migrate_secrets: --key), "
    "or set it in zemanta_ops.toml"
)


class Client:
    """Answers as KMS does for the key ``ARN``, and records the calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.regions: list[str] = []
        self.answers: dict[str, Any] = {
            "encrypt": {"KeyId": ARN, "CiphertextBlob": b"blob"},
            "generate_data_key": {"KeyId": MRK, "CiphertextBlob": b"wrapped", "Plaintext": DATA_KEY},
            "decrypt": {"KeyId": ARN, "Plaintext": b"example"},
            "re_encrypt": {"SourceKeyId": ARN, "KeyId": MRK, "CiphertextBlob": b"new"},
        }

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def send(**request: Any) -> Any:
            self.calls.append((name, request))
            if isinstance(self.answers[name], Exception):
                raise self.answers[name]
            return self.answers[name]

        return send


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    made = Client()

    def client(region: str) -> Client:
        made.regions.append(region)
        return made

    monkeypatch.setattr(_aws_session, "client", client)
    monkeypatch.setattr(_aws_session, "is_retry_configured", lambda: True)
    return made


def token(params: dict[str, str] = PARAMS, body: bytes = b"blob") -> wire.Token:
    return wire.Token("kms", params, to_base64(body))


def encrypt(plaintext: bytes = b"x", context: dict[str, str] | None = None, **options: str) -> wire.Token:
    return KMSBackend().encrypt(plaintext, context or {}, **{"key": "alias/shop", "region": REGION, **options})


def test_a_plaintext_is_encrypted_by_kms_with_its_context(client: Client) -> None:
    plaintext = b"\xff" * 4096
    assert encrypt(plaintext, CONTEXT) == token(BOUND)
    assert client.calls == [("encrypt", {"KeyId": "alias/shop", "Plaintext": plaintext, "EncryptionContext": CONTEXT})]
    assert set(client.regions) == {REGION}


def test_a_long_plaintext_is_encrypted_under_a_data_key(client: Client) -> None:
    made = encrypt(b"\xff" * 4097, CONTEXT)
    assert client.calls == [
        ("generate_data_key", {"KeyId": "alias/shop", "KeySpec": "AES_256", "EncryptionContext": CONTEXT})
    ]
    params = {
        "region": REGION,
        "key": "mrk-1234",
        "dk": to_base64(b"wrapped"),
        "app": "shop",
        "c.env": "production",
    }
    assert (made.backend, made.params) == ("kms", params)
    bound = wire.associated_data(made, version="1", suite=_aesgcm.NAME, key_id="mrk-1234")
    assert _aesgcm.decrypt(DATA_KEY, from_base64(made), bound) == b"\xff" * 4097
    client.answers["decrypt"] = {"Plaintext": DATA_KEY}
    changed = wire.Token("kms", {**params, "app": "bank"}, made.ciphertext)
    result, wrong = KMSBackend().decrypt_many([made, changed])
    assert result == b"\xff" * 4097
    assert (type(wrong), str(wrong)) == (WrongKeyError, "the kms token was changed after it was made")
    requests = [request for name, request in client.calls if name == "decrypt"]
    assert {"CiphertextBlob": b"wrapped", "EncryptionContext": CONTEXT, "KeyId": "mrk-1234"} in requests


def test_a_token_is_decrypted_with_its_own_key_and_context(client: Client) -> None:
    assert KMSBackend().decrypt_many([token(BOUND), token({"region": REGION}, b"old")]) == [b"example"] * 2
    by_blob = {request["CiphertextBlob"]: request for _, request in client.calls}
    assert by_blob == {
        b"blob": {"CiphertextBlob": b"blob", "EncryptionContext": CONTEXT, "KeyId": ARN},
        b"old": {"CiphertextBlob": b"old", "EncryptionContext": {}},
    }


def test_errors_stay_with_their_tokens(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = token(), token({**PARAMS, "key": "a b"})
    away = token({**PARAMS, "region": "us-east-1"})
    broken = wire.Token("kms", PARAMS, "not base64")
    prepared: list[tuple[str, int]] = []
    prepare = kms._prepare

    def count(region: str, total: int) -> Patience | SecretError:
        prepared.append((region, total))
        return SecretError("example") if region == "us-east-1" else prepare(region, total)

    monkeypatch.setattr(kms, "_prepare", count)
    results = KMSBackend().decrypt_many([good, bad, away, good, broken])
    assert [results[0], results[3]] == [b"example"] * 2
    assert [type(results[place]) for place in (1, 2, 4)] == [TokenError, SecretError, TokenError]
    assert sorted(prepared) == [(REGION, 3), ("us-east-1", 1)]
    assert KMSBackend().decrypt_many([]) == []


def test_a_client_that_cannot_be_made_fails_each_token_of_its_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_aws_session, "is_retry_configured", lambda: True)
    monkeypatch.setattr(_aws_session, "client", lambda _: (_ for _ in ()).throw(RuntimeError("example")))
    results = KMSBackend().decrypt_many([token(), token()])
    assert [type(result) for result in results] == [DecryptError] * 2
    assert "example" not in str(results[0])


@pytest.mark.parametrize("configured", [False, True])
def test_calls_are_repeated_unless_the_user_has_said_how_often(
    configured: bool, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_aws_session, "is_retry_configured", lambda: configured)
    made: list[dict[str, Any]] = []

    def make(region: str, total: int = 1, **options: Any) -> Patience:
        made.append({"region": region, "total": total, **options})
        return Patience(region, total, **options)

    monkeypatch.setattr(kms, "Patience", make)
    KMSBackend().decrypt_many([token()] * 3)
    assert made == [{"region": REGION, "total": 1}, {"region": REGION, "total": 3, "repeat": not configured}]


def test_an_answer_without_a_field_is_not_that_of_kms(client: Client) -> None:
    client.answers = {"encrypt": {"KeyId": ARN}, "generate_data_key": {"KeyId": ARN}, "decrypt": {}, "re_encrypt": {}}
    for plaintext in (b"x", b"x" * 4097):
        with pytest.raises(SecretError, match="KMS"):
            encrypt(plaintext)
    with pytest.raises(SecretError, match="KMS"):
        KMSBackend().rewrap(token(), {}, key=ARN)
    [result] = KMSBackend().decrypt_many([token()])
    assert isinstance(result, SecretError)


def test_a_refusal_is_an_error_of_what_was_asked_for(client: Client) -> None:
    refusal = ClientError({"Error": {"Code": "OddException", "Message": "example"}}, "Odd")
    client.answers = dict.fromkeys(client.answers, refusal)
    for plaintext in (b"x", b"x" * 4097):
        with pytest.raises(EncryptError):
            encrypt(plaintext)
    with pytest.raises(EncryptError):
        KMSBackend().rewrap(token(), {}, key=ARN)
    [result] = KMSBackend().decrypt_many([token()])
    assert type(result) is DecryptError


@pytest.mark.parametrize(
    ("params", "key", "sent"),
    [
        (BOUND, "alias/new", {"SourceEncryptionContext": CONTEXT, "SourceKeyId": ARN}),
        ({"region": REGION}, MRK, {"SourceEncryptionContext": {}}),
    ],
)
def test_a_token_is_encrypted_anew_inside_kms(
    params: dict[str, str], key: str, sent: dict[str, Any], client: Client
) -> None:
    made = KMSBackend().rewrap(token(params), {"app": "bank"}, key=key)
    assert made == token({"region": REGION, "key": "mrk-1234", "app": "bank"}, b"new")
    request = {"CiphertextBlob": b"blob", "DestinationKeyId": key, "DestinationEncryptionContext": {"app": "bank"}}
    assert client.calls == [("re_encrypt", {**request, **sent})]
    assert set(client.regions) == {REGION}


def test_a_new_key_is_needed_to_encrypt_anew(client: Client) -> None:
    with pytest.raises(EncryptError, match="needs key"):
        KMSBackend().rewrap(token(), {})


def test_a_data_key_that_is_not_base64_is_malformed(client: Client) -> None:
    [result] = KMSBackend().decrypt_many([token({**PARAMS, "dk": "!"})])
    assert (type(result), str(result)) == (TokenError, "malformed kms token: the ciphertext is not base64")


def test_a_token_that_another_key_made_is_not_encrypted_anew(client: Client) -> None:
    client.answers["re_encrypt"]["SourceKeyId"] = OTHER
    with pytest.raises(WrongKeyError) as caught:
        KMSBackend().rewrap(token(), {}, key=ARN)
    assert str(caught.value) == "a different KMS key made this token"
    client.answers["re_encrypt"]["SourceKeyId"] = MRK.replace(REGION, "us-east-1")
    assert KMSBackend().rewrap(token({**PARAMS, "key": "mrk-1234"}), {}, key=ARN)


@pytest.mark.parametrize(
    ("params", "options"),
    [
        ({**PARAMS, "dk": "QUJD"}, {"key": ARN}),
        (PARAMS, {"key": "alias/shop", "region": "us-east-1"}),
        (PARAMS, {"key": ARN.replace(REGION, "us-east-1")}),
        ({"key": ARN}, {"key": "alias/shop"}),
        ({**PARAMS, "region": "nowhere!"}, {"key": "alias/shop"}),
    ],
)
def test_what_kms_cannot_encrypt_anew_is_left_to_the_caller(
    params: dict[str, str], options: dict[str, str], client: Client
) -> None:
    assert KMSBackend().rewrap(token(params), {}, **options) is None
    assert client.calls == []


def test_the_region_of_the_option_counts_before_that_of_the_key(client: Client) -> None:
    assert KMSBackend().rewrap(token(), {}, key=ARN.replace(REGION, "us-east-1"), region=REGION) is not None


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({**PARAMS, "key": "a b"}, "malformed kms token: its key is not a key id"),
        ({**PARAMS, "key": "a" * 257}, "malformed kms token: its key is not a key id"),
        ({**PARAMS, "region": "nowhere!"}, "malformed kms token: it needs an AWS region"),
        ({}, "malformed kms token: it needs an AWS region"),
    ],
)
def test_the_words_of_a_malformed_token(params: dict[str, str], reason: str, client: Client) -> None:
    [result] = KMSBackend().decrypt_many([token(params)])
    assert (type(result), str(result)) == (TokenError, reason)
    assert client.calls == []


@pytest.mark.parametrize(
    ("options", "plaintext", "reason"),
    [
        ({"key": ARN, "region": "us-east-1"}, b"x", AWAY),
        ({"key": "alias/shop", "region": ""}, b"x", NO_REGION),
        ({"key": "alias/shop", "region": "nowhere!"}, b"x", "region must be an AWS region, such as eu-west-1"),
        ({"key": ARN}, b"", 'KMS cannot encrypt an empty string: use Secret("") for an empty secret'),
        ({"key": ""}, b"x", NO_KEY),
    ],
)
def test_the_words_of_a_wrong_option(
    options: dict[str, str], plaintext: bytes, reason: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_aws_session, "default_region", lambda: "")
    with pytest.raises(EncryptError) as caught:
        KMSBackend().encrypt(plaintext, {}, **options)
    assert str(caught.value) == reason


def test_the_region_is_that_of_the_option_the_key_or_the_default(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_aws_session, "default_region", lambda: "ap-south-1")
    for options, region in (
        ({"key": "alias/shop", "region": "us-east-1"}, "us-east-1"),
        ({"key": ARN, "region": REGION}, REGION),
        ({"key": ARN}, REGION),
        ({"key": "alias/shop"}, "ap-south-1"),
    ):
        assert KMSBackend().encrypt(b"x", {}, **options).params["region"] == region
        assert client.regions[-1] == region
