"""The kms backend against moto's server over HTTP; botocore's Stubber for what moto does not imitate."""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError, ProxyConnectionError
from botocore.stub import Stubber

from tests.secrets.conftest import become
from tests.secrets.tokens import made
from tests.servers.kms import ALIAS, KMS, REGION
from zemanta_ops.secrets import Secret, SecretError, decrypt_settings, wire
from zemanta_ops.secrets.backends import _aws_calls, _aws_session
from zemanta_ops.secrets.backends import kms as module
from zemanta_ops.secrets.exceptions import (
    DecryptError,
    DeniedError,
    EncryptError,
    MissingKeyError,
    ResolveError,
    ThrottledError,
    TokenError,
    UnreachableError,
    WrongKeyError,
)


def token(plaintext: str | bytes = "example-plaintext", **context: str) -> str:
    return made("kms", plaintext, context, key=ALIAS, region=REGION)


@pytest.fixture
def stub(kms: KMS) -> Iterator[Stubber]:
    """Answer instead of KMS, through boto3's own client."""
    with Stubber(_aws_session.client(REGION)) as stubber:
        yield stubber


def test_a_token_names_region_and_key_but_not_the_alias(kms: KMS) -> None:
    text = token()
    params = wire.parse(text).params
    assert list(params) == ["region", "key"]
    assert params["region"] == REGION
    assert params["key"].startswith(f"arn:aws:kms:{REGION}:")
    assert Secret(text).get() == "example-plaintext"


def test_a_token_of_secretcrypt_opens(kms: KMS) -> None:
    blob = kms.client("kms").encrypt(KeyId=ALIAS, Plaintext=b"example")["CiphertextBlob"]
    assert Secret(f"kms:region={REGION}:{base64.b64encode(blob).decode()}").get() == "example"


def test_without_a_region_it_is_the_one_of_the_environment(kms: KMS, monkeypatch: pytest.MonkeyPatch) -> None:
    assert wire.parse(made("kms", "x", key=ALIAS)).params["region"] == REGION
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    assert wire.parse(made("kms", "x", key=ALIAS)).params["region"] == "us-east-1"


@pytest.mark.parametrize("size", [1, 4096, 4097, 1024 * 1024])
def test_above_4096_bytes_it_is_an_envelope(size: int, kms: KMS) -> None:
    text = token(b"\xff" * size, app="shop", name="A")
    assert ("dk" in wire.parse(text).params) == (size > 4096)
    assert Secret(text).get_bytes(name="A", app="shop") == b"\xff" * size


@pytest.mark.parametrize("size", [10, 5000])
def test_a_changed_context_is_refused_by_kms(size: int, kms: KMS, monkeypatch: pytest.MonkeyPatch) -> None:
    text = token("x" * size, app="shop", name="A", env="production")
    for old, new in (("app=shop", "app=bank"), ("c.env=production", "c.env=staging"), ("&c.env=production", "")):
        monkeypatch.setenv("ZEMANTA_OPS_ENV", new.partition("c.env=")[2] or "production")
        with pytest.raises(WrongKeyError):
            Secret(text.replace(old, new)).get(name="A", app=new.partition("app=")[2] or "shop")


def test_a_changed_envelope_is_refused(kms: KMS) -> None:
    text = token("x" * 5000)
    with pytest.raises(WrongKeyError, match="was changed"):
        Secret(text[:-8] + "AAAA" + text[-4:]).get()


def test_every_cut_and_flipped_byte_of_the_params_is_a_secret_error(kms: KMS) -> None:
    text = token(app="shop")
    head = text.rindex(":") + 1
    broken = [text[:length] for length in range(1, head + 4)]
    broken += [text[:index] + chr(ord(text[index]) ^ 1) + text[index + 1 :] for index in range(head - 60, head + 40)]
    for changed in broken:
        try:
            # moto finds the key in the blob and does not compare it with KeyId, so some still open there.
            assert Secret(changed).get(app="shop") == "example-plaintext"
        except SecretError as error:
            assert text.rpartition(":")[2][:20] not in str(error)


@pytest.mark.parametrize(
    "text",
    [
        "kms::QUJD",
        "kms:region=:QUJD",
        "kms:region=../x:QUJD",
        "kms:region=eu-west-1&region=us-east-1&key=a:QUJD",
        "kms:region=eu-west-1&key=:QUJD",
        "kms:region=eu-west-1&key=a%20b:QUJD",
        "kms:region=eu-west-1&profile=root:QUJD",
        "kms:key=a:QUJD",
        "kms:region=eu-west-1:not base64!",
        "kms:region=eu-west-1&key=a&dk=!!:QUJD",
    ],
)
def test_a_malformed_token_never_reaches_kms(text: str, stub: Stubber) -> None:
    with pytest.raises(TokenError, match="malformed kms token"):
        Secret(text).get()


def test_a_malformed_body_is_no_fault_of_boto3_in_a_rewrap(stub: Stubber) -> None:
    with pytest.raises(TokenError):
        module.KMSBackend().rewrap(wire.parse(f"kms:region={REGION}:no-base64!"), {}, key=ALIAS)


def test_a_rewrap_of_what_another_key_encrypted_is_refused(stub: Stubber) -> None:
    """KMS finds the key in the ciphertext itself: a token that names another one has been changed."""
    other = f"arn:aws:kms:{REGION}:123456789012:key/other"
    stub.add_response("re_encrypt", {"CiphertextBlob": b"NEW", "SourceKeyId": other, "KeyId": f"{other}-new"})
    with pytest.raises(WrongKeyError, match="different KMS key"):
        module.KMSBackend().rewrap(wire.parse(f"kms:region={REGION}&key=mrk-1:QUJD"), {}, key=ALIAS)


@pytest.mark.parametrize(
    "options",
    [
        {"key": ALIAS, "region": "us-east-1"},
        {"key": "arn:aws:kms:us-east-1:123456789012:alias/Z1secrets"},
        {"key": "mrk-2", "region": "ap-southeast-2"},
    ],
)
def test_a_rewrap_for_another_region_is_left_to_the_caller(options: dict[str, str], stub: Stubber) -> None:
    """KMS cannot do it, and staying in the old region would not be what was asked."""
    token = wire.parse(f"kms:region={REGION}&key=mrk-1:QUJD")
    assert module.KMSBackend().rewrap(token, {}, **options) is None


def test_an_identity_that_may_encrypt_only(kms: KMS, monkeypatch: pytest.MonkeyPatch) -> None:
    # moto's code for a denial; that of KMS is AccessDeniedException.
    monkeypatch.setitem(_aws_calls._REASONS, "403", _aws_calls._REASONS["AccessDeniedException"])
    with kms.identity(["kms:Encrypt", "kms:GenerateDataKey"]) as developer:
        become(monkeypatch, developer)
        texts = [token(), token("x" * 5000)]
        for text in texts:
            with pytest.raises(DeniedError, match="allow it"):
                Secret(text).get()
    become(monkeypatch, kms.environment)
    assert [len(Secret(text).get()) for text in texts] == [17, 5000]


def test_an_identity_that_may_decrypt_only(kms: KMS, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_aws_calls._REASONS, "403", _aws_calls._REASONS["AccessDeniedException"])
    text = token()
    with kms.identity(["kms:Decrypt"]) as application:
        become(monkeypatch, application)
        assert Secret(text).get() == "example-plaintext"
        with pytest.raises(DeniedError):
            token()


def test_a_key_of_another_region_is_not_there(kms: KMS) -> None:
    with pytest.raises(SecretError, match="region"):
        Secret(token().replace(f"region={REGION}", "region=us-west-2")).get()


def test_an_unknown_alias_is_an_error(kms: KMS) -> None:
    with pytest.raises(MissingKeyError, match="does not exist in this region"):
        made("kms", "x", key="alias/none", region=REGION)


def test_an_unreachable_kms_is_an_error(kms: KMS, monkeypatch: pytest.MonkeyPatch) -> None:
    text = token()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setattr(_aws_calls, "FAILING_SECONDS", 0)
        become(monkeypatch, kms.environment | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{closed.getsockname()[1]}"})
        with pytest.raises(ResolveError, match=r"A \(kms\): KMS in eu-west-1 does not answer"):
            decrypt_settings({"A": Secret(text)})


def test_without_credentials_it_says_where_boto3_looks(kms: KMS, monkeypatch: pytest.MonkeyPatch) -> None:
    text = token()
    become(monkeypatch, {"AWS_EC2_METADATA_DISABLED": "true"})
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(MissingKeyError, match="no AWS credentials"):
        Secret(text).get()


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("AccessDeniedException", DeniedError),
        ("DisabledException", DecryptError),
        ("ExpiredTokenException", MissingKeyError),
        ("IncorrectKeyException", WrongKeyError),
        ("InvalidCiphertextException", WrongKeyError),
        ("KMSInvalidStateException", DecryptError),
        ("NotFoundException", MissingKeyError),
        ("SomethingNewException", DecryptError),
    ],
)
def test_what_kms_answers_is_told_apart(code: str, error: type[SecretError], stub: Stubber) -> None:
    stub.add_client_error("decrypt", code, "hunter2 in the message of a service")
    with pytest.raises(error) as caught:
        Secret("kms:region=eu-west-1&key=abc:QUJD").get()
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_throttled_call_is_tried_again_and_then_an_error(stub: Stubber, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_aws_calls, "THROTTLED_SECONDS", 0.2)
    for _ in range(20):
        stub.add_client_error("decrypt", "ThrottlingException", http_status_code=400)
    with pytest.raises(ThrottledError):
        Secret("kms:region=eu-west-1&key=abc:QUJD").get()


def test_the_key_of_the_token_is_sent_with_decrypt(stub: Stubber) -> None:
    expected = {"CiphertextBlob": b"ABC", "EncryptionContext": {"app": "shop"}, "KeyId": "mrk-1"}
    stub.add_response("decrypt", {"Plaintext": b"example"}, expected)
    assert Secret("kms:region=eu-west-1&key=mrk-1&app=shop:QUJD").get(app="shop") == "example"
    stub.assert_no_pending_responses()


def test_a_multi_region_key_is_named_without_its_region(stub: Stubber) -> None:
    answer = {"CiphertextBlob": b"ABC", "KeyId": f"arn:aws:kms:{REGION}:123456789012:key/mrk-1"}
    stub.add_response("encrypt", answer)
    assert wire.parse(token()).params["key"] == "mrk-1"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "needs key"),
        ({"key": ALIAS, "region": "../x"}, "must be an AWS region"),
        ({"key": ALIAS, "mount": "x"}, "no option mount"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, str], says: str, kms: KMS) -> None:
    with pytest.raises(EncryptError, match=says):
        made("kms", "x", {}, **options)


def test_an_empty_text_is_refused_with_what_to_do(kms: KMS) -> None:
    with pytest.raises(EncryptError, match=r'Secret\(""\)'):
        token("")


def test_many_tokens_are_decrypted_at_a_time(kms: KMS) -> None:
    texts = [token(f"example-{number}") for number in range(20)]
    settings: dict[str, Any] = {f"S{number}": Secret(text) for number, text in enumerate(texts)}
    decrypt_settings(settings)
    assert settings == {f"S{number}": f"example-{number}" for number in range(20)}


def test_a_child_makes_clients_of_its_own(kms: KMS, forked: Callable[[Callable[[], bool]], bool]) -> None:
    _aws_session.client(REGION)
    assert _aws_session._clients
    assert forked(lambda: not _aws_session._clients)
    assert _aws_session._clients


def test_a_child_does_not_wait_for_a_client_that_its_parent_makes(
    kms: KMS, forked: Callable[[Callable[[], bool]], bool]
) -> None:
    _aws_session.forget_clients()
    with _aws_session._lock:
        assert forked(lambda: _aws_session._lock.acquire(timeout=0))


def test_a_client_gives_up_a_kms_that_does_not_answer(kms: KMS) -> None:
    """Two attempts, each to connect and to read, end within 16 seconds."""
    config: Any = _aws_session.client(REGION).meta.config
    assert 2 * (config.connect_timeout + config.read_timeout) <= 16


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"AWS_PROFILE": "hunter2"}, "the AWS profile does not exist"),
        ({"AWS_ENDPOINT_URL": "hunter2"}, r"boto3 refuses its configuration \(ValueError\): check AWS_ENDPOINT_URL"),
    ],
)
def test_a_client_that_cannot_be_made_is_an_error(
    variables: dict[str, str], words: str, kms: KMS, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = token()
    become(monkeypatch, variables)
    with pytest.raises(SecretError, match=words) as caught:
        Secret(text).get()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (NoCredentialsError(), MissingKeyError),
        (ProxyConnectionError(proxy_url="http://u:hunter2@p"), UnreachableError),
        (ClientError({}, "Decrypt"), DecryptError),
    ],
)
def test_an_error_of_boto3_is_told_without_its_message(raised: Exception, error: type[SecretError]) -> None:
    def fail() -> None:
        raise raised

    with pytest.raises(error) as caught:
        _aws_calls.call(fail, DecryptError, _aws_calls.Patience(REGION, repeat=False))
    assert "hunter2" not in str(caught.value)
