"""The words of what is wrong with a local token or its key file."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.secrets.tokens import local
from zemanta_ops.secrets import LegacyTokenWarning, SecretError, wire
from zemanta_ops.secrets.backends import local as module
from zemanta_ops.secrets.backends.local import LocalBackend
from zemanta_ops.secrets.exceptions import EncryptError, MissingKeyError, TokenError, WrongKeyError

LOST = "the key of this local token is not on this machine: only the user who made a local token can decrypt it"


def refuse(token: wire.Token) -> tuple[type[SecretError], str]:
    with pytest.raises(SecretError) as caught:
        LocalBackend().decrypt(token)
    return type(caught.value), str(caught.value)


def test_a_token_that_was_changed_or_moved_is_reported_as_such(home: Path) -> None:
    token = wire.parse(local("example", app="shop"))
    moved = wire.Token("local", {**token.params, "app": "bank"}, token.ciphertext)
    assert refuse(moved) == (WrongKeyError, "the local token, its app or its name was changed")


@pytest.mark.parametrize("params", [{"v": "3", "key": "one"}, {"v": "2", "key": "a/b"}])
def test_a_token_of_another_form_is_malformed(params: dict[str, str]) -> None:
    reason = "malformed local token: unknown version or key id"
    assert refuse(wire.Token("local", params, "QUJD")) == (TokenError, reason)


def test_a_token_whose_key_is_not_here_is_reported_as_such(home: Path) -> None:
    token = wire.Token("local", {"v": "2", "key": "0123456789abcdef"}, "QUJD")
    assert refuse(token) == (MissingKeyError, LOST)
    local("there is a key now")
    assert refuse(token) == (MissingKeyError, LOST)


def garble(path: Path) -> str:
    path.write_bytes(b"!" + base64.b64encode(bytes(32)))
    return f"{path} is not a key: expected the base64 of 32 bytes"


def cut(path: Path) -> str:
    path.write_bytes(base64.b64encode(bytes(31)))
    return f"{path} is not a key: expected the base64 of 32 bytes"


def close(path: Path) -> str:
    path.unlink()
    path.mkdir()
    return f"{path} cannot be read as a key: IsADirectoryError"


@pytest.mark.parametrize("spoil", [garble, cut, close])
def test_a_key_file_that_is_none_is_named(spoil: Callable[[Path], str], home: Path) -> None:
    token = wire.parse(local("example"))
    reason = spoil(module.folder() / "current.key")
    assert refuse(token) == (MissingKeyError, reason)
    with pytest.raises(MissingKeyError) as caught:
        local("example")
    assert str(caught.value) == reason


def test_a_folder_that_cannot_be_made_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "file").touch()
    monkeypatch.setenv(module.FOLDER_VARIABLE, str(home / "file" / "keys"))
    with pytest.raises(EncryptError) as caught:
        local("example")
    assert str(caught.value) == f"no key could be created in {home / 'file' / 'keys'}: NotADirectoryError"


def test_the_words_about_the_key_of_an_old_token(home: Path) -> None:
    token = wire.Token("local", {}, base64.b64encode(bytes(32)).decode())
    path = module.legacy_key_file()
    assert refuse(token) == (MissingKeyError, f"a local token of SecretCrypt 1.x needs the key file {path}")
    path.parent.mkdir(parents=True)
    path.mkdir()
    assert refuse(token) == (MissingKeyError, f"{path} cannot be read as a key: IsADirectoryError")
    path.rmdir()
    path.write_bytes(b"!" + base64.b64encode(bytes(16)))
    reason = f"{path} is not a key file of SecretCrypt 1.x: expected the base64 of 16 bytes"
    assert refuse(token) == (MissingKeyError, reason)


def test_the_warning_about_an_old_token_names_the_backend(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_legacy_keys", list)
    monkeypatch.setattr(module, "decrypt_cbc", lambda body, keys: body)
    with pytest.warns(LegacyTokenWarning, match="^a local token of SecretCrypt"):
        assert LocalBackend().decrypt(wire.Token("local", {}, "QUJD")) == b"ABC"


def test_a_new_key_is_of_32_bytes_and_the_old_one_stays(home: Path) -> None:
    old = wire.parse(local("example"))
    LocalBackend().encrypt(b"x", {}, new_key=True)
    names = {path.name for path in module.folder().iterdir()}
    assert names == {"current.key", f"{old.params['key']}.key"}
    assert {len(base64.b64decode(path.read_bytes())) for path in module.folder().iterdir()} == {32}
    assert LocalBackend().decrypt(old) == b"example"
