"""``vault``: the transit engine of HashiCorp Vault or OpenBao, where the key stays.

The address is ``VAULT_ADDR``, the namespace ``VAULT_NAMESPACE``; the way in is ``VAULT_TOKEN``, AppRole, or a JWT. The
engine's mount comes from ``ZEMANTA_OPS_VAULT_MOUNT`` or from ``zemanta_ops.toml``. A token names its key and nothing
else of where it leads.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from zemanta_ops.secrets import config, wire
from zemanta_ops.secrets.backends._vault_session import MOUNT, VaultSession, refusal, visit
from zemanta_ops.secrets.backends.base import Backend, Result, chosen, from_base64, to_base64
from zemanta_ops.secrets.exceptions import ConfigError, DecryptError, EncryptError, SecretError, TokenError
from zemanta_ops.secrets.wire import Token

MOUNT_VARIABLE = "ZEMANTA_OPS_VAULT_MOUNT"
DEFAULT_MOUNT = "transit"

_VERSION = "1"
_CIPHERTEXT = re.compile(r"vault:v[1-9][0-9]{0,8}:([A-Za-z0-9+/=]+)")
_BATCH = 500


class VaultBackend(Backend):
    """Needs ``update`` on ``MOUNT/encrypt/KEY`` to encrypt, on ``MOUNT/decrypt/KEY`` to decrypt."""

    name = "vault"
    options: ClassVar = {
        "key": "name of a transit key",
        "mount": f"mount of the transit engine (default: {DEFAULT_MOUNT})",
        "derived": "the key is a derived one: each context has a key of its own",
        "key_version": "version of the key (default: the newest)",
    }

    def encrypt(self, plaintext: bytes, context: Mapping[str, str], **options: Any) -> Token:
        """Encrypt under ``key``; the token carries the version that Vault answers."""
        chosen(self, options, "key")
        key, mount = _key(options), _mount(options.get("mount"))
        params = {"v": _VERSION, "key": key, **({"derived": "1"} if options.get("derived") else {})}
        token = Token(self.name, params | wire.context_params(context))
        body = {"plaintext": to_base64(plaintext), **_bound(token), **_version(options)}
        with visit() as session:
            answer = session.post(f"{mount}/encrypt/{key}", body, EncryptError)
        return _answered(token, answer)

    def decrypt(self, token: Token) -> bytes:
        """Decrypt one token."""
        [result] = self.decrypt_many([token])
        if isinstance(result, SecretError):
            raise result
        return result

    def decrypt_many(self, tokens: Sequence[Token]) -> list[Result]:
        """Decrypt several tokens with one login, and one call a key."""
        results: list[Result | None] = [_malformed(token) for token in tokens]
        left: dict[str, list[int]] = {}
        for place, token in enumerate(tokens):
            if results[place] is None:
                left.setdefault(token.params["key"], []).append(place)
        if left:
            try:
                self._fill(tokens, left, results)
            except SecretError as error:
                return [error if result is None else result for result in results]
        return [result for result in results if result is not None]

    def rewrap(self, token: Token, context: Mapping[str, str], /, **options: Any) -> Token | None:
        """Call rewrap, which needs ``update`` on ``MOUNT/rewrap/KEY``.

        Vault rewraps within one key, and has no associated data there: a bound token must be decrypted here.
        """
        chosen(self, options, "key")
        derived = "derived" in token.params
        if options["key"] != token.params.get("key") or bool(options.get("derived")) != derived:
            return None
        if token.context or context:
            return None
        if error := _malformed(token):
            raise error
        body = {"ciphertext": token.ciphertext, **_bound(token), **_version(options)}
        with visit() as session:
            answer = session.post(f"{_mount(options.get('mount'))}/rewrap/{token.params['key']}", body, EncryptError)
        return _answered(token, answer)

    def key_id(self, token: Token) -> str:
        """Return the key's name and version, as ``shop:v2``."""
        return ":".join([token.params.get("key", ""), *token.ciphertext.split(":")[1:2]])

    def _fill(self, tokens: Sequence[Token], left: Mapping[str, list[int]], results: list[Result | None]) -> None:
        mount = _mount(None)
        with visit() as session:
            for key, places in left.items():
                for start in range(0, len(places), _BATCH):
                    some = places[start : start + _BATCH]
                    for place, result in zip(
                        some, _batch(session, mount, key, [tokens[at] for at in some]), strict=True
                    ):
                        results[place] = result


def _batch(session: VaultSession, mount: str, key: str, tokens: Sequence[Token]) -> list[Result]:
    path = f"{mount}/decrypt/{key}"
    items = [{"ciphertext": token.ciphertext, **_bound(token)} for token in tokens]
    try:
        # Where only some fail, Vault's answer would otherwise be an error with the plaintexts of the others in it.
        answer = session.post(path, {"batch_input": items, "partial_failure_response_code": 200})
    except SecretError as error:
        return [error] * len(tokens)
    found = (answer.get("data") or {}).get("batch_results") or []
    if len(found) != len(tokens):
        return [DecryptError("Vault answered another number of secrets than it was asked for")] * len(tokens)
    return [_result(item, path) for item in found]


def _result(item: Mapping[str, Any], path: str) -> Result:
    if item.get("error"):
        return refusal(str(item["error"]), 400, path)
    try:
        return base64.b64decode(item.get("plaintext") or "", validate=True)
    except (binascii.Error, ValueError):
        return DecryptError("Vault answered with something that is not base64")


def _malformed(token: Token) -> SecretError | None:
    try:
        token.require("v", "key", optional=("derived",))
        body = _CIPHERTEXT.fullmatch(token.ciphertext)
        if token.params["v"] != _VERSION or token.params.get("derived", "1") != "1":
            raise TokenError("malformed vault token: unknown version, or derived is not 1")
        if not wire.SAFE_NAME.fullmatch(token.params["key"]):
            raise TokenError("malformed vault token: its key is not the name of a key")
        if not body:
            raise TokenError("malformed vault token: its ciphertext is not one of Vault, vault:vN:…")
        from_base64(token, body[1])
        _bound(token)
    except SecretError as error:
        return error
    except ValueError:
        return TokenError("malformed vault token: its context is not text")
    return None


def _bound(token: Token) -> dict[str, str]:
    """Return what binds a ciphertext to its context.

    A key that is not a derived one ignores ``context``, so that a bound token always has associated data as well.
    """
    authenticated = to_base64(
        wire.associated_data(token, version=_VERSION, suite="transit", key_id=token.params["key"])
    )
    derivation = {"context": authenticated} if "derived" in token.params else {}
    return derivation | ({"associated_data": authenticated} if token.context else {})


def _answered(token: Token, answer: Any) -> Token:
    made = Token(token.backend, token.params, str((answer.get("data") or {}).get("ciphertext", "")))
    if _malformed(made):
        raise EncryptError("Vault answered with something that is not a ciphertext")
    return made


def _key(options: Mapping[str, Any]) -> str:
    key = str(options["key"])
    if not wire.SAFE_NAME.fullmatch(key):
        raise EncryptError("key must be the name of a transit key: letters, digits, _ and -, at most 64")
    return key


def _version(options: Mapping[str, Any]) -> dict[str, int]:
    version = str(options.get("key_version") or 0)
    if not version.isascii() or not version.isdigit():
        raise EncryptError("key_version must be a whole number")
    return {"key_version": int(version)} if int(version) else {}


def _mount(given: str | None) -> str:
    """Return the mount that was asked for, of the environment's variable, of ``zemanta_ops.toml``, or the default."""
    mount = str(given or os.environ.get(MOUNT_VARIABLE, "") or _configured() or DEFAULT_MOUNT)
    if not MOUNT.fullmatch(mount):
        raise ConfigError(f"mount, or {MOUNT_VARIABLE}, is not the path of a secrets engine")
    return mount


def _configured() -> Any:
    try:
        environment = config.load().environment()
    except ConfigError:
        return None
    return environment.options.get("mount") if environment.backend == VaultBackend.name else None
