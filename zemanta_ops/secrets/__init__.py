"""Secrets that stand encrypted in settings and are decrypted once, at startup."""

from zemanta_ops.secrets.exceptions import LegacyTokenWarning, SecretError
from zemanta_ops.secrets.resolve import decrypt_settings
from zemanta_ops.secrets.secret import Secret, StrictSecret

__all__ = ["LegacyTokenWarning", "Secret", "SecretError", "StrictSecret", "decrypt_settings"]
