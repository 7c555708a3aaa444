"""The vault backend against a real Vault: how it logs in, and what it may do then."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.secrets.backends.vault_names import Posted
from tests.secrets.broken import outcomes
from tests.secrets.tokens import made
from tests.servers.http import HttpError
from tests.servers.process import wait_until
from tests.servers.vault import Vault
from zemanta_ops.secrets import Secret, SecretError, decrypt_settings, ledger
from zemanta_ops.secrets.exceptions import (
    DeniedError,
    MissingKeyError,
)

pytestmark = [pytest.mark.second_tier, pytest.mark.usefixtures("as_root")]


PAGE = Path(__file__).parents[3] / "docs" / "backends.rst"


def test_a_policy_that_may_encrypt_and_not_decrypt(vault: Vault, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    encrypting, decrypting = policies(key)
    monkeypatch.setenv("VAULT_TOKEN", vault.new_token(encrypting))
    token = made("vault", "example", key=key)
    with pytest.raises(DeniedError, match=f"must grant update on transit/decrypt/{key}"):
        Secret(token).get()
    with pytest.raises(DeniedError):
        made("vault", "example", key=f"{key}-mistyped")
    with pytest.raises(HttpError):
        vault.call(f"transit/keys/{key}-mistyped")
    monkeypatch.setenv("VAULT_TOKEN", vault.new_token(decrypting))
    assert Secret(token).get() == "example"
    with pytest.raises(DeniedError, match="transit/encrypt"):
        made("vault", "example", key=key)


def test_a_revoked_token_is_told_from_a_missing_right(vault: Vault, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    token = made("vault", "example", key=key)
    revoked = vault.new_token(policies(key)[1])
    vault.call("auth/token/revoke", {"token": revoked})
    monkeypatch.setenv("VAULT_TOKEN", revoked)
    with pytest.raises(MissingKeyError, match="revoked or has expired"):
        Secret(token).get()


def test_an_expired_token_says_so(vault: Vault, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    token = made("vault", "example", key=key)
    monkeypatch.setenv("VAULT_TOKEN", vault.new_token(policies(key)[1], ttl="1s", explicit_max_ttl="1s"))

    def expired() -> bool:
        [result] = outcomes([token])
        return isinstance(result, MissingKeyError) and "has expired" in str(result)

    assert wait_until(expired, 15)


def test_approle_logs_in_and_leaves_no_lease(
    vault: Vault, key: str, posted: Posted, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = [made("vault", f"example {number}", key=key) for number in range(3)]
    enable(vault, "approle")
    vault.call("sys/policies/acl/application", {"policy": policies(key)[1]}, method="PUT")
    vault.call("auth/approle/role/shop", {"token_policies": ["application"], "secret_id_num_uses": 2})
    role_id = vault.call("auth/approle/role/shop/role-id")["data"]["role_id"]
    secret_id = vault.call("auth/approle/role/shop/secret-id", {})["data"]["secret_id"]
    monkeypatch.delenv("VAULT_TOKEN")
    monkeypatch.setenv("ZEMANTA_OPS_VAULT_ROLE_ID", role_id)
    (home / "secret-id").write_text(f"{secret_id}\n")
    monkeypatch.setenv("ZEMANTA_OPS_VAULT_SECRET_ID_FILE", str(home / "secret-id"))
    before = accessors(vault)
    posted.clear()
    settings: dict[str, object] = {"ALL": [Secret(token) for token in tokens]}
    decrypt_settings(settings)
    assert settings == {"ALL": ["example 0", "example 1", "example 2"]}
    assert [path for path, _ in posted] == [
        "auth/approle/login",
        f"transit/decrypt/{key}",
        "auth/token/revoke-self",
    ]
    assert accessors(vault) == before
    assert secret_id in ledger.plaintexts()
    assert any(value.startswith("hvs.") for value in ledger.plaintexts())
    # The lease ends after a failure too.
    with pytest.raises(SecretError):
        Secret(tokens[0].replace(f"key={key}", "key=nothing-here")).get()
    assert accessors(vault) == before
    with pytest.raises(MissingKeyError, match="secret id is not valid, or the secret id was used up") as caught:
        Secret(tokens[0]).get()
    assert secret_id not in str(caught.value)


def test_a_jwt_logs_in(vault: Vault, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    token = made("vault", "example", key=key)
    private = rsa.generate_private_key(65537, 2048)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    enable(vault, "jwt")
    vault.call("auth/jwt/config", {"jwt_validation_pubkeys": [public.decode()]})
    vault.call("sys/policies/acl/application", {"policy": policies(key)[1]}, method="PUT")
    role = {"role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"], "token_policies": ["application"]}
    vault.call("auth/jwt/role/shop", role)
    monkeypatch.setenv("ZEMANTA_OPS_VAULT_ROLE", "shop")
    monkeypatch.setenv("ZEMANTA_OPS_VAULT_JWT_TOKEN", signed(private, 300))
    before = accessors(vault)
    assert Secret(token).get() == "example"
    assert accessors(vault) == before
    monkeypatch.setenv("ZEMANTA_OPS_VAULT_JWT_TOKEN", signed(private, -3600))
    with pytest.raises(MissingKeyError):
        Secret(token).get()


def test_a_lease_that_cannot_be_revoked_is_logged(
    vault: Vault, key: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    token = made("vault", "example", key=key)
    enable(vault, "approle")
    vault.call("sys/policies/acl/application", {"policy": policies(key)[1]}, method="PUT")
    options = {"token_policies": ["application"], "token_no_default_policy": True, "bind_secret_id": False}
    vault.call("auth/approle/role/bare", {**options, "token_bound_cidrs": ["127.0.0.1/32"]})
    role_id = vault.call("auth/approle/role/bare/role-id")["data"]["role_id"]
    monkeypatch.setenv("ZEMANTA_OPS_VAULT_ROLE_ID", role_id)
    monkeypatch.setenv("ZEMANTA_OPS_VAULT_SECRET_ID", "unused-example")
    assert Secret(token).get() == "example"
    assert "could not be revoked" in caplog.text


def policies(key: str) -> tuple[str, str]:
    """Return the two policies of the documentation, for another key: who encrypts, and the application."""
    blocks = PAGE.read_text(encoding="utf-8").split(".. code-block:: text\n\n")[1:]
    found = ["\n".join(line for line in block.split("\n\n")[0].splitlines()) for block in blocks]
    encrypting, decrypting = (text.replace("/shop", f"/{key}") for text in found if text.lstrip().startswith("path "))
    return encrypting, decrypting


def enable(vault: Vault, method: str) -> None:
    if f"{method}/" not in vault.call("sys/auth")["data"]:
        vault.call(f"sys/auth/{method}", {"type": method})


def accessors(vault: Vault) -> set[str]:
    """Return the accessors of all tokens that live."""
    return set(vault.call("auth/token/accessors", method="LIST")["data"]["keys"])


def signed(private: rsa.RSAPrivateKey, seconds: int) -> str:
    """Return a JWT that expires in this many seconds."""

    def encoded(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    claims = {"sub": "shop", "aud": "vault", "exp": int(time.time()) + seconds, "iat": int(time.time()) - 7200}
    text = f"{encoded(json.dumps({'alg': 'RS256'}).encode())}.{encoded(json.dumps(claims).encode())}"
    return f"{text}.{encoded(private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"
