"""Check the secrets: ``zemanta_ops.E001`` always, the other ``E0xx`` and ``W0xx`` with ``check --deploy``."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004  (Django's own name)

from zemanta_ops.secrets import backends, config, ledger, overrides
from zemanta_ops.secrets.exceptions import ConfigError
from zemanta_ops.secrets.overrides import PREFIX
from zemanta_ops.serving import BARE_CURE, describe_cure, list_bare_tokens, list_undecrypted


@register("zemanta_ops")
def check_undecrypted(**_: Any) -> list[CheckMessage]:
    """Find secrets that were not decrypted, and tokens that are text; runs always: nothing can use such a setting."""
    undecrypted: list[CheckMessage] = [
        Error(f"{path} is a Secret that was not decrypted.", hint=describe_cure(), id="zemanta_ops.E001")
        for path in list_undecrypted()
    ]
    return undecrypted + [
        Error(
            f"{path} is the text of a token, which would be used as the value.",
            hint=f"{BARE_CURE}.",
            id="zemanta_ops.E001",
        )
        for path in list_bare_tokens()
    ]


@register("zemanta_ops", deploy=True)
def check_backends(**_: Any) -> list[CheckMessage]:
    """Find tokens of backends that are for development."""
    return [
        Error(
            f"{_describe_place(entry)} is a {entry.backend} token, which is for development.",
            hint=f"Run: manage.py encrypt_secret --env production --name {entry.path or 'NAME'}",
            id="zemanta_ops.E002",
        )
        for entry in ledger.entries()
        if not backends.load(entry.backend).production
    ]


@register("zemanta_ops", deploy=True)
def check_legacy_tokens(**_: Any) -> list[CheckMessage]:
    """Find unauthenticated tokens of SecretCrypt 1.x."""
    return [
        Warning(
            f"{_describe_place(entry)} is a {entry.backend} token of SecretCrypt 1.x: it is not authenticated.",
            hint=f"Run: manage.py encrypt_secret --name {entry.path or 'NAME'}",
            id="zemanta_ops.W003",
        )
        for entry in ledger.entries()
        if entry.legacy
    ]


@register("zemanta_ops", deploy=True)
def check_key_files(**_: Any) -> list[CheckMessage]:
    """Find key files that other users can read."""
    used = {entry.backend for entry in ledger.entries()}
    paths: list[Path] = []
    if "local" in used:
        from zemanta_ops.secrets.backends import local

        paths += [*sorted(local.folder().glob("*.key")), local.legacy_key_file()]
    if "sealed" in used and (named := os.environ.get("ZEMANTA_OPS_SEALED_KEY_FILE")):
        paths.append(Path(named))
    return [
        Warning(f"The key file {path} is readable by others.", hint=f"Run: chmod 600 {path}", id="zemanta_ops.W004")
        for path in paths
        if _is_open(path)
    ]


@register("zemanta_ops", deploy=True)
def check_shared_tokens(**_: Any) -> list[CheckMessage]:
    """Find tokens that are used for several settings."""
    places: dict[str, list[str]] = {}
    for entry in ledger.entries():
        if entry.path:
            places.setdefault(entry.digest, []).append(entry.path)
    return [
        Warning(
            f"The same token is used for {' and for '.join(paths)}.",
            hint=f"Encrypt it for each of them. Run: manage.py encrypt_secret --name {paths[-1]}",
            id="zemanta_ops.W005",
        )
        for paths in places.values()
        if len(paths) > 1
    ]


@register("zemanta_ops", deploy=True)
def check_overrides(**_: Any) -> list[CheckMessage]:
    """Report every active override."""
    return [
        Warning(
            f"{path} is overridden by {origin}.",
            hint=f"Run: {_describe_undo(path, origin)} (once the token can be decrypted here)",
            id="zemanta_ops.W006",
        )
        for path, origin in ledger.overrides().items()
    ]


@register("zemanta_ops")
def check_unused_overrides(**_: Any) -> list[CheckMessage]:
    """Find overrides that match no secret; runs always, because they are for development."""
    try:
        unused = overrides.read(config.load()).find_unused()
    except ConfigError as error:
        # Settings without secrets have not read it.
        return [Warning(f"{error}", id="zemanta_ops.W008")]
    return [
        Warning(
            f"{each.problem}.".replace("?.", "?"),
            hint=f"Correct its name. Run: {_describe_undo(each.name, each.origin)}",
            id="zemanta_ops.W008",
        )
        for each in unused
    ]


@register("zemanta_ops", deploy=True)
def check_short_secrets(**_: Any) -> list[CheckMessage]:
    """Report secrets that are too short for redaction by value."""
    return [
        Warning(
            f"{_describe_place(entry)} is shorter than {ledger.MIN_REDACTED_LENGTH} characters, so it is not redacted "
            "in logs and error pages.",
            hint=f"Choose a longer one. Run: manage.py encrypt_secret --name {entry.path or 'NAME'}",
            id="zemanta_ops.W007",
        )
        for entry in ledger.entries()
        if entry.short
    ]


def _describe_undo(path: str, origin: str) -> str:
    if origin.startswith(PREFIX):
        return f"unset {origin}"
    return f"rm {origin}, or delete the line of {path} in it"


def _describe_place(entry: ledger.Entry) -> str:
    return entry.path or "A secret that was read without its name"


def _is_open(path: Path) -> bool:
    try:
        return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
    except OSError:
        return False
