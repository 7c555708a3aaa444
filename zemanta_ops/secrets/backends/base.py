"""What every backend is, and what several of them share."""

from __future__ import annotations

import base64
import binascii
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from zemanta_ops.secrets.exceptions import EncryptError, SecretError, TokenError
from zemanta_ops.secrets.wire import Token

Result = bytes | SecretError


class Backend(ABC):
    """Encrypts and decrypts the tokens of one kind. One instance serves all threads of a process.

    Attributes:
        name: What stands before the first colon of its tokens.
        options: What ``encrypt`` accepts, in ``zemanta_ops.toml`` and on the command line, with one line of help each.
        concurrency: How many tokens are decrypted at a time; more than 1 where each costs a round trip.
        production: Fit for production; the deploy checks refuse the others.
    """

    name: ClassVar[str]
    options: ClassVar[Mapping[str, str]] = {}
    concurrency: ClassVar[int] = 1
    production: ClassVar[bool] = True

    @abstractmethod
    def encrypt(self, plaintext: bytes, context: Mapping[str, str], **options: Any) -> Token:
        """Encrypt ``plaintext`` and bind it to ``context``.

        Raises:
            EncryptError: It cannot be done, and what to do.
        """

    @abstractmethod
    def decrypt(self, token: Token) -> bytes:
        """Return the plaintext of a token.

        Raises:
            SecretError: It cannot be done, and what to do; without token, plaintext or key.
        """

    def decrypt_many(self, tokens: Sequence[Token]) -> list[Result]:
        """Decrypt several tokens, each to its plaintext or its error, in order.

        The default is one ``decrypt`` a token, ``concurrency`` of them at a time.
        """
        if self.concurrency == 1 or len(tokens) < 2:
            return [self._attempt(token) for token in tokens]
        with ThreadPoolExecutor(min(self.concurrency, len(tokens))) as pool:
            return list(pool.map(self._attempt, tokens))

    def rewrap(self, _token: Token, _context: Mapping[str, str], /, **_options: Any) -> Token | None:
        """Re-encrypt a token of this backend inside its service, with the options of ``encrypt``.

        The plaintext leaves the service in neither direction, and the caller needs no right to decrypt. The answer
        is verified by the key id or version that comes back.

        Returns:
            The new token; None where the service cannot, so that it must be decrypted and encrypted here.

        Raises:
            SecretError: The service refuses.
        """
        return None

    def legacy(self, _token: Token, /) -> bool:
        """Whether a token is of SecretCrypt 1.x without authentication."""
        return False

    def key_id(self, token: Token) -> str:
        """Return the id of the key that opens a token, or "" where the token does not say."""
        return token.params.get("key", "")

    def _attempt(self, token: Token) -> Result:
        try:
            return self.decrypt(token)
        except SecretError as error:
            return error


def chosen(backend: Backend, options: Mapping[str, Any], *needed: str) -> None:
    """Refuse options that a backend does not have, and the absence of those it needs.

    Raises:
        EncryptError: Naming the options.
    """
    unknown = sorted(set(options) - set(backend.options))
    if unknown:
        known = ", ".join(backend.options) or "none"
        raise EncryptError(f"the {backend.name} backend has no option {', '.join(unknown)}; it has: {known}")
    missing = [name for name in needed if not options.get(name)]
    if missing:
        raise EncryptError(f"the {backend.name} backend needs {' and '.join(missing)}")


def to_base64(data: bytes) -> str:
    """Return standard base64 with padding."""
    return base64.b64encode(data).decode("ascii")


def from_base64(token: Token, text: str | None = None) -> bytes:
    """Decode the ciphertext of a token, or another part of it.

    Raises:
        TokenError: It is not base64.
    """
    # A token may have been wrapped on its way: white space in base64 means nothing.
    joined = "".join((token.ciphertext if text is None else text).split())
    try:
        data = base64.b64decode(joined, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    # Python takes a last character whose spare bits are not zero: a changed token that decrypts all the same.
    if to_base64(data) != joined:
        raise TokenError(f"malformed {token.backend} token: the ciphertext is not base64")
    return data
