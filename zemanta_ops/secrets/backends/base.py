"""The interface of a backend, and helpers that most of them use: options, batches and base64."""

from __future__ import annotations

import base64
import binascii
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ClassVar

from zemanta_ops.secrets.exceptions import EncryptError, SecretError, TokenError
from zemanta_ops.secrets.wire import Token

__all__ = ["Backend", "BatchBackend", "Option", "check_options", "from_base64", "to_base64"]

Result = bytes | SecretError


@dataclass(frozen=True)
class Option:
    """One option of a backend, for ``zemanta_ops.toml`` and the command line.

    Attributes:
        help: One line for ``--help``.
        kind: ``str``, ``int``, ``bool`` for a switch, or ``list`` for an option that may be repeated.
        metavar: Name of the value in ``--help``.
        flag: Name on the command line, if that is not the option's name with dashes.
    """

    help: str
    kind: type = str
    metavar: str = "VALUE"
    flag: str = ""


class Backend(ABC):
    """Encrypts and decrypts the tokens of one kind. One instance serves all threads of a process.

    Attributes:
        name: The text before the first colon of its tokens; the name it is registered by.
        options: What ``encrypt`` accepts, by name: from ``zemanta_ops.toml``, and from the command line, which
            declares these options and shows their help. ``key`` is also the second argument of ``encrypt_secret``.
        concurrency: How many tokens are encrypted or decrypted at a time. More than 1 pays if each costs a round trip.
        production: Whether it is fit for production; a deploy check refuses other tokens.
    """

    name: ClassVar[str]
    options: ClassVar[Mapping[str, Option]] = {}
    concurrency: ClassVar[int] = 1
    production: ClassVar[bool] = True

    def flag_of(self, name: str) -> str:
        """Return how the command line spells an option."""
        if name == "key":
            return "the argument KEY (rotate_secrets and migrate_secrets: --key)"
        option = self.options.get(name)
        return f"--{((option.flag if option else '') or name).replace('_', '-')}"

    @abstractmethod
    def encrypt(self, plaintext: bytes, context: Mapping[str, str], **options: Any) -> Token:
        """Encrypt ``plaintext`` and bind it to ``context``.

        Raises:
            SecretError: It cannot be encrypted. The message says what to do.
        """

    @abstractmethod
    def decrypt(self, token: Token) -> bytes:
        """Return the plaintext of a token.

        Raises:
            SecretError: It cannot be decrypted. The message says what to do, without token, plaintext or key.
        """

    def decrypt_many(self, tokens: Sequence[Token]) -> list[Result]:
        """Return the plaintext or the error of each token, in order.

        The default calls ``decrypt`` for each token, ``concurrency`` of them at a time.
        """
        if self.concurrency == 1 or len(tokens) < 2:
            return [self._attempt(token) for token in tokens]
        with ThreadPoolExecutor(min(self.concurrency, len(tokens))) as pool:
            return list(pool.map(self._attempt, tokens))

    def rewrap(self, _token: Token, _context: Mapping[str, str], /, **_options: Any) -> Token | None:
        """Re-encrypt a token of this backend inside its service, with the options of ``encrypt``.

        The plaintext never leaves the service, and the caller needs no permission to decrypt. The key id or version
        in the service's answer proves that it was done.

        Returns:
            The new token, or None if the service cannot do it: the caller then decrypts and encrypts.

        Raises:
            SecretError: The service refuses.
        """
        return None

    def _attempt(self, token: Token) -> Result:
        try:
            return self.decrypt(token)
        except SecretError as error:
            return error


class BatchBackend(Backend):
    """A backend that decrypts a batch at once; one token is a batch of one."""

    def decrypt(self, token: Token) -> bytes:
        """Return the plaintext of one token."""
        [result] = self.decrypt_many([token])
        if isinstance(result, SecretError):
            raise result
        return result

    @abstractmethod
    def decrypt_many(self, tokens: Sequence[Token]) -> list[Result]:
        """Return the plaintext or the error of each token, in order."""


def check_options(backend: Backend, options: Mapping[str, Any], *needed: str) -> None:
    """Refuse options that a backend does not have, and the absence of those it needs.

    Raises:
        EncryptError: An option is unknown or missing. The message names it.
    """
    unknown = sorted(set(options) - set(backend.options))
    if unknown:
        known = ", ".join(backend.options) or "none"
        raise EncryptError(f"the {backend.name} backend has no option {', '.join(unknown)}; it has: {known}")
    missing = [name for name in needed if not options.get(name)]
    if missing:
        flags = " and ".join(map(backend.flag_of, missing))
        raise EncryptError(
            f"the {backend.name} backend needs {' and '.join(missing)}: use {flags}, or set it in zemanta_ops.toml"
        )


def to_base64(data: bytes) -> str:
    """Return standard base64 with padding."""
    return base64.b64encode(data).decode("ascii")


def from_base64(token: Token, text: str | None = None) -> bytes:
    """Decode the ciphertext of a token, or another part of it.

    Raises:
        TokenError: It is not base64.
    """
    # A mail or an editor may have wrapped the token: white space in base64 means nothing.
    joined = "".join((token.ciphertext if text is None else text).split())
    try:
        data = base64.b64decode(joined, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    # Python accepts a last character with spare bits that are not zero: a changed token would still decrypt.
    if to_base64(data) != joined:
        raise TokenError(f"malformed {token.backend} token: the ciphertext is not base64")
    return data
