"""What this process decrypted: plaintexts for redaction, and facts about each token for the checks. No Django."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module

from zemanta_ops.secrets.exceptions import LegacyTokenWarning

# Shorter values are not redacted: they would blank out every line, and confirm a guess.
MIN_REDACTED_LENGTH = 8

_lock = threading.Lock()
_revealed: frozenset[str] = frozenset()
_entries: dict[tuple[str, str], Entry] = {}
_overridden: dict[str, str] = {}
_samples: set[str] = set()
_wrapped: set[str] = set()
# Settings hold fewer; tokens that a program makes while it runs must not fill the memory.
_MAX_WRAPPED = 10_000
_legacy_warned = False
_protected = False


@dataclass(frozen=True)
class Entry:
    """Facts about a decrypted token.

    Attributes:
        path: Setting path, or "" if it is not known.
        backend: Name of the backend.
        key_id: Key id in the token, or "".
        context: The token's authenticated pairs.
        legacy: Whether it is a token of SecretCrypt 1.x without authentication.
        short: Whether the value is too short to be redacted.
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
    """Return the SHA-256 of a token's text in hex, as allow-lists hold it."""
    import hashlib  # imported here: a process that reads no secret does not need it

    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def protect() -> None:
    """Install the redaction of log records and tracebacks, once a process: from the first secret on.

    Before Django's apps are ready, settings already log, and a failing start already prints a traceback.
    """
    global _protected
    if not _protected:
        _protected = True
        # Loaded by name: this module is below redaction, which reads it.
        import_module("zemanta_ops.secrets.redaction.logs").install()


def reveal(value: str | bytes) -> None:
    """Remember a plaintext, so that redaction finds it in any output."""
    global _revealed
    protect()
    text = as_text(value) if isinstance(value, bytes) else value
    if text and text not in _revealed:
        with _lock:
            _revealed |= {text}


def as_text(value: bytes) -> str:
    """Decode bytes without loss: those that are not UTF-8 become lone surrogates."""
    return value.decode("utf-8", "surrogateescape")


def plaintexts() -> frozenset[str]:
    """Return every plaintext revealed so far; the same object until one is added."""
    return _revealed


def record(entry: Entry) -> None:
    """Remember the facts about a token, once for each path and token."""
    with _lock:
        _entries[entry.path, entry.digest] = entry


def entries() -> tuple[Entry, ...]:
    """Return the facts about every token decrypted in this process, oldest first."""
    with _lock:
        return tuple(_entries.values())


def override(path: str, origin: str) -> None:
    """Remember that a setting was overridden, and where the value came from."""
    with _lock:
        _overridden[path] = origin


def overrides() -> dict[str, str]:
    """Return the origin (name of a variable or a file) of every override in force, by setting path."""
    with _lock:
        return dict(_overridden)


def record_sample(path: str) -> None:
    """Remember that a sample was read in deferred mode: this process must never serve with it."""
    with _lock:
        _samples.add(path)


def samples() -> list[str]:
    """Return the paths of the settings whose samples were read in deferred mode; "" if a path is not known."""
    with _lock:
        return sorted(_samples)


def wrap(tokens: Iterable[str]) -> None:
    """Remember that a program has made a Secret of these tokens."""
    with _lock:
        if len(_wrapped) < _MAX_WRAPPED:
            _wrapped.update(tokens)


def is_wrapped(token: str) -> bool:
    """Whether a program has made a Secret of a token."""
    with _lock:
        return token in _wrapped


@contextmanager
def reading_legacy(backend: str) -> Iterator[None]:
    """Warn, once per process, that the block decrypted an unauthenticated token of SecretCrypt 1.x.

    The block should return the plaintext: if warnings are errors, no variable may hold it when this one is raised.
    """
    yield
    global _legacy_warned
    with _lock:
        first, _legacy_warned = not _legacy_warned, True
    if first:
        warnings.warn(
            f"a {backend} token of SecretCrypt 1.x was decrypted: it is not authenticated, so a change of it would go "
            "unnoticed. Encrypt the secret again",
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
        _samples.clear()


def _reset_lock() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_lock)
