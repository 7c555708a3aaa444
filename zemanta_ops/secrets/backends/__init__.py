"""Plug-ins: one module a backend, loaded by its dotted path when a token or a command names it."""

from __future__ import annotations

from importlib import import_module

from zemanta_ops.secrets.backends.base import Backend
from zemanta_ops.secrets.exceptions import TokenError

_PATHS = {
    "kms": "zemanta_ops.secrets.backends.kms.KMSBackend",
    "local": "zemanta_ops.secrets.backends.local.LocalBackend",
    "password": "zemanta_ops.secrets.backends.password.PasswordBackend",
    "plain": "zemanta_ops.secrets.backends.plain.PlainBackend",
    "sealed": "zemanta_ops.secrets.backends.sealed.SealedBackend",
    "vault": "zemanta_ops.secrets.backends.vault.VaultBackend",
}
_loaded: dict[str, Backend] = {}


def names() -> list[str]:
    """Return the names of all backends."""
    return sorted(_PATHS)


def register(name: str, path: str) -> None:
    """Add a backend by the dotted path of its class, or replace one."""
    _PATHS[name] = path
    _loaded.pop(name, None)


def check(name: str) -> None:
    """Refuse a name that no backend has, without loading one.

    Raises:
        TokenError: There is none. The name is not repeated: it may be the start of a pasted plaintext.
    """
    if name not in _PATHS:
        raise TokenError(f"unknown backend; known are {', '.join(names())}")


def load(name: str) -> Backend:
    """Return the backend of that name; one instance a process.

    Raises:
        TokenError: There is none.
        MissingExtraError: Its package is not installed.
    """
    check(name)
    if name not in _loaded:
        module, _, attribute = _PATHS[name].rpartition(".")
        _loaded[name] = getattr(import_module(module), attribute)()
    return _loaded[name]
