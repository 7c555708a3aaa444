"""Decryption of many tokens: grouped by backend, each distinct token once."""

from __future__ import annotations

from collections.abc import Sequence

from zemanta_ops.secrets import backends, ledger, modes, wire
from zemanta_ops.secrets.exceptions import DecryptError, SecretError, TokenError
from zemanta_ops.secrets.wire import Token

_Identity = tuple[str, frozenset[str]]


def parse_token(text: str) -> Token:
    """Parse a token and check its backend's name.

    Raises:
        TokenError: It is not a token, or its backend is unknown.
    """
    if not isinstance(text, str):
        raise TokenError(f"not a token: expected text, got {type(text).__name__}")
    try:
        token = wire.parse(text)
        backends.check(token.backend)
    except TokenError:
        # It may well be a pasted plaintext, which error pages would show in the variables of the caller's frames.
        ledger.reveal(text)
        raise
    return token


def decrypt_tokens(tokens: Sequence[Token | None]) -> list[bytes | SecretError]:
    """Decrypt tokens of any backends, one backend after another and each distinct token once.

    Returns:
        The plaintext or the error of each, in order; ``b""`` for None.
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
            # Its frames hold keys and passwords, and debugging pages show frames with their variables.
            result.__traceback__ = result.__context__ = result.__cause__ = None
    return results


def _identity(token: Token) -> _Identity:
    return wire.format(token), token.doubled


def decode_text(plaintext: bytes) -> str | DecryptError:
    """Decode UTF-8; return an error, which holds none of the bytes, if that is impossible."""
    try:
        return plaintext.decode()
    except UnicodeDecodeError:
        return DecryptError("the plaintext is not UTF-8 text: use get_bytes()")
