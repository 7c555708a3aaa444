"""What this process revealed, for redaction, and what it knows of each token, for the checks. No Django."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from zemanta_ops.secrets.exceptions import LegacyTokenWarning

# Shorter values are not redacted: they would blank every line, and tell a guesser that the guess is right.
MIN_REDACTED_LENGTH = 8

_lock = threading.Lock()
_revealed: frozenset[str] = frozenset()
_entries: dict[tuple[str, str], Entry] = {}
_overridden: dict[str, str] = {}
_legacy_warned = False


@dataclass(frozen=True)
class Entry:
    """What is known of a token that was decrypted.

    Attributes:
        path: Setting path, or "" where nobody stated it.
        backend: Name of the backend.
        key_id: Key id as the token has it, or "".
        context: The token's authenticated pairs.
        legacy: Made by SecretCrypt 1.x without authentication.
        short: The value is too short to be redacted by value.
        digest: SHA-256 of the token's text, in hex.
    """

    path: str
    backend: str
    key_id: str
    context: Mapping[str, str] = field(default_factory=dict)
    legacy: bool = False
    short: bool = False
    digest: str = ""


def digest(token: str) -> str:
    """Return the SHA-256 of a token's text in hex: what allow-lists hold."""
    import hashlib  # a process that reads no secret does not pay for it

    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def reveal(value: str | bytes) -> None:
    """Remember a plaintext, so that redaction finds it in whatever is printed."""
    global _revealed
    text = as_text(value) if isinstance(value, bytes) else value
    if text and text not in _revealed:
        with _lock:
            _revealed |= {text}


def as_text(value: bytes) -> str:
    """Return bytes as text from which they can be had again: what is not UTF-8 becomes lone surrogates."""
    return value.decode("utf-8", "surrogateescape")


def revealed() -> frozenset[str]:
    """Return every plaintext that was revealed; the same object as long as nothing was added."""
    return _revealed


def record(entry: Entry) -> None:
    """Remember a token's metadata, once a path and token."""
    with _lock:
        _entries[entry.path, entry.digest] = entry


def entries() -> tuple[Entry, ...]:
    """Return the metadata of every token decrypted in this process, oldest first."""
    with _lock:
        return tuple(_entries.values())


def override(path: str, origin: str) -> None:
    """Remember that a setting was overridden, and from where."""
    with _lock:
        _overridden[path] = origin


def overridden() -> dict[str, str]:
    """Return setting path to origin (a variable's or a file's name) of every override in force."""
    with _lock:
        return dict(_overridden)


@contextmanager
def reading_legacy(backend: str) -> Iterator[None]:
    """Warn, once a process and where the block succeeds, that an unauthenticated token of SecretCrypt 1.x was read.

    Let the block return the plaintext: where warnings are errors, no variable must hold it when this one is raised.
    """
    yield
    global _legacy_warned
    with _lock:
        first, _legacy_warned = not _legacy_warned, True
    if first:
        warnings.warn(
            f"a {backend} token of SecretCrypt 1.x was read; nothing proves that it was not changed: "
            "encrypt the secret again",
            LegacyTokenWarning,
            stacklevel=3,
        )


def forget() -> None:
    """Forget everything; for tests."""
    global _revealed, _legacy_warned
    with _lock:
        _revealed = frozenset()
        _legacy_warned = False
        _entries.clear()
        _overridden.clear()


def _reset_lock() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_lock)
