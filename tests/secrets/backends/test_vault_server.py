"""The vault backend against a real Vault."""

from __future__ import annotations

import base64
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hvac.adapters import RawAdapter

from tests.secrets.broken import assert_all_refused, cut_and_flipped, outcomes
from tests.secrets.tokens import made
from tests.secrets.verbs.calls import call
from tests.servers.fixtures import require
from tests.servers.http import HttpError
from tests.servers.process import wait_until
from tests.servers.vault import ROOT_TOKEN, Vault
from zemanta_ops.secrets import Secret, SecretError, backends, decrypt_settings, ledger, wire
from zemanta_ops.secrets.backends import _vault_session
from zemanta_ops.secrets.exceptions import (
    DecryptError,
    DeniedError,
    EncryptError,
    MissingKeyError,
    ResolveError,
    UnreachableError,
    WrongKeyError,
)
from zemanta_ops.secrets.verbs import encrypt

pytestmark = pytest.mark.second_tier

PAGE = Path(__file__).parents[3] / "docs" / "backends.rst"
_numbers = itertools.count(1)

Posted = list[tuple[str, dict[str, Any]]]


@pytest.fixture(autouse=True)
def as_root(vault: Vault, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_ADDR", vault.url)
    monkeypatch.setenv("VAULT_TOKEN", ROOT_TOKEN)
    monkeypatch.delenv("VAULT_NAMESPACE", raising=False)


@pytest.fixture
def key(vault: Vault) -> str:
    """Return the name of a new key."""
    name = f"example-{next(_numbers)}"
    vault.call(f"transit/keys/{name}", {})
    return name


@pytest.fixture
def derived_key(vault: Vault) -> str:
    name = f"example-derived-{next(_numbers)}"
    vault.call(f"transit/keys/{name}", {"derived": True})
    return name


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> Posted:
    """Return the list of what is sent to Vault, as it grows."""
    calls: Posted = []
    real = _vault_session.VaultSession._send

    def sent(self: _vault_session.VaultSession, path: str, body: dict[str, Any]) -> Any:
        calls.append((path, body))
        return real(self, path, body)

    monkeypatch.setattr(_vault_session.VaultSession, "_send", sent)
    return calls


@pytest.mark.parametrize("plaintext", [b"", b"example", b"\xff\x00\r\n", b"x" * 700_000], ids=len)
def test_a_token_opens(plaintext: bytes, key: str) -> None:
    token = made("vault", plaintext, {"app": "shop", "name": "A"}, key=key)
    assert wire.parse(token).ciphertext.startswith("vault:v1:")
    assert Secret(token).get_bytes(name="A", app="shop") == plaintext


def test_a_text_of_a_mebibyte_is_too_long_and_says_so(key: str) -> None:
    with pytest.raises(EncryptError, match="too long for Vault"):
        made("vault", b"x" * 2**20, key=key)


def test_many_secrets_are_one_call_a_key(key: str, derived_key: str, posted: Posted) -> None:
    settings: dict[str, object] = {}
    for number in range(20):
        settings[f"A{number}"] = Secret(made("vault", f"example {number}", {"name": f"A{number}"}, key=key))
        token = made("vault", f"derived {number}", {"name": f"B{number}"}, key=derived_key, derived=True)
        settings[f"B{number}"] = Secret(token)
    posted.clear()
    decrypt_settings(settings)
    assert settings["A7"] == "example 7"
    assert settings["B19"] == "derived 19"
    assert [path for path, _ in posted] == [f"transit/decrypt/{key}", f"transit/decrypt/{derived_key}"]


def test_one_that_fails_among_others_fails_alone_and_shows_no_other(key: str) -> None:
    good, other = (made("vault", f"example-plaintext {name}", {"name": name}, key=key) for name in "AB")
    moved = other.replace("name=B", "name=C")
    with pytest.raises(ResolveError) as caught:
        decrypt_settings({"A": Secret(good), "C": Secret(moved)})
    assert list(caught.value.failures) == ["C"]
    assert isinstance(caught.value.failures["C"], WrongKeyError)
    encoded = base64.b64encode(b"example-plaintext A").decode()
    error: BaseException | None = caught.value
    while error:
        assert "example-plaintext" not in repr(vars(error)) + str(error)
        assert encoded not in repr(vars(error)) + str(error)
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("derived", [False, True])
def test_every_cut_and_every_flipped_byte_is_refused(derived: bool, key: str, derived_key: str) -> None:
    options = {"key": derived_key, "derived": True} if derived else {"key": key}
    token = made("vault", "example-plaintext", {"app": "shop", "name": "A", "team": "web"}, **options)
    assert_all_refused(cut_and_flipped(token), "example-plaintext", token)


@pytest.mark.parametrize("derived", [False, True])
def test_params_cannot_be_dropped_swapped_or_added(derived: bool, key: str, derived_key: str) -> None:
    options = {"key": derived_key, "derived": True} if derived else {"key": key}
    token = made("vault", "example-plaintext", {"app": "shop", "name": "A"}, **options)
    changed = [
        token.replace("app=shop", "app=bank"),
        token.replace("name=A", "name=B"),
        token.replace("app=shop&name=A", "app=A&name=shop"),
        token.replace("&name=A", ""),
        token.replace("&app=shop&name=A", ""),
        token.replace("&derived=1", "") if derived else token.replace("&app", "&derived=1&app").replace("app=shop", ""),
    ]
    assert_all_refused(changed, "example-plaintext", token)


def test_an_unbound_token_cannot_be_given_a_context(key: str, derived_key: str) -> None:
    for token in (made("vault", "x", key=key), made("vault", "x", key=derived_key, derived=True)):
        label = ":vault:v1:"
        assert_all_refused([token.replace(label, f"&app=shop&name=A{label}")], "example-plaintext", token)
    # A key that is not derived ignores the context of the derivation: associated data must catch this one.
    relabelled = made("vault", "x", key=key).replace(":vault:v1:", "&derived=1&app=shop&name=A:vault:v1:")
    assert_all_refused([relabelled], "example-plaintext", relabelled)


def test_a_derived_key_without_the_option_says_so(derived_key: str) -> None:
    with pytest.raises(SecretError, match="derived = true"):
        made("vault", "x", key=derived_key)


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


def test_a_rotated_key_opens_old_tokens_until_they_are_shut_out(vault: Vault, key: str) -> None:
    old = made("vault", "old", key=key)
    vault.call(f"transit/keys/{key}/rotate", {})
    new, pinned = made("vault", "new", key=key), made("vault", "pinned", key=key, key_version=1)
    assert [wire.parse(token).key_id for token in (old, new, pinned)] == [
        f"{key}:v1",
        f"{key}:v2",
        f"{key}:v1",
    ]
    assert [Secret(token).get() for token in (old, new, pinned)] == ["old", "new", "pinned"]
    vault.call(f"transit/keys/{key}/config", {"min_decryption_version": 2})
    with pytest.raises(DecryptError, match="min_decryption_version"):
        Secret(old).get()
    assert Secret(new).get() == "new"


def test_a_deleted_key_says_so(vault: Vault, key: str) -> None:
    token = made("vault", "example", key=key)
    vault.call(f"transit/keys/{key}/config", {"deletion_allowed": True})
    vault.call(f"transit/keys/{key}", method="DELETE")
    with pytest.raises(MissingKeyError, match="deleted"):
        Secret(token).get()


def test_a_key_of_another_name_does_not_open(vault: Vault, key: str, derived_key: str) -> None:
    token = made("vault", "example-plaintext", {"name": "A"}, key=key)
    assert_all_refused([token.replace(f"key={key}", f"key={derived_key}")], "example-plaintext", token)


def test_an_engine_that_is_mounted_elsewhere(vault: Vault, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    mount = f"teams/web-{next(_numbers)}/transit"
    vault.call(f"sys/mounts/{mount}", {"type": "transit"})
    vault.call(f"{mount}/keys/shop", {})
    (home / "plaintext").write_text("example")
    ended = call(encrypt, "vault", "shop", "--mount", mount, "--from-file", str(home / "plaintext"))
    token = ended.out.strip()
    assert "teams" not in token
    with pytest.raises(MissingKeyError, match="no key of that name"):
        Secret(token).get()
    (home / "zemanta_ops.toml").write_text(
        f'[environments.production]\nbackend = "vault"\nkey = "shop"\nmount = "{mount}"\n'
    )
    assert Secret(token).get() == "example"
    (home / "zemanta_ops.toml").unlink()
    monkeypatch.setenv("ZEMANTA_OPS_VAULT_MOUNT", mount)
    assert Secret(token).get() == "example"
    monkeypatch.setenv("ZEMANTA_OPS_VAULT_MOUNT", "nothing-here")
    with pytest.raises(MissingKeyError, match="check the mount"):
        Secret(token).get()


def test_a_namespace_that_vault_does_not_have_is_no_success(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Namespaces are Vault Enterprise's; that the header is sent is what can be seen here."""
    seen = []
    real = RawAdapter.request

    def request(self: Any, *arguments: Any, **options: Any) -> Any:
        seen.append(self.namespace)
        return real(self, *arguments, **options)

    monkeypatch.setattr(RawAdapter, "request", request)
    monkeypatch.setenv("VAULT_NAMESPACE", "teams/web")
    outcomes([made("vault", "x", key=key)])
    assert set(seen) == {"teams/web"}


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


def test_unbound_tokens_are_rewrapped_without_a_right_to_decrypt(
    vault: Vault, key: str, derived_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens: list[tuple[str, dict[str, Any]]] = [
        (made("vault", "example", key=key), {"key": key}),
        (made("vault", "example", key=derived_key, derived=True), {"key": derived_key, "derived": True}),
    ]
    for _, options in tokens:
        vault.call(f"transit/keys/{options['key']}/rotate", {})
    policy = 'path "transit/rewrap/*" {\n capabilities = ["update"]\n}'
    limited = vault.new_token(policy)
    for text, options in tokens:
        monkeypatch.setenv("VAULT_TOKEN", limited)
        new = backends.load("vault").rewrap(wire.parse(text), {}, **options)
        assert new
        assert new.key_id.endswith(":v2")
        with pytest.raises(DeniedError):
            Secret(wire.format(new)).get()
        monkeypatch.setenv("VAULT_TOKEN", ROOT_TOKEN)
        assert Secret(wire.format(new)).get() == "example"


def test_a_private_key_may_be_a_vault_token(key: str, monkeypatch: pytest.MonkeyPatch, posted: Posted) -> None:
    from zemanta_ops.secrets.backends import _agekeys

    identity = _agekeys.generate("x25519")
    monkeypatch.setenv("ZEMANTA_OPS_SEALED_KEY", made("vault", identity.text(), key=key))
    settings: dict[str, object] = {
        name: Secret(made("sealed", f"example {name}", recipients=str(identity.recipient))) for name in "ABC"
    }
    posted.clear()
    decrypt_settings(settings)
    assert settings == {"A": "example A", "B": "example B", "C": "example C"}
    assert len(posted) == 1


@pytest.fixture(scope="session")
def spare_vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vault]:
    """Return a Vault that is not started, and that a test may seal and stop."""
    require("vault")
    server = Vault(tmp_path_factory.mktemp("vault"))
    yield server
    server.stop()


def test_a_sealed_and_a_stopped_vault(spare_vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_vault_session, "DEADLINE_SECONDS", 1.0)
    spare_vault.start()
    monkeypatch.setenv("VAULT_ADDR", spare_vault.url)
    spare_vault.call("transit/keys/shop", {})
    token = made("vault", "example", key="shop")
    spare_vault.call("sys/seal", {})
    with pytest.raises(UnreachableError, match="unseal it"):
        Secret(token).get()
    with pytest.raises(UnreachableError, match="unseal it"):
        made("vault", "example", key="shop")
    spare_vault.stop()
    with pytest.raises(UnreachableError, match="does not answer"):
        Secret(token).get()


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
