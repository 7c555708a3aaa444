"""The vault backend against a real Vault: tokens and keys."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hvac.adapters import RawAdapter

from tests.secrets.backends.vault_names import Posted, numbers
from tests.secrets.broken import assert_all_refused, cut_and_flipped, outcomes
from tests.secrets.tokens import made
from tests.secrets.verbs.calls import call
from tests.servers.fixtures import require
from tests.servers.vault import ROOT_TOKEN, Vault
from zemanta_ops.secrets import Secret, SecretError, backends, decrypt_settings, wire
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

pytestmark = [pytest.mark.second_tier, pytest.mark.usefixtures("as_root")]


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
    mount = f"teams/web-{next(numbers)}/transit"
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
