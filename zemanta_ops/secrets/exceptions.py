"""Every error and warning of the secrets half.

::

    SecretError
    ├── TokenError             not a token, or a token with wrong params
    │   └── UndecryptedError   a Secret was used as if it were its plaintext
    ├── ConfigError            zemanta_ops.toml, an override file or a file for load_config cannot be used
    ├── SourceError            a file that holds tokens cannot be read or rewritten
    ├── MissingExtraError      an optional package is not installed
    ├── ModeError              ZEMANTA_OPS_SECRETS forbids the operation
    ├── EncryptError           a plaintext could not be encrypted
    ├── DecryptError           a token could not be decrypted
    │   ├── ContextError       the token belongs to another application or name
    │   ├── MissingKeyError    no key, or no credentials, on this machine
    │   ├── WrongKeyError      the key does not decrypt the token, or the token was changed
    │   ├── DeniedError        the service knows the caller and refuses
    │   ├── ThrottledError     the service throttles the caller
    │   └── UnreachableError   the service does not answer
    └── ResolveError           secrets of a file could not be decrypted; one line each
    LegacyTokenWarning

A message never holds a token, a plaintext or a key.
"""

from __future__ import annotations

from collections.abc import Mapping

from zemanta_ops import extras

__all__ = [
    "ConfigError",
    "ContextError",
    "DecryptError",
    "DeniedError",
    "EncryptError",
    "LegacyTokenWarning",
    "MissingExtraError",
    "MissingKeyError",
    "ModeError",
    "ResolveError",
    "SecretError",
    "SourceError",
    "ThrottledError",
    "TokenError",
    "UndecryptedError",
    "UnreachableError",
    "WrongKeyError",
]


class SecretError(Exception):
    """Base of all errors about secrets."""


class TokenError(SecretError, ValueError):
    """The text is not a token, or its params are not those of its backend."""


class UndecryptedError(TokenError, TypeError):
    """A Secret was used as if it were its plaintext: nothing has decrypted it."""


class ConfigError(SecretError):
    """``zemanta_ops.toml``, an override file or a file for ``load_config`` cannot be used."""


class SourceError(SecretError):
    """A file that holds tokens cannot be read or rewritten."""


class MissingExtraError(SecretError, extras.MissingExtraError):
    """An optional package is needed and not installed."""


class ModeError(SecretError):
    """``ZEMANTA_OPS_SECRETS`` forbids the operation, or has an unknown value."""


class EncryptError(SecretError):
    """A plaintext could not be encrypted."""


class DecryptError(SecretError):
    """A token could not be decrypted."""


class ContextError(DecryptError):
    """The token belongs to another application or another name."""


class MissingKeyError(DecryptError):
    """There is no key, or there are no credentials, on this machine."""


class WrongKeyError(DecryptError):
    """The key does not decrypt the token, or the token was changed."""


class DeniedError(DecryptError, EncryptError):
    """The service knows the caller and refuses the operation."""


class ThrottledError(DecryptError, EncryptError):
    """The service still throttles the caller after all retries."""


class UnreachableError(DecryptError, EncryptError):
    """The service does not answer after all retries."""


class ResolveError(SecretError):
    """Some secrets in settings could not be decrypted.

    Attributes:
        failures: The error of each setting, by its path.
        backends: The backends of each setting's tokens, by its path.
        advice: What helps if the key cannot be used here.
    """

    def __init__(
        self,
        failures: Mapping[str, SecretError],
        backends: Mapping[str, str],
        places: Mapping[str, str] | None = None,
        advice: str = "",
    ) -> None:
        """Write a line for each reason: the settings, after file and line if ``places`` has them, backend, reason."""
        where = {path: f"{place} " for path, place in (places or {}).items()}
        reasons: dict[tuple[str, str], list[str]] = {}
        for path, error in failures.items():
            reasons.setdefault((backends[path], str(error)), []).append(f"{where.get(path, '')}{path}")
        lines = [f"  {', '.join(paths)} ({backend}): {reason}" for (backend, reason), paths in reasons.items()]
        count = f"{len(failures)} secret{'s' if len(failures) > 1 else ''}"
        heading = f"{count} could not be decrypted; no setting was changed:"
        super().__init__("\n".join([heading, *lines, *advice.splitlines()]))
        self.failures = dict(failures)
        self.backends = dict(backends)
        self.advice = advice


class LegacyTokenWarning(UserWarning):
    """An unauthenticated token of SecretCrypt 1.x was decrypted: a change of it would not be detected."""
