"""A KMS that throttles, fails or never answers: a start succeeds if it can, and ends soon with one message if not.

The services are stand-ins over HTTP: moto never throttles, fails or hangs.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import pytest

from tests.secrets.backends.aws_standin import Behaviour, ciphertext, error, serving
from tests.secrets.conftest import become
from zemanta_ops.secrets import Secret, decrypt_settings
from zemanta_ops.secrets.backends import _aws_calls, _aws_session
from zemanta_ops.secrets.exceptions import (
    DecryptError,
    DeniedError,
    MissingKeyError,
    ResolveError,
    SecretError,
    ThrottledError,
    UnreachableError,
)

REGION = "eu-west-1"


def point(monkeypatch: pytest.MonkeyPatch, url: str, **more: str) -> None:
    """Let botocore find its services at ``url``."""
    keys = {"AWS_ACCESS_KEY_ID": "example-owner", "AWS_SECRET_ACCESS_KEY": "example-owner-key"}
    files = {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}
    become(monkeypatch, {"AWS_ENDPOINT_URL": url, **keys, **files, **more})


def settings(count: int) -> dict[str, Any]:
    return {f"S{n}": Secret(f"kms:region={REGION}&key=k{n}:{ciphertext(f'example-{n}')}") for n in range(count)}


@pytest.mark.more
@pytest.mark.parametrize("share", [0.1, 0.2, 0.3])
def test_200_secrets_are_decrypted_though_a_share_of_the_calls_is_throttled(
    share: float, home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    behaviour, namespace = Behaviour(throttled=share), settings(200)
    with serving(behaviour) as url:
        point(monkeypatch, url)
        start = time.monotonic()
        decrypt_settings(namespace)
        assert time.monotonic() - start < _aws_calls.THROTTLED_SECONDS
    assert namespace["S199"] == "example-199"
    assert behaviour.requests > 200
    lines = [record.getMessage() for record in caplog.records if record.name == _aws_calls.__name__]
    assert lines == ["KMS in eu-west-1 throttles requests: waiting up to 60 s to decrypt 200 secrets"]


@pytest.mark.more
def test_200_secrets_are_decrypted_at_100_calls_a_second(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    namespace = settings(200)
    with serving(Behaviour(per_second=100)) as url:
        point(monkeypatch, url)
        decrypt_settings(namespace)
    assert {f"example-{n}" for n in range(200)} == set(namespace.values())


def test_a_kms_that_throttles_for_ever_ends_the_start_in_bounded_time_with_one_line(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_aws_calls, "THROTTLED_SECONDS", 0.5)
    with serving(Behaviour(throttled=1.0)) as url:
        point(monkeypatch, url)
        start = time.monotonic()
        with pytest.raises(ResolveError) as caught:
            decrypt_settings(settings(200))
        assert time.monotonic() - start < 20
    [_, _, advice] = str(caught.value).splitlines()
    assert advice.startswith("Without the key: set ZEMANTA_OPS_OVERRIDE__")
    assert isinstance(caught.value.failures["S0"], ThrottledError)


@pytest.mark.parametrize(("attempts", "asked"), [("1", 1), ("3", 3)])
def test_the_users_own_number_of_attempts_counts(
    attempts: str, asked: int, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    behaviour = Behaviour(throttled=1.0)
    with serving(behaviour) as url:
        point(monkeypatch, url, AWS_MAX_ATTEMPTS=attempts, AWS_RETRY_MODE="standard")
        with pytest.raises(ResolveError, match="throttles this account"):
            decrypt_settings(settings(1))
    assert behaviour.requests == asked


def test_a_kms_that_never_answers_is_one_message_for_200_secrets(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A tenth of the real time-outs: two attempts of 5 s within 12 s.
    assert 2 * _aws_session.READ_SECONDS < _aws_calls.FAILING_SECONDS < 15
    for module, name in ((_aws_session, "READ_SECONDS"), (_aws_calls, "READ_SECONDS"), (_aws_calls, "FAILING_SECONDS")):
        monkeypatch.setattr(module, name, getattr(module, name) / 10)
    behaviour = Behaviour(silent=True)
    with serving(behaviour) as url:
        point(monkeypatch, url)
        start = time.monotonic()
        with pytest.raises(ResolveError) as caught:
            decrypt_settings(settings(200))
        assert time.monotonic() - start < 10
    [_, line, _] = str(caught.value).splitlines()
    assert line.startswith("  S0, S1, S2, ")
    assert "KMS in eu-west-1 does not answer (ReadTimeoutError at 127.0.0.1)" in line
    assert all(isinstance(each, UnreachableError) for each in caught.value.failures.values())
    assert behaviour.requests <= 2 * _aws_session.CONCURRENCY


@pytest.mark.parametrize("code", ["KMSInternalException", "DependencyTimeoutException", "KeyUnavailableException"])
def test_a_failure_of_the_service_is_repeated(code: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    behaviour, namespace = Behaviour(), settings(1)
    behaviour.answers = [(500, error(code)), (503, error(code))]
    with serving(behaviour) as url:
        point(monkeypatch, url)
        decrypt_settings(namespace)
    assert namespace == {"S0": "example-0"}


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (400, error("ExpiredTokenException"), MissingKeyError, "have expired"),
        (400, error("UnrecognizedClientException"), MissingKeyError, "not valid"),
        (400, error("InvalidSignatureException", "Signature expired: 2026"), MissingKeyError, "clock"),
        (400, error("InvalidSignatureException", "Signature not yet current"), MissingKeyError, "clock"),
        (403, error("RequestTimeTooSkewed"), MissingKeyError, "clock"),
        (400, error("AccessDeniedException"), DeniedError, "denies this identity Decrypt in eu-west-1"),
        (400, error("OptInRequired"), DeniedError, "has not enabled the region eu-west-1"),
        (400, error("DisabledException"), DecryptError, "enable it in eu-west-1"),
        (400, error("NotFoundException"), MissingKeyError, "does not exist in this region (eu-west-1)"),
        (
            400,
            error("SomethingNewException"),
            DecryptError,
            "KMS in eu-west-1 returned the error SomethingNewException",
        ),
    ],
)
def test_each_refusal_says_what_to_do_and_the_region_and_nothing_of_the_message(
    status: int, body: dict[str, Any], kind: type[SecretError], words: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    behaviour = Behaviour()
    behaviour.answers = [(status, body)]
    with serving(behaviour) as url:
        point(monkeypatch, url)
        with pytest.raises(kind) as caught:
            next(iter(settings(1).values())).get()
    assert words in str(caught.value)
    assert "example-message" not in str(caught.value)
    assert behaviour.answers == []


def test_what_answers_for_kms_without_being_kms_is_named_as_such(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_aws_calls, "FAILING_SECONDS", 0.0)
    behaviour = Behaviour()
    behaviour.odd = {"example": "example-page"}
    with serving(behaviour) as url:
        point(monkeypatch, url)
        with pytest.raises(ResolveError, match=r"what answers for KMS in eu-west-1 is not KMS") as caught:
            decrypt_settings(settings(2))
    assert "example-page" not in str(caught.value)


def test_a_certificate_or_a_proxy_is_named_without_its_password(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_aws_calls, "FAILING_SECONDS", 0)
    with serving(Behaviour()) as url:
        point(monkeypatch, url.replace("http://", "https://"))
        with pytest.raises(UnreachableError, match=r"TLS fails at 127\.0\.0\.1"):
            next(iter(settings(1).values())).get()
    point(monkeypatch, "https://kms.example.com", HTTPS_PROXY="http://user:example-proxy-password@127.0.0.1:9")
    with pytest.raises(UnreachableError, match="does not answer") as caught:
        next(iter(settings(1).values())).get()
    assert "example-proxy" not in str(caught.value)


def test_nothing_of_a_call_is_logged_at_any_level(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(Behaviour()) as url:
        point(monkeypatch, url)
        assert Secret(f"kms:region={REGION}&key=k:{ciphertext('example-value-of-a-call')}").get()
    assert "ZXhhbXBsZS12YWx1ZS1vZi1hLWNhbGw" not in caplog.text


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"AWS_MAX_ATTEMPTS": "many"}, "boto3 refuses its configuration (ValueError): check AWS_ENDPOINT_URL"),
        ({"AWS_MAX_ATTEMPTS": "0"}, "boto3 refuses its configuration (InvalidMaxRetryAttemptsError)"),
        ({"AWS_RETRY_MODE": "often"}, "boto3 refuses its configuration (InvalidRetryModeError)"),
        ({"AWS_DEFAULTS_MODE": "often"}, "boto3 refuses its configuration (InvalidDefaultsMode)"),
        ({"AWS_ENDPOINT_URL_KMS": "127.0.0.1:1"}, "boto3 refuses its configuration (ValueError)"),
        ({"HTTPS_PROXY": "http://user:example@127.0.0.1:1"}, "the proxy to KMS in eu-west-1 does not answer: check"),
    ],
)
def test_a_configuration_that_botocore_refuses_is_named(
    variables: dict[str, str], says: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_aws_calls, "FAILING_SECONDS", 0)
    point(monkeypatch, "https://kms.example.invalid", **variables)
    with pytest.raises(ResolveError) as caught:
        decrypt_settings(settings(1))
    assert says in str(caught.value)
    assert "user:example" not in str(caught.value)
