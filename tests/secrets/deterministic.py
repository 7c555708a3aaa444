"""A backend whose tokens depend on key, plaintext and context alone, so that two runs can be compared to the byte.

Replaces one with random tokens only if a test compares whole files; the key is a file, so that it can be moved.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, ClassVar

from zemanta_ops.secrets import wire
from zemanta_ops.secrets.backends.base import Backend, Option, from_base64, to_base64
from zemanta_ops.secrets.exceptions import EncryptError, WrongKeyError
from zemanta_ops.secrets.wire import Token

PATH = "tests.secrets.deterministic.DeterministicBackend"


class DeterministicBackend(Backend):
    """XORs with an HMAC of the key's name; proves its integrity with another."""

    name = "sealed"
    options: ClassVar = {"key": Option("name of the key")}

    def encrypt(self, plaintext: bytes, context: Mapping[str, str], **options: Any) -> Token:
        """Encrypt."""
        if plaintext == b"refused":
            raise EncryptError("this backend refuses it")
        params = {"key": options.get("key") or "k1", **wire.context_params(context)}
        token = Token(self.name, params, "")
        tag = _tag(token, plaintext)
        return Token(self.name, params, to_base64(tag + _xor(params["key"], tag, plaintext)))

    def decrypt(self, token: Token) -> bytes:
        """Decrypt, and compare."""
        body = from_base64(token)
        plaintext = _xor(token.params["key"], body[:16], body[16:])
        if not hmac.compare_digest(_tag(token, plaintext), body[:16]):
            raise WrongKeyError("changed")
        return plaintext


def _tag(token: Token, plaintext: bytes) -> bytes:
    message = wire.associated_data(token, version="1") + plaintext
    return hmac.digest(token.params["key"].encode(), message, hashlib.sha256)[:16]


def _xor(key: str, tag: bytes, data: bytes) -> bytes:
    stream = hashlib.shake_256(key.encode() + tag).digest(len(data))
    return bytes(a ^ b for a, b in zip(data, stream, strict=True))
