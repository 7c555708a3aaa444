"""Secrets that are encrypted in settings files and decrypted once, at startup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zemanta_ops.secrets.exceptions import LegacyTokenWarning, SecretError
from zemanta_ops.secrets.resolve import decrypt_settings
from zemanta_ops.secrets.secret import Secret, StrictSecret

if TYPE_CHECKING:
    from zemanta_ops.secrets.configfile import load_config
    from zemanta_ops.secrets.configfile.environment import load_env

__all__ = ["LegacyTokenWarning", "Secret", "SecretError", "StrictSecret", "decrypt_settings", "load_config", "load_env"]


def __getattr__(name: str) -> Any:
    """Import ``load_config`` and ``load_env`` on first use: most settings files do not need them."""
    if name == "load_env":
        from zemanta_ops.secrets.configfile.environment import load_env

        return load_env
    if name == "load_config":
        from zemanta_ops.secrets.configfile import load_config

        return load_config
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
