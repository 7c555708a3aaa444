"""``vault``: the transit engine of HashiCorp Vault or OpenBao, which keeps the key.

The address is ``VAULT_ADDR``, the namespace ``VAULT_NAMESPACE``. Login uses ``VAULT_TOKEN``, AppRole or a JWT. The
engine's mount comes from ``ZEMANTA_OPS_VAULT_MOUNT`` or from ``zemanta_ops.toml``. A token names its key, but neither
address nor mount.
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
from zemanta_ops.secrets.backends.base import BatchBackend, Option, Result, check_options, from_base64, to_base64
from zemanta_ops.secrets.exceptions import ConfigError, DecryptError, EncryptError, SecretError, TokenError
from zemanta_ops.secrets.wire import Token

MOUNT_VARIABLE = "ZEMANTA_OPS_VAULT_MOUNT"
DEFAULT_MOUNT = "transit"

_VERSION = "1"
_CIPHERTEXT = re.compile(r"vault:v[1-9][0-9]{0,8}:([A-Za-z0-9+/=]+)")
_BATCH = 500


class VaultBackend(BatchBackend):
    """Needs ``update`` on ``MOUNT/encrypt/KEY`` to encrypt, on ``MOUNT/decrypt/KEY`` to decrypt."""

    name = "vault"
    options: ClassVar = {
        "key": Option("name of a transit key"),
        "mount": Option(f"mount of the transit engine (default: {DEFAULT_MOUNT})", metavar="PATH"),
        "derived": Option("the key was created with derived=true: each context has a key of its own", kind=bool),
        "key_version": Option("version of the key (default: the newest)", kind=int, metavar="N"),
    }

    def encrypt(self, plaintext: bytes, context: Mapping[str, str], **options: Any) -> Token:
        """Encrypt under ``key``; the token holds the key version that Vault returns."""
        check_options(self, options, "key")
        key, mount = _read_key(options), _find_mount(options.get("mount"))
        params = {"v": _VERSION, "key": key, **({"derived": "1"} if options.get("derived") else {})}
        token = Token(self.name, params | wire.context_params(context))
        body = {"plaintext": to_base64(plaintext), **_binding(token), **_read_version(options)}
        with visit() as session:
            answer = session.post(f"{mount}/encrypt/{key}", body, EncryptError)
        return _read_token(token, answer)

    def decrypt_many(self, tokens: Sequence[Token]) -> list[Result]:
        """Decrypt tokens with one login, and one call for each key."""
        results: list[Result | None] = [_check_form(token) for token in tokens]
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

        None for another key, and for a bound token: Vault's rewrap takes no associated data.
        """
        check_options(self, options, "key")
        same_kind = bool(options.get("derived")) == ("derived" in token.params)
        if options["key"] != token.params.get("key") or not same_kind or token.context or context:
            return None
        if error := _check_form(token):
            raise error
        body = {"ciphertext": token.ciphertext, **_binding(token), **_read_version(options)}
        with visit() as session:
            answer = session.post(
                f"{_find_mount(options.get('mount'))}/rewrap/{token.params['key']}", body, EncryptError
            )
        return _read_token(token, answer)

    def _fill(self, tokens: Sequence[Token], left: Mapping[str, list[int]], results: list[Result | None]) -> None:
        mount = _find_mount(None)
        with visit() as session:
            for key, places in left.items():
                for start in range(0, len(places), _BATCH):
                    some = places[start : start + _BATCH]
                    batch = _decrypt_batch(session, mount, key, [tokens[place] for place in some])
                    for place, result in zip(some, batch, strict=True):
                        results[place] = result


def _decrypt_batch(session: VaultSession, mount: str, key: str, tokens: Sequence[Token]) -> list[Result]:
    path = f"{mount}/decrypt/{key}"
    items = [{"ciphertext": token.ciphertext, **_binding(token)} for token in tokens]
    try:
        # By default, if only some fail, Vault answers with an error that contains the plaintexts of the others.
        answer = session.post(path, {"batch_input": items, "partial_failure_response_code": 200})
    except SecretError as error:
        return [error] * len(tokens)
    found = (answer.get("data") or {}).get("batch_results") or []
    if len(found) != len(tokens):
        return [DecryptError("Vault returned a different number of results than requested")] * len(tokens)
    return [_read_result(item, path) for item in found]


def _read_result(item: Mapping[str, Any], path: str) -> Result:
    if item.get("error"):
        return refusal(str(item["error"]), 400, path)
    try:
        return base64.b64decode(item.get("plaintext") or "", validate=True)
    except (binascii.Error, ValueError):
        return DecryptError("Vault returned a plaintext that is not base64")


def _check_form(token: Token) -> SecretError | None:
    try:
        token.require("v", "key", optional=("derived",))
        body = _CIPHERTEXT.fullmatch(token.ciphertext)
        if token.params["v"] != _VERSION or token.params.get("derived", "1") != "1":
            raise TokenError("malformed vault token: unknown version, or derived is not 1")
        if not wire.SAFE_NAME.fullmatch(token.params["key"]):
            raise TokenError("malformed vault token: its key is not a key name")
        if not body:
            raise TokenError("malformed vault token: its ciphertext does not start with vault:vN:")
        from_base64(token, body[1])
        _binding(token)
    except SecretError as error:
        return error
    except ValueError:
        return TokenError("malformed vault token: its context is not valid UTF-8")
    return None


def _binding(token: Token) -> dict[str, str]:
    """Return the fields of a request that bind a ciphertext to its context.

    A key that is not derived ignores ``context``, so a bound token always has associated data too.
    """
    authenticated = to_base64(
        wire.associated_data(token, version=_VERSION, suite="transit", key_id=token.params["key"])
    )
    derivation = {"context": authenticated} if "derived" in token.params else {}
    return derivation | ({"associated_data": authenticated} if token.context else {})


def _read_token(token: Token, answer: Any) -> Token:
    made = Token(token.backend, token.params, str((answer.get("data") or {}).get("ciphertext", "")))
    if _check_form(made):
        raise EncryptError("Vault returned a ciphertext that is malformed")
    return made


def _read_key(options: Mapping[str, Any]) -> str:
    key = str(options["key"])
    if not wire.SAFE_NAME.fullmatch(key):
        raise EncryptError("key must be the name of a transit key: up to 64 letters, digits, _ and -")
    return key


def _read_version(options: Mapping[str, Any]) -> dict[str, int]:
    version = str(options.get("key_version") or 0)
    if not version.isascii() or not version.isdigit():
        raise EncryptError("key_version must be a whole number")
    return {"key_version": int(version)} if int(version) else {}


def _find_mount(given: str | None) -> str:
    """Return the given mount, or else that of the environment variable, of ``zemanta_ops.toml``, or the default."""
    mount = str(given or os.environ.get(MOUNT_VARIABLE, "") or _read_configured_mount() or DEFAULT_MOUNT)
    if not MOUNT.fullmatch(mount):
        raise ConfigError(f"mount, or {MOUNT_VARIABLE}, must be the path of a secrets engine, such as transit")
    return mount


def _read_configured_mount() -> Any:
    try:
        environment = config.load().environment()
    except ConfigError:
        return None
    return environment.options.get("mount") if environment.backend == VaultBackend.name else None
