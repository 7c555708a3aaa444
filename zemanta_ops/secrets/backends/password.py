"""``password``: a secret for a colleague, under a password that both know.

The password comes from ``ZEMANTA_OPS_PASSWORD``, from the file that ``ZEMANTA_OPS_PASSWORD_FILE`` names, or from a
prompt on the terminal. A token holds the costs of its key derivation. They are limited: a token must not exhaust the
memory of the process that opens it.
"""

from __future__ import annotations

import getpass
import os
import re
import secrets
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from zemanta_ops.secrets import ledger, wire
from zemanta_ops.secrets.backends import _aesgcm
from zemanta_ops.secrets.backends._environment import from_environment
from zemanta_ops.secrets.backends._legacy import decrypt_cbc
from zemanta_ops.secrets.backends.base import BatchBackend, Option, Result, check_options, from_base64, to_base64
from zemanta_ops.secrets.exceptions import EncryptError, MissingKeyError, SecretError, TokenError, WrongKeyError
from zemanta_ops.secrets.wire import Token

VARIABLE = "ZEMANTA_OPS_PASSWORD"
FILE_VARIABLE = "ZEMANTA_OPS_PASSWORD_FILE"
MAX_BYTES = 256 * 2**20

# Argon2id: second recommended option of RFC 9106, m in KiB. scrypt: as in OWASP's password storage cheat sheet.
COSTS: dict[str, dict[str, int]] = {"argon2id": {"m": 65536, "t": 3, "p": 4}, "scrypt": {"n": 131072, "r": 8, "p": 1}}
_LIMITS = {
    "argon2id": {"m": MAX_BYTES // 1024, "t": 16, "p": 16},
    "scrypt": {"n": 2**20, "r": 16, "p": 4},
}
_SALT = re.compile(r"[0-9a-f]{32}")
_COUNT = re.compile(r"[1-9][0-9]{0,9}")
_LEGACY_SALT = re.compile(r"[A-Za-z0-9+/=]{1,128}")
_KEY_BYTES = 32
_EMPTY = "the password is empty"


class PasswordBackend(BatchBackend):
    """AES-256-GCM under a key from Argon2id or scrypt; the context is associated data."""

    name = "password"
    options: ClassVar = {"suite": Option("argon2id (default) or scrypt")}
    production = False

    def encrypt(self, plaintext: bytes, context: Mapping[str, str], **options: Any) -> Token:
        """Encrypt under a password; a prompt asks for it twice."""
        check_options(self, options)
        suite = options.get("suite") or "argon2id"
        if suite not in COSTS:
            raise EncryptError(f"suite must be one of {', '.join(COSTS)}")
        costs = {name: str(cost) for name, cost in COSTS[suite].items()}
        params = {"v": "2", "suite": suite, **costs, "salt": secrets.token_hex(16), **wire.context_params(context)}
        token = Token(self.name, params)
        body = _aesgcm.encrypt(_derive_key(token, _read_new_password()), plaintext, _associated_data(token))
        return Token(self.name, params, to_base64(body))

    def decrypt_many(self, tokens: Sequence[Token]) -> list[Result]:
        """Decrypt tokens under one password; a prompt asks for it once."""
        checked = [_check(token) for token in tokens]
        if not any(isinstance(body, bytes) for body in checked):
            return checked
        try:
            password = _read_password(empty=any(token.is_legacy for token in tokens))
        except SecretError as error:
            return [body if isinstance(body, SecretError) else error for body in checked]
        return [
            body if isinstance(body, SecretError) else _open(token, body, password)
            for token, body in zip(tokens, checked, strict=True)
        ]


def _check(token: Token) -> Result:
    """Return the decoded body of a well-formed token; called before anyone is asked for a password."""
    try:
        if not token.is_legacy:
            _read_costs(token)
        elif not _LEGACY_SALT.fullmatch(_legacy_salt(token)):
            raise TokenError("malformed password token: a token of SecretCrypt 1.x has a base64 salt")
        return from_base64(token)
    except SecretError as error:
        return error


def _open(token: Token, body: bytes, password: bytes) -> Result:
    try:
        if token.is_legacy:
            with ledger.reading_legacy(token.backend):
                return decrypt_cbc(body, [_derive_legacy_key(token, password)])
        if not password:
            return MissingKeyError(_EMPTY)
        plaintext = _aesgcm.decrypt(_derive_key(token, password), body, _associated_data(token))
    except SecretError as error:
        return error
    if plaintext is None:
        return WrongKeyError("wrong password, or the password token, its app or its name was changed")
    return plaintext


def _read_costs(token: Token) -> dict[str, int]:
    """Return the costs of a token's key derivation.

    Raises:
        TokenError: A cost is missing, is not a number, or exceeds its limit.
    """
    suite = token.params.get("suite", "")
    if token.params.get("v") != "2" or suite not in _LIMITS:
        raise TokenError(
            "malformed password token: unknown version or suite. A token of SecretCrypt 1.x has a salt and nothing else"
        )
    limits = _LIMITS[suite]
    token.require("v", "suite", *limits, "salt")
    if not all(_COUNT.fullmatch(token.params[name]) for name in limits) or not _SALT.fullmatch(token.params["salt"]):
        raise TokenError("malformed password token: a cost or the salt is not a number")
    costs = {name: int(token.params[name]) for name in limits}
    memory = costs["m"] * 1024 if suite == "argon2id" else 128 * costs["n"] * costs["r"]
    if any(costs[name] > limit for name, limit in limits.items()) or memory > MAX_BYTES:
        raise TokenError("the key derivation of this password token costs more than the limit")
    return costs


def _derive_key(token: Token, password: bytes) -> bytes:
    costs, salt = _read_costs(token), bytes.fromhex(token.params["salt"])
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
        raise TokenError("malformed password token: its costs do not fit together") from None


def _associated_data(token: Token) -> bytes:
    # Costs and salt need no mention: a changed value derives a different key.
    return wire.associated_data(token, version="2", suite=f"{token.params['suite']} {_aesgcm.NAME}")


def _legacy_salt(token: Token) -> str:
    # A raw + in a query string is read as a space, which base64 does not have.
    return token.params.get("salt", "").replace(" ", "+")


def _derive_legacy_key(token: Token, password: bytes) -> bytes:
    # The salt of 1.x is the base64 text itself, not the bytes that it encodes.
    return Scrypt(salt=_legacy_salt(token).encode(), length=24, n=1024, r=1, p=1).derive(password)


def _read_password(*, empty: bool = False) -> bytes:
    """Return the password, from the environment or the terminal.

    Args:
        empty: Whether it may be empty: SecretCrypt 1.x encrypted under an empty password too.
    """
    given = from_environment(VARIABLE)
    if not given and not (empty and (VARIABLE in os.environ or os.environ.get(FILE_VARIABLE))):
        given = _ask("Enter password: ")
    return b"" if empty and not given else _reveal(given)


def _read_new_password() -> bytes:
    """Return a password to encrypt under; the terminal asks for it twice."""
    if os.environ.get(VARIABLE) or os.environ.get(FILE_VARIABLE):
        return _read_password()
    password = _ask("Enter password: ")
    if password != _ask("Enter password again: "):
        raise EncryptError("the two passwords differ: nothing was encrypted")
    return _reveal(password)


def _reveal(password: str) -> bytes:
    if not password:
        raise MissingKeyError(_EMPTY)
    ledger.reveal(password)
    return password.encode("utf-8", "surrogateescape")


def _ask(prompt: str) -> str:
    with warnings.catch_warnings():
        # Without a terminal, getpass reads standard input and echoes it.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(prompt)
        except (getpass.GetPassWarning, EOFError):
            pass
    raise MissingKeyError(f"there is no terminal to ask for the password on: set {VARIABLE} or {FILE_VARIABLE}")
