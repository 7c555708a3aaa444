"""``sealed``: HPKE (RFC 9180) to public keys that are committed with the code.

Anyone with the code can encrypt, offline; anyone with a private key can decrypt. Private keys come from
``ZEMANTA_OPS_SEALED_KEY`` and from the file that ``ZEMANTA_OPS_SEALED_KEY_FILE`` names. Either holds one key per line,
or one token of another backend whose plaintext is such keys, so that any number of secrets costs one call.

A token names its suite and the ids of its keys. Its body has one part for each key, separated by ``.``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from cryptography.exceptions import InvalidTag

from zemanta_ops.secrets import backends, ledger, wire
from zemanta_ops.secrets.backends import _agekeys
from zemanta_ops.secrets.backends._agekeys import Identity, Recipient
from zemanta_ops.secrets.backends._environment import from_file
from zemanta_ops.secrets.backends.base import BatchBackend, Option, Result, check_options, from_base64, to_base64
from zemanta_ops.secrets.exceptions import (
    ContextError,
    DecryptError,
    EncryptError,
    MissingKeyError,
    SecretError,
    TokenError,
    WrongKeyError,
)
from zemanta_ops.secrets.wire import Token

KEY_VARIABLE = "ZEMANTA_OPS_SEALED_KEY"
FILE_VARIABLE = "ZEMANTA_OPS_SEALED_KEY_FILE"
MAX_RECIPIENTS = 8

_VERSION = "1"
_SEPARATOR = "."
_KEY_ID = re.compile(r"[0-9a-f]{16}")
_TOKEN = re.compile(r"[a-z][a-z0-9_]*:[^\s:]*:\S+")


class SealedBackend(BatchBackend):
    """HPKE in the suite of the recipients, hybrid post-quantum or X25519; the context is HPKE's ``info``."""

    name = "sealed"
    options: ClassVar = {
        "recipients": Option(
            "a public key, age1pq1… or age1…; repeat it for several: the private key of any one of them decrypts",
            kind=list,
            metavar="PUBLIC_KEY",
            flag="recipient",
        )
    }

    def encrypt(self, plaintext: bytes, context: Mapping[str, str], **options: Any) -> Token:
        """Encrypt to all ``recipients``, a list or one public key."""
        check_options(self, options, "recipients")
        recipients = _read_recipients(options["recipients"])
        ids = _SEPARATOR.join(recipient.key_id for recipient in recipients)
        params = {"v": _VERSION, "suite": recipients[0].suite, "key": ids, **wire.context_params(context)}
        info = _info(Token(self.name, params))
        parts = (to_base64(recipient.seal(plaintext, info)) for recipient in recipients)
        return Token(self.name, params, _SEPARATOR.join(parts))

    def decrypt_many(self, tokens: Sequence[Token]) -> list[Result]:
        """Decrypt tokens; the private key is fetched once for all of them."""
        parts = [_attempt(_split, token) for token in tokens]
        try:
            held = {identity.recipient.key_id: identity for identity in _read_identities()}
        except SecretError as error:
            return [part if isinstance(part, SecretError) else error for part in parts]
        return [
            part if isinstance(part, SecretError) else _attempt(_open, token, part, held)
            for token, part in zip(tokens, parts, strict=True)
        ]


def _attempt(work: Any, *arguments: Any) -> Any:
    try:
        return work(*arguments)
    except SecretError as error:
        return error


def _read_recipients(given: str | Iterable[str]) -> list[Recipient]:
    texts = [given] if isinstance(given, str) else list(given)
    try:
        found = list(dict.fromkeys(_agekeys.read_recipient(str(text)) for text in texts))
    except _agekeys.KeyTextError as error:
        raise EncryptError(f"recipients: {error}") from None
    if len({recipient.suite for recipient in found}) > 1:
        # The x25519 part would give away everything that the hybrid part protects.
        raise EncryptError(
            "recipients of both suites cannot share a token: x25519 would undo the post-quantum protection"
        )
    if len(found) > MAX_RECIPIENTS:
        raise EncryptError(f"a sealed token takes at most {MAX_RECIPIENTS} recipients")
    return found


def _split(token: Token) -> dict[str, bytes]:
    """Return the encapsulated ciphertext of each key id."""
    token.require("v", "suite", "key")
    ids = token.params["key"].split(_SEPARATOR)
    bodies = token.ciphertext.split(_SEPARATOR)
    if token.params["v"] != _VERSION or token.params["suite"] not in _agekeys.SUITES:
        raise TokenError("malformed sealed token: unknown version or suite")
    if not all(map(_KEY_ID.fullmatch, ids)) or len(set(ids)) != len(ids) or len(ids) > MAX_RECIPIENTS:
        raise TokenError("malformed sealed token: its key is not a list of key ids")
    if len(bodies) != len(ids):
        raise TokenError("malformed sealed token: it needs one ciphertext for each key id")
    return {key_id: from_base64(token, body) for key_id, body in zip(ids, bodies, strict=True)}


def _open(token: Token, parts: Mapping[str, bytes], held: Mapping[str, Identity]) -> bytes:
    known = [key_id for key_id in parts if key_id in held]
    if not known:
        raise MissingKeyError(
            f"the token is sealed to {', '.join(parts)}, but {KEY_VARIABLE} holds the private key of {', '.join(held)}"
        )
    identity = held[known[0]]
    try:
        if identity.suite == token.params["suite"]:
            return identity.open(parts[known[0]], _info(token))
    except (InvalidTag, ValueError):
        pass
    raise WrongKeyError("the sealed token, its app or its name was changed")


def _info(token: Token) -> bytes:
    return wire.associated_data(token, version=_VERSION, suite=token.params["suite"], key_id=token.params["key"])


def _read_identities() -> list[Identity]:
    texts = [text for text in (os.environ.get(KEY_VARIABLE, "").strip(), from_file(FILE_VARIABLE)) if text]
    if not texts:
        raise MissingKeyError(f"no private key: set {KEY_VARIABLE}, or {FILE_VARIABLE} to the path of its file")
    identities = [identity for text in texts for identity in _parse_keys(text)]
    for identity in identities:
        ledger.reveal(identity.text())
    return identities


def _decrypt_key(text: str) -> str:
    """Decrypt the token that holds the private key; its plaintext must not be a token again."""
    token = wire.parse(text)
    _check_key_token(token)
    try:
        plaintext = backends.load(token.backend).decrypt(token)
        ledger.reveal(plaintext)
        text = plaintext.decode()
    except SecretError as error:
        kind = type(error) if isinstance(error, DecryptError) else MissingKeyError
        raise kind(f"the token in {KEY_VARIABLE} ({token.backend}) cannot be decrypted: {error}") from None
    except UnicodeDecodeError:
        raise MissingKeyError(f"the token in {KEY_VARIABLE} does not hold a private key of age") from None
    if _TOKEN.fullmatch(text.strip()):
        raise MissingKeyError(f"the token in {KEY_VARIABLE} holds another token: encrypt the private key itself")
    return text


def _check_key_token(token: Token) -> None:
    if token.backend == SealedBackend.name:
        raise MissingKeyError(
            f"{KEY_VARIABLE} holds a sealed token, which needs that same key: use another backend for it"
        )
    if token.context.get("name", KEY_VARIABLE) != KEY_VARIABLE:
        raise ContextError(f"the token in {KEY_VARIABLE} is bound to another name")


def _parse_keys(text: str) -> list[Identity]:
    if _TOKEN.fullmatch(text.strip()):
        text = _decrypt_key(text.strip())
    for line in text.splitlines():
        # Before anything can fail: a private key that was cut is still most of a private key.
        if not line.startswith("#"):
            ledger.reveal(line.strip())
    try:
        return _agekeys.read_identities(text)
    except _agekeys.KeyTextError as error:
        raise MissingKeyError(f"{KEY_VARIABLE}: {error}") from None
