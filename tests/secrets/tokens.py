"""Short ways to make tokens for tests."""

from __future__ import annotations

from zemanta_ops.secrets import backends, wire


def local(plaintext: str | bytes, **context: str) -> str:
    """Return a local token."""
    return made("local", plaintext, context)


def made(backend: str, plaintext: str | bytes, context: dict[str, str] | None = None, **options: object) -> str:
    """Return a token of any backend."""
    data = plaintext.encode() if isinstance(plaintext, str) else plaintext
    return wire.format(backends.load(backend).encrypt(data, context or {}, **options))
