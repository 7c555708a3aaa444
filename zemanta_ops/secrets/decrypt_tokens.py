"""From tokens to plaintexts: parsed, grouped by backend, each distinct one decrypted once."""

from __future__ import annotations

from collections.abc import Sequence

from zemanta_ops.secrets import backends, ledger, modes, wire
from zemanta_ops.secrets.exceptions import DecryptError, SecretError, TokenError
from zemanta_ops.secrets.wire import Token

_Identity = tuple[str, frozenset[str]]


def parsed(text: str) -> Token:
    """Parse a token.

    Raises:
        TokenError: It is none, or no backend makes such.
    """
    if not isinstance(text, str):
        raise TokenError(f"not a token: expected text, got {type(text).__name__}")
    try:
        token = wire.parse(text)
        backends.check(token.backend)
    except TokenError:
        # As likely as not it is a plaintext that was pasted; it stands in the variables of the caller's frames.
        ledger.reveal(text)
        raise
    return token


def decrypt_tokens(tokens: Sequence[Token | None]) -> list[bytes | SecretError]:
    """Decrypt tokens of any backends, each distinct one once, the backends one after the other.

    Returns:
        In order, the plaintext or the error of each; ``b""`` for None.
    """
    distinct: dict[str, dict[_Identity, Token]] = {}
    for token in tokens:
        if token is not None:
            distinct.setdefault(token.backend, {})[_identity(token)] = token
    results: dict[_Identity, bytes | SecretError] = {}
    for backend, group in distinct.items():
        results.update(zip(group, _decrypt_group(backend, list(group.values())), strict=True))
    return [b"" if token is None else results[_identity(token)] for token in tokens]


def _decrypt_group(backend: str, tokens: list[Token]) -> Sequence[bytes | SecretError]:
    if modes.mode() == modes.FAKE:
        return [modes.fake(wire.format(token)).encode() for token in tokens]
    try:
        results: Sequence[bytes | SecretError] = backends.load(backend).decrypt_many(tokens)
    except SecretError as error:
        results = [error] * len(tokens)
    for result in results:
        if isinstance(result, SecretError):
            # The frames where it arose hold keys and passwords, and debugging pages show frames with their variables.
            result.__traceback__ = result.__context__ = result.__cause__ = None
    return results


def _identity(token: Token) -> _Identity:
    return wire.format(token), token.doubled


def decoded(plaintext: bytes) -> str | DecryptError:
    """Decode UTF-8; the error, which is returned where it is none, has nothing of the bytes."""
    try:
        return plaintext.decode()
    except UnicodeDecodeError:
        return DecryptError("the plaintext is not UTF-8 text: use get_bytes()")
