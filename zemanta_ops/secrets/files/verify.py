"""Whether tokens can be decrypted here: for the deployed environment, which has the keys. No plaintext is kept."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from zemanta_ops.secrets import modes
from zemanta_ops.secrets.decrypt_tokens import decrypt_tokens
from zemanta_ops.secrets.exceptions import (
    ContextError,
    LegacyTokenWarning,
    ModeError,
    SecretError,
    TokenError,
    WrongKeyError,
)
from zemanta_ops.secrets.files.scan import Found

DECRYPTED = "decrypted"
NOT_HERE = "cannot decrypt here"
FAILED = "failed"

# Errors that are the token's fault. With any other, this place lacks something, and the token may be good.
_FAILED = (TokenError, ContextError, WrongKeyError)


def verify(found: Sequence[Found]) -> list[tuple[str, str]]:
    """Decrypt every token, each distinct one once; return its verdict and the reason, in order.

    A string that is no token is left to the audit: its verdict is empty.

    Raises:
        ModeError: ``ZEMANTA_OPS_SECRETS`` is set, so that nothing would be decrypted.
    """
    if modes.mode():
        raise ModeError(f"nothing can be verified where {modes.VARIABLE} is set: unset it")
    with warnings.catch_warnings():
        # The audit says it of each such token.
        warnings.simplefilter("ignore", LegacyTokenWarning)
        results = decrypt_tokens([each.token for each in found])
    return [_verdict(result) if each.token else ("", "") for each, result in zip(found, results, strict=True)]


def _verdict(result: bytes | SecretError) -> tuple[str, str]:
    if isinstance(result, SecretError):
        return (FAILED if isinstance(result, _FAILED) else NOT_HERE), str(result)
    return DECRYPTED, ""
