"""``local``: a key in the user's data folder, for development.

The active key is ``current.key`` and the older ones ``<key id>.key``, each the base64 of 32 bytes with mode 0600, in
``ZEMANTA_OPS_KEY_DIR`` or the ``zemanta_ops/keys`` folder of the user's data. A token says which key made it.
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

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from platformdirs import user_data_path

from zemanta_ops.secrets import ledger, wire
from zemanta_ops.secrets.backends._legacy import decrypt_cbc
from zemanta_ops.secrets.backends.base import Backend, chosen, from_base64, to_base64
from zemanta_ops.secrets.exceptions import EncryptError, MissingKeyError, TokenError, WrongKeyError
from zemanta_ops.secrets.wire import Token

FOLDER_VARIABLE = "ZEMANTA_OPS_KEY_DIR"
SUITE = "AES-256-GCM"

_CURRENT = "current"
_KEY_BYTES = 32
_LEGACY_KEY_BYTES = 16
_NONCE_BYTES = 12


class LocalBackend(Backend):
    """AES-256-GCM under a key of this user; the context is associated data."""

    name = "local"
    options: ClassVar = {"new_key": "make a new active key first; tokens of the older ones stay readable"}
    production = False

    def encrypt(self, plaintext: bytes, context: Mapping[str, str], **options: Any) -> Token:
        """Encrypt under the active key, which is made on first use."""
        chosen(self, options)
        active_key = _new_key() if options.get("new_key") else _active_key()
        params = {"v": "2", "key": key_id(active_key), **wire.context_params(context)}
        token = Token(self.name, params, "")
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(active_key).encrypt(nonce, plaintext, _authenticated(token))
        return Token(self.name, params, to_base64(nonce + sealed))

    def decrypt(self, token: Token) -> bytes:
        """Decrypt under the key that the token names; 1.x tokens under SecretCrypt's own."""
        if self.legacy(token):
            if token.params:
                raise TokenError("malformed local token: a param is unknown")
            with ledger.reading_legacy(self.name):
                return decrypt_cbc(from_base64(token), _legacy_keys())
        token.require("v", "key")
        if token.params["v"] != "2" or not wire.SAFE_NAME.fullmatch(token.params["key"]):
            raise TokenError("malformed local token: unknown version or key id")
        body = from_base64(token)
        named_key = _named_key(token.params["key"])
        try:
            return AESGCM(named_key).decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], _authenticated(token))
        except (InvalidTag, ValueError):
            raise WrongKeyError("the local token, its app or its name was changed") from None

    def legacy(self, token: Token, /) -> bool:
        """1.x tokens have no version."""
        return "v" not in token.params and "key" not in token.params


def folder() -> Path:
    """Return the folder of the keys."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named) if named else user_data_path("zemanta_ops", appauthor=False) / "keys"


def key_id(key: bytes) -> str:
    """Return 16 hex digits that name a key and tell nothing of it."""
    return hashlib.sha256(b"zemanta_ops local key id" + key).hexdigest()[:16]


def legacy_key_file() -> Path:
    """Return where SecretCrypt 1.x kept its key."""
    return user_data_path("secretcrypt", appauthor=False) / "key"


def _authenticated(token: Token) -> bytes:
    return wire.associated_data(token, version="2", suite=SUITE, key_id=token.params["key"])


def _active_key() -> bytes:
    path = folder() / f"{_CURRENT}.key"
    if not path.exists():
        _create(path, secrets.token_bytes(_KEY_BYTES))
    return _read(path)


def _new_key() -> bytes:
    key = _active_key()
    _create(folder() / f"{key_id(key)}.key", key)
    path = _written(folder(), secrets.token_bytes(_KEY_BYTES))
    path.replace(folder() / f"{_CURRENT}.key")
    return _active_key()


def _named_key(name: str) -> bytes:
    active, older = folder() / f"{_CURRENT}.key", folder() / f"{name}.key"
    for path in (active, older):
        if path.exists() and key_id(key := _read(path)) == name:
            return key
    raise MissingKeyError(
        "the key of this local token is not on this machine: a local token opens only for the user who made it"
    )


def _legacy_keys() -> list[bytes]:
    path = legacy_key_file()
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise MissingKeyError(f"a local token of SecretCrypt 1.x needs its key file {path}") from None
    except OSError as error:
        raise MissingKeyError(f"{path} cannot be read as a key: {type(error).__name__}") from None
    if len(data) == _LEGACY_KEY_BYTES:
        # SecretCrypt for Go has written the bytes themselves.
        return [data]
    text = data.strip()
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != _LEGACY_KEY_BYTES:
        raise MissingKeyError(f"{path} is not a key file of SecretCrypt 1.x: expected the base64 of 16 bytes")
    # The very first process of 1.x used the 24 characters of the base64 text as its key.
    return [key, text]


def _read(path: Path) -> bytes:
    try:
        key = base64.b64decode(path.read_bytes().strip(), validate=True)
    except (OSError, binascii.Error) as error:
        raise MissingKeyError(f"{path} cannot be read as a key: {type(error).__name__}") from None
    if len(key) != _KEY_BYTES:
        raise MissingKeyError(f"{path} is not a key: expected the base64 of {_KEY_BYTES} bytes")
    return key


def _create(path: Path, key: bytes) -> None:
    """Create a key file unless it is there; of many processes one wins, and none sees half a file."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        written = _written(path.parent, key)
        try:
            os.link(written, path)
        except FileExistsError:
            pass
        finally:
            written.unlink()
    except OSError as error:
        raise EncryptError(f"no key could be made in {path.parent}: {type(error).__name__}") from None


def _written(parent: Path, key: bytes) -> Path:
    path = parent / f".{secrets.token_hex(8)}.new"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(base64.b64encode(key) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return path
