"""Whether tokens can be decrypted here, in the environment that has the keys. No plaintext is kept."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from zemanta_ops.secrets import modes
from zemanta_ops.secrets.decrypt_tokens import decrypt_tokens
from zemanta_ops.secrets.exceptions import (
    DeniedError,
    LegacyTokenWarning,
    MissingExtraError,
    MissingKeyError,
    ModeError,
    SecretError,
    ThrottledError,
    UnreachableError,
)
from zemanta_ops.secrets.files.scan import FoundToken

DECRYPTED = "decrypted"
NOT_HERE = "cannot decrypt here"
FAILED = "failed"

# Something is missing on this machine; the token itself may be good.
_NOT_HERE = (MissingKeyError, DeniedError, UnreachableError, ThrottledError, MissingExtraError)


def verify(found: Sequence[FoundToken]) -> list[tuple[str, str]]:
    """Decrypt every token, each distinct one once; return the verdict and the reason for each, in order.

    The verdict of a string that is not a token is empty: the audit reports it.

    Raises:
        ModeError: ``ZEMANTA_OPS_SECRETS`` is set, so nothing would be decrypted.
    """
    if modes.mode():
        raise ModeError(f"tokens cannot be verified, because {modes.VARIABLE} is set: unset it")
    with warnings.catch_warnings():
        # The audit reports each such token.
        warnings.simplefilter("ignore", LegacyTokenWarning)
        results = decrypt_tokens([each.token for each in found])
    return [_judge(result) if each.token else ("", "") for each, result in zip(found, results, strict=True)]


def _judge(result: bytes | SecretError) -> tuple[str, str]:
    if isinstance(result, SecretError):
        return (NOT_HERE if isinstance(result, _NOT_HERE) else FAILED), str(result)
    return DECRYPTED, ""
