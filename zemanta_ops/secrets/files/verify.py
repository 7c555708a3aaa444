"""Whether tokens can be decrypted here, in the environment that has the keys. No plaintext is kept."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from zemanta_ops.secrets import config, modes
from zemanta_ops.secrets.decrypt_tokens import decrypt_tokens
from zemanta_ops.secrets.exceptions import (
    ContextError,
    LegacyTokenWarning,
    ModeError,
    SecretError,
    TokenError,
    WrongKeyError,
)
from zemanta_ops.secrets.files.scan import FoundToken

DECRYPTED = "decrypted"
NOT_HERE = "cannot decrypt here"
FAILED = "failed"

# Errors of the token itself. Any other means that something is missing on this machine; the token may be good.
_FAILED = (TokenError, ContextError, WrongKeyError)


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
        results = _decrypt(found)
    return [_judge(result) if each.token else ("", "") for each, result in zip(found, results, strict=True)]


def _decrypt(found: Sequence[FoundToken]) -> list[bytes | SecretError]:
    """Decrypt each token with the configuration of its file, which may name the mount of its key service."""
    groups: dict[Path, list[int]] = {}
    for index, each in enumerate(found):
        groups.setdefault(each.path.parent, []).append(index)
    by_config: dict[Path | None, list[int]] = {}
    for folder, indexes in groups.items():
        by_config.setdefault(config.load_own(folder / config.FILE_NAME).path, []).extend(indexes)
    results: dict[int, bytes | SecretError] = {}
    for indexes in by_config.values():
        with config.use(config.load_own(found[indexes[0]].path)):
            results |= zip(indexes, decrypt_tokens([found[index].token for index in indexes]), strict=True)
    return [results[index] for index in range(len(found))]


def _judge(result: bytes | SecretError) -> tuple[str, str]:
    if isinstance(result, SecretError):
        return (FAILED if isinstance(result, _FAILED) else NOT_HERE), str(result)
    return DECRYPTED, ""
