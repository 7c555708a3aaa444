"""``local``: a key in the user's data folder, for development.

The active key is ``current.key`` and older ones are ``<key id>.key``: each the base64 of 32 bytes, mode 0600, in
``ZEMANTA_OPS_KEY_DIR`` or in ``zemanta_ops/keys`` of the user's data folder. A token names the key that made it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from platformdirs import user_data_path

from zemanta_ops.secrets import ledger, wire
from zemanta_ops.secrets.backends import _aesgcm
from zemanta_ops.secrets.backends._legacy import decrypt_cbc
from zemanta_ops.secrets.backends.base import Backend, Option, check_options, from_base64, to_base64
from zemanta_ops.secrets.exceptions import EncryptError, MissingKeyError, TokenError, WrongKeyError
from zemanta_ops.secrets.wire import Token

FOLDER_VARIABLE = "ZEMANTA_OPS_KEY_DIR"

_CURRENT = "current"
_KEY_BYTES = 32
_LEGACY_KEY_BYTES = 16


class LocalBackend(Backend):
    """AES-256-GCM under a key of this user; the context is associated data."""

    name = "local"
    options: ClassVar = {
        "new_key": Option("make a new active key first; tokens of the older ones stay readable", kind=bool)
    }
    production = False

    def encrypt(self, plaintext: bytes, context: Mapping[str, str], **options: Any) -> Token:
        """Encrypt under the active key, which is created on first use."""
        check_options(self, options)
        active_key = _new_key() if options.get("new_key") else _active_key()
        params = {"v": "2", "key": key_id(active_key), **wire.context_params(context)}
        token = Token(self.name, params, "")
        return Token(self.name, params, to_base64(_aesgcm.encrypt(active_key, plaintext, _associated_data(token))))

    def decrypt(self, token: Token) -> bytes:
        """Decrypt under the key that the token names; tokens of SecretCrypt 1.x under SecretCrypt's own key."""
        if token.is_legacy:
            with ledger.reading_legacy(self.name):
                return decrypt_cbc(from_base64(token), _legacy_keys())
        token.require("v", "key")
        if token.params["v"] != "2" or not wire.SAFE_NAME.fullmatch(token.params["key"]):
            raise TokenError("malformed local token: unknown version or key id")
        body = from_base64(token)
        plaintext = _aesgcm.decrypt(_find_key(token.params["key"]), body, _associated_data(token))
        if plaintext is None:
            raise WrongKeyError("the local token, its app or its name was changed")
        return plaintext


def folder() -> Path:
    """Return the folder that holds the keys."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named) if named else user_data_path("zemanta_ops", appauthor=False) / "keys"


def key_id(key: bytes) -> str:
    """Return 16 hex digits that identify a key without revealing it."""
    return hashlib.sha256(b"zemanta_ops local key id" + key).hexdigest()[:16]


def legacy_key_file() -> Path:
    """Return the path of the key file of SecretCrypt 1.x."""
    return user_data_path("secretcrypt", appauthor=False) / "key"


def _associated_data(token: Token) -> bytes:
    return wire.associated_data(token, version="2", suite=_aesgcm.NAME, key_id=token.params["key"])


def _active_key() -> bytes:
    path = folder() / f"{_CURRENT}.key"
    if not path.exists():
        _create_key(path, secrets.token_bytes(_KEY_BYTES))
    return _read_key(path)


def _new_key() -> bytes:
    key = _active_key()
    _create_key(folder() / f"{key_id(key)}.key", key)
    path = _write_new(folder(), secrets.token_bytes(_KEY_BYTES))
    path.replace(folder() / f"{_CURRENT}.key")
    return _active_key()


def _find_key(name: str) -> bytes:
    active, older = folder() / f"{_CURRENT}.key", folder() / f"{name}.key"
    for path in (active, older):
        if path.exists() and key_id(key := _read_key(path)) == name:
            return key
    raise MissingKeyError(
        "the key of this local token is not on this machine: only the user who made a local token can decrypt it"
    )


def _legacy_keys() -> list[bytes]:
    path = legacy_key_file()
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise MissingKeyError(f"a local token of SecretCrypt 1.x needs the key file {path}") from None
    except OSError as error:
        raise MissingKeyError(f"{path} cannot be read as a key: {type(error).__name__}") from None
    if len(data) == _LEGACY_KEY_BYTES:
        # SecretCrypt for Go wrote the bytes themselves.
        return [data]
    text = data.strip()
    key = _decode(text)
    if len(key) != _LEGACY_KEY_BYTES:
        raise MissingKeyError(f"{path} is not a key file of SecretCrypt 1.x: expected the base64 of 16 bytes")
    # The first process of 1.x on a machine used the 24 characters of the base64 text as its key.
    return [key, text]


def _read_key(path: Path) -> bytes:
    try:
        key = _decode(path.read_bytes().strip())
    except OSError as error:
        raise MissingKeyError(f"{path} cannot be read as a key: {type(error).__name__}") from None
    if len(key) != _KEY_BYTES:
        raise MissingKeyError(f"{path} is not a key: expected the base64 of {_KEY_BYTES} bytes")
    return key


def _decode(text: bytes) -> bytes:
    """Decode base64; "", which is too short for any key, if it is not base64."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""


def _create_key(path: Path, key: bytes) -> None:
    """Create a key file unless it exists. Of several processes one wins, and none reads an incomplete file."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        written = _write_new(path.parent, key)
        try:
            os.link(written, path)
        except FileExistsError:
            pass
        finally:
            written.unlink()
    except OSError as error:
        raise EncryptError(f"no key could be created in {path.parent}: {type(error).__name__}") from None


def _write_new(parent: Path, key: bytes) -> Path:
    path = parent / f".{secrets.token_hex(8)}.new"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(base64.b64encode(key) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return path
