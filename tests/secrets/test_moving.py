"""A token that is moved to another setting, application, environment or place in a list is refused, by each backend.

Twice: as it is, because the reader knows what it expects; and with its params rewritten to what the reader expects,
because the backend authenticates them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.secrets.tokens import made
from tests.servers.kms import ALIAS, REGION
from tests.servers.vault import ROOT_TOKEN
from zemanta_ops.secrets import Secret, decrypt_settings, ledger
from zemanta_ops.secrets.backends import _agekeys
from zemanta_ops.secrets.exceptions import ContextError, ResolveError, WrongKeyError

PLAINTEXT = "example-plaintext"
HERE = {"app": "shop", "name": "HOSTS.1.PASSWORD", "env": "production"}


@pytest.fixture(
    params=["kms", "kms-envelope", "local", "password", "sealed", pytest.param("vault", marks=pytest.mark.second_tier)]
)
def token(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a token that is bound to the application ``shop`` and the second of ``HOSTS``, in production."""
    (home / "zemanta_ops.toml").write_text('app = "shop"\n')
    monkeypatch.setenv("ZEMANTA_OPS_ENV", "production")
    options: dict[str, Any] = {}
    text = PLAINTEXT
    if request.param.startswith("kms"):
        request.getfixturevalue("kms")
        options = {"key": ALIAS, "region": REGION}
        text = PLAINTEXT * 300 if request.param == "kms-envelope" else PLAINTEXT
    elif request.param == "password":
        monkeypatch.setenv("ZEMANTA_OPS_PASSWORD", "example password")
    elif request.param == "sealed":
        identity = _agekeys.generate("mlkem768x25519")
        monkeypatch.setenv("ZEMANTA_OPS_SEALED_KEY", identity.text())
        options = {"recipients": str(identity.recipient)}
    elif request.param == "vault":
        vault = request.getfixturevalue("vault")
        monkeypatch.setenv("VAULT_ADDR", vault.url)
        monkeypatch.setenv("VAULT_TOKEN", ROOT_TOKEN)
        vault.call("transit/keys/moving", {})
        options = {"key": "moving"}
    return made(request.param.partition("-")[0], text, HERE, **options)


def read(token: str, path: str = HERE["name"]) -> str:
    """Return what the settings have at a path such as ``HOSTS.1.PASSWORD`` after they were decrypted."""
    name, index, key = path.split(".")
    hosts: list[dict[str, Any]] = [{}, {}]
    hosts[int(index)][key] = Secret(token)
    settings = {name: hosts}
    decrypt_settings(settings)
    text: str = settings[name][int(index)][key]
    return text


def refused(token: str, path: str, kind: type[Exception]) -> None:
    with pytest.raises(ResolveError) as caught:
        read(token, path)
    [(where, error)] = caught.value.failures.items()
    assert where == path
    assert isinstance(error, kind)
    assert PLAINTEXT not in str(caught.value)
    assert not any(PLAINTEXT in value for value in ledger.plaintexts())


def test_a_moved_token_is_refused(token: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in ("HOSTS.1.USER", "OTHERS.1.PASSWORD", "HOSTS.0.PASSWORD"):
        refused(token, path, ContextError)
        refused(token.replace(f"name={HERE['name']}", f"name={path}"), path, WrongKeyError)
    monkeypatch.setenv("ZEMANTA_OPS_ENV", "staging")
    refused(token, HERE["name"], ContextError)
    refused(token.replace("c.env=production", "c.env=staging"), HERE["name"], WrongKeyError)
    refused(token.replace("c.env=production&", "").replace("&c.env=production", ""), HERE["name"], WrongKeyError)
    monkeypatch.setenv("ZEMANTA_OPS_ENV", "production")
    (home / "zemanta_ops.toml").write_text('app = "another-shop"\n')
    refused(token, HERE["name"], ContextError)
    refused(token.replace("app=shop", "app=another-shop"), HERE["name"], WrongKeyError)
    (home / "zemanta_ops.toml").write_text('app = "shop"\n')
    ledger.forget()
    assert read(token).startswith(PLAINTEXT)
