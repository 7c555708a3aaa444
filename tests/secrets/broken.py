"""Tokens cut at every character and with every character changed, and what a backend makes of them."""

from __future__ import annotations

from collections.abc import Iterable

from zemanta_ops.secrets import SecretError, backends, wire
from zemanta_ops.secrets.backends.base import Result


def cut_and_flipped(token: str) -> list[str]:
    """Return every proper start of a token, and the token with each character's lowest bit flipped."""
    flipped = [f"{token[:place]}{chr(ord(letter) ^ 1)}{token[place + 1 :]}" for place, letter in enumerate(token)]
    return [token[:length] for length in range(len(token))] + flipped


def outcomes(texts: Iterable[str]) -> list[Result]:
    """Decrypt each as one batch a backend; any exception but a SecretError comes through."""
    parsed: list[wire.Token] = []
    found: list[Result] = []
    for text in texts:
        try:
            token = wire.parse(text)
            backends.check(token.backend)
            parsed.append(token)
        except SecretError as error:
            found.append(error)
    for backend in {token.backend for token in parsed}:
        found += backends.load(backend).decrypt_many([token for token in parsed if token.backend == backend])
    return found


def assert_all_refused(texts: list[str], plaintext: str, token: str) -> None:
    """Each text is a SecretError, whose message has neither the plaintext nor the token's body."""
    body = token.split(":", 2)[2]
    results = outcomes(texts)
    assert len(results) == len(texts)
    for result in results:
        assert isinstance(result, SecretError), "a broken token was decrypted"
        assert plaintext not in str(result)
        assert body[:16] not in str(result)
        assert body[-16:] not in str(result)
