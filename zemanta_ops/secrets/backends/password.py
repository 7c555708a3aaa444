"""``password``: a secret for a colleague, under a password that both know.

The password is asked for on the terminal, or read from ``ZEMANTA_OPS_PASSWORD`` or the file that
``ZEMANTA_OPS_PASSWORD_FILE`` names. A token says how its key is derived, within limits: it must not be able to use up
the memory of whoever opens it.
"""

from __future__ import annotations

import getpass
import os
import re
import secrets
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from zemanta_ops.secrets import ledger, wire
from zemanta_ops.secrets.backends._legacy import decrypt_cbc
from zemanta_ops.secrets.backends.base import Backend, Result, chosen, from_base64, to_base64
from zemanta_ops.secrets.exceptions import EncryptError, MissingKeyError, SecretError, TokenError, WrongKeyError
from zemanta_ops.secrets.wire import Token

VARIABLE = "ZEMANTA_OPS_PASSWORD"
FILE_VARIABLE = "ZEMANTA_OPS_PASSWORD_FILE"
MAX_BYTES = 256 * 2**20

# RFC 9106, second recommended option; scrypt as OWASP's password storage cheat sheet has it. m is in KiB.
COSTS: dict[str, dict[str, int]] = {"argon2id": {"m": 65536, "t": 3, "p": 4}, "scrypt": {"n": 131072, "r": 8, "p": 1}}
_LIMITS = {
    "argon2id": {"m": MAX_BYTES // 1024, "t": 16, "p": 16},
    "scrypt": {"n": 2**20, "r": 16, "p": 4},
}
_SALT = re.compile(r"[0-9a-f]{32}")
_COUNT = re.compile(r"[1-9][0-9]{0,9}")
_LEGACY_SALT = re.compile(r"[A-Za-z0-9+/=]{1,128}")
_KEY_BYTES = 32
_NONCE_BYTES = 12


class PasswordBackend(Backend):
    """AES-256-GCM under a key from Argon2id or scrypt; the context is associated data."""

    name = "password"
    options: ClassVar = {"suite": "argon2id (default) or scrypt"}
    production = False

    def encrypt(self, plaintext: bytes, context: Mapping[str, str], **options: Any) -> Token:
        """Encrypt under a password, asked for twice."""
        chosen(self, options)
        suite = options.get("suite") or "argon2id"
        if suite not in COSTS:
            raise EncryptError(f"suite must be one of {', '.join(COSTS)}")
        costs = {name: str(cost) for name, cost in COSTS[suite].items()}
        params = {"v": "2", "suite": suite, **costs, "salt": secrets.token_hex(16), **wire.context_params(context)}
        token = Token(self.name, params)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        body = AESGCM(_derive(token, _new_password())).encrypt(nonce, plaintext, _authenticated(token))
        return Token(self.name, params, to_base64(nonce + body))

    def decrypt(self, token: Token) -> bytes:
        """Decrypt under a password, asked for once."""
        [result] = self.decrypt_many([token])
        if isinstance(result, SecretError):
            raise result
        return result

    def decrypt_many(self, tokens: Sequence[Token]) -> list[Result]:
        """Decrypt several tokens under one password, asked for once."""
        checked = [self._checked(token) for token in tokens]
        if not any(isinstance(body, bytes) for body in checked):
            return checked
        try:
            password = _password()
        except SecretError as error:
            return [body if isinstance(body, SecretError) else error for body in checked]
        return [
            body if isinstance(body, SecretError) else self._opened(token, body, password)
            for token, body in zip(tokens, checked, strict=True)
        ]

    def legacy(self, token: Token, /) -> bool:
        """1.x tokens have a salt only."""
        return "v" not in token.params and "suite" not in token.params

    def _checked(self, token: Token) -> Result:
        """Return the decoded body of a well-formed token, before anybody is asked for a password."""
        try:
            if not self.legacy(token):
                _costs(token)
            elif set(token.params) != {"salt"} or not _LEGACY_SALT.fullmatch(_legacy_salt(token)):
                raise TokenError("malformed password token: a token of SecretCrypt 1.x has a salt and nothing else")
            return from_base64(token)
        except SecretError as error:
            return error

    def _opened(self, token: Token, body: bytes, password: bytes) -> Result:
        try:
            if self.legacy(token):
                with ledger.reading_legacy(self.name):
                    return decrypt_cbc(body, [_legacy_key(token, password)])
            key = _derive(token, password)
            return AESGCM(key).decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], _authenticated(token))
        except SecretError as error:
            return error
        except (InvalidTag, ValueError):
            return WrongKeyError("wrong password, or the password token, its app or its name was changed")


def _costs(token: Token) -> dict[str, int]:
    """Return the costs of a token's key derivation.

    Raises:
        TokenError: They are missing, are no numbers, or exceed the limits.
    """
    suite = token.params.get("suite", "")
    if token.params.get("v") != "2" or suite not in _LIMITS:
        raise TokenError("malformed password token: unknown version or suite")
    limits = _LIMITS[suite]
    token.require("v", "suite", *limits, "salt")
    if not all(_COUNT.fullmatch(token.params[name]) for name in limits) or not _SALT.fullmatch(token.params["salt"]):
        raise TokenError("malformed password token: a cost or the salt is not a number")
    costs = {name: int(token.params[name]) for name in limits}
    memory = costs["m"] * 1024 if suite == "argon2id" else 128 * costs["n"] * costs["r"]
    if any(costs[name] > limit for name, limit in limits.items()) or memory > MAX_BYTES:
        raise TokenError("a password token whose key derivation costs more than the limit is not opened")
    return costs


def _derive(token: Token, password: bytes) -> bytes:
    costs, salt = _costs(token), bytes.fromhex(token.params["salt"])
    try:
        if token.params["suite"] == "scrypt":
            return Scrypt(salt=salt, length=_KEY_BYTES, **costs).derive(password)
        lanes, memory, iterations = costs["p"], costs["m"], costs["t"]
        return Argon2id(salt=salt, length=_KEY_BYTES, iterations=iterations, lanes=lanes, memory_cost=memory).derive(
            password
        )
    except UnsupportedAlgorithm:
        raise SecretError("this build of cryptography has no Argon2id: install its wheel, or use scrypt") from None
    except ValueError:
        raise TokenError("malformed password token: its costs do not go together") from None


def _authenticated(token: Token) -> bytes:
    # The costs and the salt need no mention: another value gives another key.
    return wire.associated_data(token, version="2", suite=f"{token.params['suite']} AES-256-GCM")


def _legacy_salt(token: Token) -> str:
    # A raw + in a query string is read as a space, which base64 has not.
    return token.params["salt"].replace(" ", "+")


def _legacy_key(token: Token, password: bytes) -> bytes:
    # The salt of 1.x is the base64 text itself, not what it encodes.
    return Scrypt(salt=_legacy_salt(token).encode(), length=24, n=1024, r=1, p=1).derive(password)


def _password() -> bytes:
    """Return the password, from the environment or the terminal."""
    told = os.environ.get(VARIABLE, "")
    if not told and (named := os.environ.get(FILE_VARIABLE, "")):
        try:
            told = Path(named).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise MissingKeyError(f"the file of {FILE_VARIABLE} cannot be read: {type(error).__name__}") from None
    return _revealed(told or _ask("Enter password: "))


def _new_password() -> bytes:
    """Return a password to encrypt under; one that is typed is typed twice."""
    if os.environ.get(VARIABLE) or os.environ.get(FILE_VARIABLE):
        return _password()
    password = _ask("Enter password: ")
    if password != _ask("Enter password again: "):
        raise EncryptError("the two passwords differ: nothing was encrypted")
    return _revealed(password)


def _revealed(password: str) -> bytes:
    if not password:
        raise MissingKeyError("the password is empty")
    ledger.reveal(password)
    return password.encode("utf-8", "surrogateescape")


def _ask(prompt: str) -> str:
    with warnings.catch_warnings():
        # Without a terminal getpass reads, and shows, what stands on standard input.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(prompt)
        except (getpass.GetPassWarning, EOFError):
            pass
    raise MissingKeyError(f"there is no terminal to ask for the password on: set {VARIABLE} or {FILE_VARIABLE}")
