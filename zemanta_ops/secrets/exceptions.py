"""Every error of the secrets half; none holds a plaintext, a key or the body of a token.

SecretError
├── TokenError            a string is not a token, or not one that this version knows
├── MissingExtraError     an optional package is not installed; the message says what to type
└── SourceError           a settings file cannot be read, parsed, changed or written
"""

from __future__ import annotations


class SecretError(Exception):
    """Anything that goes wrong with secrets."""


class TokenError(SecretError):
    """A string is not a token."""


class MissingExtraError(SecretError):
    """An optional package is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        """Name the package and the extra of this project that brings it."""
        super().__init__(f'{package} is not installed; type: pip install "zemanta-ops[{extra}]"')


class SourceError(SecretError):
    """A settings file cannot be read, parsed, changed or written."""
