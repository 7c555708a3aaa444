"""``plain``: no encryption. For development and tests; a deploy check refuses it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zemanta_ops.secrets.backends.base import Backend, check_options
from zemanta_ops.secrets.exceptions import EncryptError
from zemanta_ops.secrets.wire import Token, context_params


class PlainBackend(Backend):
    """Holds the plaintext as it is."""

    name = "plain"
    production = False

    def encrypt(self, plaintext: bytes, context: Mapping[str, str], **options: Any) -> Token:
        """Put the text into a token; it must be UTF-8."""
        check_options(self, options)
        try:
            return Token(self.name, context_params(context), plaintext.decode())
        except UnicodeDecodeError:
            raise EncryptError("the plaintext is not UTF-8, and a plain token holds text only") from None

    def decrypt(self, token: Token) -> bytes:
        """Return the text as UTF-8, with lone surrogates kept."""
        return token.ciphertext.encode("utf-8", "surrogatepass")
