"""Plug-ins, one module each: the registry of backends, and which text is a token of one of them.

A backend is loaded by its dotted path when a token or a command first names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module

from zemanta_ops.secrets import wire
from zemanta_ops.secrets.backends.base import Backend
from zemanta_ops.secrets.exceptions import TokenError

__all__ = ["register"]

_PATHS = {
    "kms": "zemanta_ops.secrets.backends.kms.KMSBackend",
    "local": "zemanta_ops.secrets.backends.local.LocalBackend",
    "password": "zemanta_ops.secrets.backends.password.PasswordBackend",
    "plain": "zemanta_ops.secrets.backends.plain.PlainBackend",
    "sealed": "zemanta_ops.secrets.backends.sealed.SealedBackend",
    "vault": "zemanta_ops.secrets.backends.vault.VaultBackend",
}
_OURS = frozenset(_PATHS)
_PLAIN = frozenset({"plain"})
_loaded: dict[str, Backend] = {}

_BASE64 = "[A-Za-z0-9+/_-]{8,}={0,2}"
_ENCODED = rf"(?:vault:v\d+:)?{_BASE64}(?:\.{_BASE64})*"


def names() -> list[str]:
    """Return the names of all backends."""
    return sorted(_PATHS)


def register(name: str, path: str) -> None:
    """Add a backend, or replace one.

    Args:
        name: What its tokens start with: a lower-case letter, then up to 31 lower-case letters, digits or ``_``.
        path: Dotted path of its class.

    Raises:
        TokenError: No token can start with ``name``.
    """
    wire.parse(f"{name}::")
    _PATHS[name] = path
    _loaded.pop(name, None)


def check(name: str) -> None:
    """Refuse the name of an unknown backend, without loading any.

    Raises:
        TokenError: There is no such backend. The message does not repeat the name, which may be part of a plaintext.
    """
    if name not in _PATHS:
        raise TokenError(f"unknown backend; known are {', '.join(names())}")


def load(name: str) -> Backend:
    """Return the one instance of a backend in this process.

    Raises:
        TokenError: There is no such backend.
        MissingExtraError: Its package is not installed.
    """
    check(name)
    if name not in _loaded:
        module, _, attribute = _PATHS[name].rpartition(".")
        _loaded[name] = getattr(import_module(module), attribute)()
    return _loaded[name]


def is_token(text: str, *, plain: bool = True) -> bool:
    """Whether a string from any place in a file is a token: its backend is registered and its body is encoded.

    The bodies of our own backends must be base64, because ``local:…:…`` may be prose. A user who registers a name
    knows that nothing else starts with it, so any body without white space counts.

    Args:
        plain: Whether ``plain:…:…``, whose body is any text, counts.
    """
    value = text.strip()
    encoded, plaintext, _ = _patterns(frozenset(_PATHS))
    if not (encoded.fullmatch(value) or (plain and plaintext.fullmatch(value))):
        return False
    try:
        wire.parse(value)
    except TokenError:
        return False
    return True


def may_hold_tokens(text: str) -> bool:
    """Whether a text needs to be parsed to find tokens; much faster than parsing it."""
    return bool(_patterns(frozenset(_PATHS))[2].search(text))


def find_tokens(text: str) -> Iterator[re.Match[str]]:
    """Yield the encoded tokens in a text of any kind."""
    for match in _patterns(frozenset(_PATHS))[0].finditer(text):
        before = text[match.start() - 1 : match.start()]
        if not before.isalnum() and before not in ("_", "-", ".") and is_token(match[0]):
            yield match


def blank_tokens(text: str) -> str:
    """Return the text with spaces in place of its encoded tokens."""
    for match in find_tokens(text):
        text = text[: match.start()] + " " * len(match[0]) + text[match.end() :]
    return text


@lru_cache(maxsize=8)
def _patterns(known: frozenset[str]) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Return the patterns of an encoded token, of a plaintext token, and of a token's start."""
    ours, users = (_alternatives(group) for group in ((known & _OURS) - _PLAIN, known - _OURS))
    return (
        re.compile(rf"(?:{ours}):[^:\s]*:{_ENCODED}|(?:{users}):[^:\s]*:\S+"),
        re.compile(rf"(?:{_alternatives(known & _PLAIN)}):[^:\s]*:.*", re.DOTALL),
        re.compile(rf"(?:{_alternatives(known)}):"),
    )


def _alternatives(known: frozenset[str]) -> str:
    # (?!) matches nothing: an empty group would match everything.
    return "|".join(map(re.escape, sorted(known))) or "(?!)"
