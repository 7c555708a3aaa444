"""Rotation to and within the backends whose keys are elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.secrets.conftest import become
from tests.secrets.tokens import made
from tests.secrets.verbs.calls import call
from tests.servers.kms import ALIAS, KMS, REGION
from tests.servers.vault import ROOT_TOKEN, Vault
from zemanta_ops.secrets import Secret, SecretError, wire
from zemanta_ops.secrets.backends import _agekeys
from zemanta_ops.secrets.verbs import rotate


def settings(home: Path, token: str) -> Path:
    path = home / "settings.py"
    path.write_text(f'A = Secret("{token}")  # kept\n')
    return path


def token_of(path: Path) -> str:
    return path.read_text().split('"')[1]


@pytest.mark.parametrize("suite", ["mlkem768x25519", "x25519"])
def test_a_key_pair_is_changed(suite: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = _agekeys.generate(suite), _agekeys.generate(suite)
    path = settings(home, made("sealed", "example", recipients=str(old.recipient)))
    monkeypatch.setenv("ZEMANTA_OPS_SEALED_KEY", f"{old.text()}\n{new.text()}")
    ended = call(rotate, "--to", "sealed", "--recipient", str(new.recipient), str(path))
    assert ended.code == 0, ended.err
    assert path.read_text().endswith("# kept\n")
    monkeypatch.setenv("ZEMANTA_OPS_SEALED_KEY", new.text())
    assert Secret(token_of(path)).get() == "example"


@pytest.mark.parametrize("recipients", [1, 2])
def test_a_token_that_stands_outside_of_secret_is_found_whole(
    recipients: int, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = [_agekeys.generate("x25519") for _ in range(recipients)]
    publics = [str(pair.recipient) for pair in pairs]
    path = home / "settings.py"
    path.write_text(f'A = "{made("sealed", "example", recipients=publics)}"\n')
    monkeypatch.setenv("ZEMANTA_OPS_SEALED_KEY", pairs[0].text())
    ended = call(rotate, "--to", "local", str(path))
    assert ended.code == 0, ended.err
    assert token_of(path).startswith("local:")
    assert Secret(token_of(path)).get() == "example"


@pytest.mark.parametrize("bind", [(), ("--bind", "--app", "shop")])
def test_from_kms_to_kms_without_a_right_to_decrypt_or_encrypt(
    bind: tuple[str, ...], kms: KMS, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = kms.client("kms").create_key()["KeyMetadata"]["Arn"]
    path = settings(home, made("kms", "example", {"env": "test"}, key=ALIAS, region=REGION))
    # IAM splits it into ReEncryptFrom and ReEncryptTo; moto knows it by the name of the call.
    with kms.identity(["kms:ReEncrypt"]) as identity:
        become(monkeypatch, identity)
        ended = call(rotate, "--to", "kms", "--key", new, *bind, str(path))
        assert (ended.code, ended.out) == (0, "re-encrypted 1 secret in 1 file, 1 of them inside the key service\n")
        with pytest.raises(SecretError):
            Secret(token_of(path)).get(name="A", app="shop")
        encrypted_here = call(rotate, "--to", "local", str(path))
        assert (encrypted_here.code, token_of(path)[:4]) == (1, "kms:")
    become(monkeypatch, kms.environment)
    monkeypatch.setenv("ZEMANTA_OPS_ENV", "test")
    assert wire.parse(token_of(path)).params["key"] == new
    assert Secret(token_of(path)).get(name="A", app="shop") == "example"


@pytest.mark.second_tier
@pytest.mark.parametrize("bound", [False, True])
def test_a_new_version_of_a_key_of_vault(
    bound: bool, vault: Vault, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_ADDR", vault.url)
    monkeypatch.setenv("VAULT_TOKEN", ROOT_TOKEN)
    key = f"rotation-{bound}"
    vault.call(f"transit/keys/{key}", {})
    path = settings(home, made("vault", "example", {"name": "A"} if bound else {}, key=key))
    vault.call(f"transit/keys/{key}/rotate", {})
    if not bound:
        policy = f'path "transit/rewrap/{key}" {{\n capabilities = ["update"]\n}}'
        monkeypatch.setenv("VAULT_TOKEN", vault.new_token(policy))
    ended = call(rotate, "--to", "vault", "--key", key, str(path))
    assert ended.code == 0, ended.err
    monkeypatch.setenv("VAULT_TOKEN", ROOT_TOKEN)
    assert ":vault:v2:" in token_of(path)
    assert Secret(token_of(path)).get(name="A" if bound else "") == "example"
