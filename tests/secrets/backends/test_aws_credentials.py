"""Every source of AWS credentials decrypts and encrypts: STS and KMS are moto's, SSO and containers have a stand-in."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.credentials import SSOProvider
from botocore.tokens import SSOTokenProvider

from tests.secrets.backends.aws_standin import Behaviour, serving
from tests.secrets.conftest import become
from tests.secrets.tokens import made
from tests.servers.kms import ALIAS, KMS, REGION
from zemanta_ops.secrets import Secret, decrypt_settings, wire
from zemanta_ops.secrets.backends import _aws_calls, _aws_session
from zemanta_ops.secrets.exceptions import (
    DeniedError,
    EncryptError,
    MissingKeyError,
    ResolveError,
    SecretError,
    UnreachableError,
)

ROLE = "arn:aws:iam::123456789012:role/example"
BASE = "[profile base]\naws_access_key_id = example-owner\naws_secret_access_key = example-owner-key\n"
WEB = f"[profile broken]\nrole_arn = {ROLE}\n"
_OLD = {"Version": 1, "AccessKeyId": "example", "SecretAccessKey": "example-key", "SessionToken": "example"}
EXPIRED = "/bin/echo '" + json.dumps({**_OLD, "Expiration": "2020-01-01T00:00:00Z"}) + "'"


@pytest.fixture
def token(kms: KMS) -> str:
    """A token that the owner made."""
    return made("kms", "example-plaintext", {}, key=ALIAS, region=REGION)


@pytest.fixture
def source(home: Path, kms: KMS, token: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that leaves this process one source of credentials: a config file, or variables."""

    def use(config: str = "", **variables: str) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        (home / "aws-config").write_text(config)
        become(
            monkeypatch,
            {"AWS_CONFIG_FILE": str(home / "aws-config"), "AWS_EC2_METADATA_DISABLED": "true", **variables},
        )

    return use


def prove(token: str) -> None:
    """Decrypt alone and with others, and encrypt."""
    assert Secret(token).get() == "example-plaintext"
    namespace = {"A": Secret(token), "B": [Secret(token)]}
    decrypt_settings(namespace)
    assert namespace == {"A": "example-plaintext", "B": ["example-plaintext"]}
    assert Secret(made("kms", "y", {}, key=ALIAS, region=REGION)).get() == "y"


def test_web_identity_as_on_eks(source: Callable[..., None], token: str, home: Path) -> None:
    (home / "token").write_text("example-web-identity-token")
    source(AWS_WEB_IDENTITY_TOKEN_FILE=str(home / "token"), AWS_ROLE_ARN=ROLE, AWS_ROLE_SESSION_NAME="shop")
    prove(token)


@pytest.mark.parametrize(
    ("profile", "config"),
    [
        ("role", f"{BASE}[profile role]\nrole_arn = {ROLE}\nsource_profile = base\n"),
        (
            "chained",
            f"{BASE}[profile role]\nrole_arn = {ROLE}\nsource_profile = base\n"
            f"[profile chained]\nrole_arn = {ROLE}-2\nsource_profile = role\nexternal_id = example\n",
        ),
        ("keys", BASE.replace("base", "keys")),
        (
            "process",
            f'[profile process]\ncredential_process = {sys.executable} -c "print(\'{{\\"Version\\": 1, '
            '\\"AccessKeyId\\": \\"example-owner\\", \\"SecretAccessKey\\": \\"example-owner-key\\"}\')"\n',
        ),
    ],
)
def test_a_profile(profile: str, config: str, source: Callable[..., None], token: str) -> None:
    source(config, AWS_PROFILE=profile)
    prove(token)


def test_a_role_on_the_credentials_of_the_environment(
    source: Callable[..., None], token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source(f"[profile role]\nrole_arn = {ROLE}\ncredential_source = Environment\n", AWS_PROFILE="role")
    become(monkeypatch, {"AWS_ACCESS_KEY_ID": "example-owner", "AWS_SECRET_ACCESS_KEY": "example-owner-key"})
    prove(token)


def test_a_web_identity_in_a_profile(source: Callable[..., None], token: str, home: Path) -> None:
    (home / "token").write_text("example-web-identity-token")
    source(f"[profile web]\nrole_arn = {ROLE}\nweb_identity_token_file = {home / 'token'}\n", AWS_PROFILE="web")
    prove(token)


def test_a_container(source: Callable[..., None], token: str) -> None:
    with serving(Behaviour()) as url:
        source(AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{url}/container")
        prove(token)


SSO_LEGACY = "[profile sso]\nsso_start_url = https://example.com/start\nsso_region = eu-west-1\n"
SSO_SESSION = (
    "[sso-session corp]\nsso_start_url = https://example.com/start\nsso_region = eu-west-1\n"
    "[profile sso]\nsso_session = corp\n"
)
SSO_ROLE = "sso_account_id = 123456789012\nsso_role_name = example\n"


@pytest.fixture
def sso_cache(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # botocore looks up the home directory when it is imported.
    folder = str(home / ".aws" / "sso" / "cache")
    monkeypatch.setattr(SSOProvider, "_SSO_TOKEN_CACHE_DIR", folder)
    monkeypatch.setattr(SSOTokenProvider, "_SSO_TOKEN_CACHE_DIR", folder)


def cached(home: Path, name: str, token: str = "example-sso-token", seconds: int = 3600) -> None:
    """Write what ``aws sso login`` leaves behind."""
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
    path = home / ".aws" / "sso" / "cache" / f"{hashlib.sha1(name.encode()).hexdigest()}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"accessToken": token, "expiresAt": until, "startUrl": "https://example.com/start"}))


@pytest.mark.parametrize(
    ("config", "name"), [(SSO_LEGACY, "https://example.com/start"), (SSO_SESSION, "corp")], ids=["legacy", "session"]
)
@pytest.mark.usefixtures("sso_cache")
def test_sso(config: str, name: str, source: Callable[..., None], token: str, home: Path) -> None:
    cached(home, name)
    with serving(Behaviour()) as url:
        source(config + SSO_ROLE, AWS_PROFILE="sso", AWS_ENDPOINT_URL_SSO=url)
        prove(token)


@pytest.mark.parametrize(
    ("config", "name"), [(SSO_LEGACY, "https://example.com/start"), (SSO_SESSION, "corp")], ids=["legacy", "session"]
)
@pytest.mark.usefixtures("sso_cache")
@pytest.mark.parametrize("state", ["never logged in", "expired", "revoked"])
def test_an_sso_session_that_has_ended_says_how_to_log_in(
    state: str, config: str, name: str, source: Callable[..., None], token: str, home: Path
) -> None:
    if state != "never logged in":
        cached(home, name, "example-revoked", -60 if state == "expired" else 3600)
    with serving(Behaviour()) as url:
        source(config + SSO_ROLE, AWS_PROFILE="sso", AWS_ENDPOINT_URL_SSO=url, AWS_ENDPOINT_URL_SSO_OIDC=url)
        with pytest.raises(MissingKeyError, match="run aws sso login"):
            Secret(token).get()


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("", "the AWS profile does not exist"),
        ("[profile broken]\ncredential_process = /bin/false\n", "could not be fetched"),
        (
            "[profile broken]\ncredential_process = /bin/echo example-no-json\n",
            "could not be fetched (JSONDecodeError)",
        ),
        (f"[profile broken]\nrole_arn = {ROLE}\nsource_profile = broken2\n", "cannot be used"),
        (f"[profile broken]\nrole_arn = {ROLE}\n", "no AWS credentials were found"),
        ("[profile broken]\ncredential_process = /nonexistent/example\n", "could not be fetched (FileNotFoundError)"),
        ("[profile broken]\ncredential_process = /dev/null\n", "could not be fetched (PermissionError)"),
        ("[profile broken]\ncredential_process = 'example\n", "could not be fetched (ValueError)"),
        (f"[profile broken]\ncredential_process = {EXPIRED}\n", "could not be fetched (RuntimeError)"),
        (f"{WEB}web_identity_token_file = /nonexistent/example\n", "could not be fetched (FileNotFoundError)"),
        ("[profile broken\n", ""),
        ("[profile broken]\nregion = eu-west-1\n", "no AWS credentials were found"),
    ],
)
def test_a_profile_that_cannot_be_used_is_named_as_such(
    config: str, words: str, source: Callable[..., None], token: str
) -> None:
    source(config, AWS_PROFILE="broken")
    with pytest.raises(SecretError) as caught:
        Secret(token).get(name="A")
    assert words in str(caught.value)
    assert "example-no-json" not in str(caught.value)
    with pytest.raises(ResolveError) as resolved:
        decrypt_settings({"A": Secret(token), "B": Secret(token)})
    reason = str(caught.value).removeprefix("A: ").partition(". Without the key")[0]
    assert f"A, B (kms): {reason}\n" in f"{resolved.value}\n"


def test_variables_that_name_no_source_are_named_as_such(source: Callable[..., None], token: str) -> None:
    url, file = "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
    for name, variables in (
        ("ValueError", {url: "http://example.com/"}),
        ("FileNotFoundError", {url: "http://127.0.0.1:1/", file: "/nonexistent/example"}),
    ):
        source(**variables)
        with pytest.raises(MissingKeyError, match=rf"could not be fetched \({name}\)"):
            Secret(token).get()


def test_what_answers_for_sts_without_being_sts_is_named_as_such(source: Callable[..., None], token: str) -> None:
    behaviour = Behaviour()
    behaviour.odd = {"example": "example-session"}
    with serving(behaviour) as url:
        source(
            f"{BASE}[profile role]\nrole_arn = {ROLE}\nsource_profile = base\n",
            AWS_PROFILE="role",
            AWS_ENDPOINT_URL_STS=url,
        )
        with pytest.raises(MissingKeyError, match="ResponseParserError") as caught:
            Secret(token).get()
    assert "example-session" not in str(caught.value)


def test_a_role_that_may_not_be_assumed_is_denied_by_sts(source: Callable[..., None], token: str, home: Path) -> None:
    with serving(Behaviour()) as url:
        config = f"{BASE}[profile role]\nrole_arn = {ROLE}\nsource_profile = base\n"
        source(config, AWS_PROFILE="role", AWS_ENDPOINT_URL_STS=url)
        with pytest.raises(DeniedError, match="denies this identity the operation AssumeRole") as caught:
            Secret(token).get()
        assert "example-message" not in str(caught.value)


def test_an_sts_that_never_answers_ends_the_start_as_kms_does(
    source: Callable[..., None], token: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in ((_aws_session, "READ_SECONDS"), (_aws_calls, "READ_SECONDS"), (_aws_calls, "FAILING_SECONDS")):
        monkeypatch.setattr(module, name, getattr(module, name) / 10)
    (home / "token").write_text("example-web-identity-token")
    with serving(Behaviour(silent=True)) as url:
        source(
            AWS_WEB_IDENTITY_TOKEN_FILE=str(home / "token"),
            AWS_ROLE_ARN=ROLE,
            AWS_ENDPOINT_URL_STS=url.replace("127.0.0.1", "localhost"),
        )
        start = time.monotonic()
        with pytest.raises(ResolveError, match="does not answer") as caught:
            decrypt_settings({f"S{n}": Secret(token.replace("key=", f"c.n={n}&key=")) for n in range(200)})
    assert time.monotonic() - start < 15
    assert isinstance(caught.value.failures["S0"], UnreachableError)
    assert "localhost" in str(caught.value)


ARN = "arn:aws:kms:us-east-1:123456789012:alias/Z1secrets"


@pytest.mark.parametrize(
    ("options", "variables", "config", "region"),
    [
        ({"region": "eu-west-1"}, {"AWS_REGION": "us-east-1"}, "", "eu-west-1"),
        ({"key": ARN}, {"AWS_REGION": "eu-west-1"}, "", "us-east-1"),
        ({}, {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "eu-west-1"}, "", "us-east-1"),
        ({}, {"AWS_DEFAULT_REGION": "us-east-1"}, "[default]\nregion = eu-west-1\n", "us-east-1"),
        ({}, {}, "[default]\nregion = us-east-1\n", "us-east-1"),
        ({}, {"AWS_PROFILE": "p"}, "[default]\nregion = eu-west-1\n[profile p]\nregion = us-east-1\n", "us-east-1"),
    ],
)
def test_the_region_comes_from_the_strongest_place_that_names_one(
    options: dict[str, str],
    variables: dict[str, str],
    config: str,
    region: str,
    source: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    keys = {"AWS_ACCESS_KEY_ID": "example-owner", "AWS_SECRET_ACCESS_KEY": "example-owner-key"}
    source(config, **variables, **(keys if "AWS_PROFILE" not in variables else {}))
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    if "AWS_PROFILE" in variables:
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(Path.cwd() / "credentials"))
        Path("credentials").write_text("[p]\naws_access_key_id = example-owner\naws_secret_access_key = k\n")
    assert wire.parse(made("kms", "x", {}, **{"key": ALIAS, **options})).params["region"] == region


def test_no_region_is_ever_guessed(source: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    source()
    with pytest.raises(EncryptError, match="no AWS region: give --region"):
        made("kms", "x", {}, key=ALIAS)
    with pytest.raises(EncryptError, match="the key is in us-east-1, not in eu-west-1"):
        made("kms", "x", {}, key=ARN, region="eu-west-1")
