"""What was revealed in this process, so that redaction can look for it. Holds plaintexts: never print it."""

from __future__ import annotations

import threading

_lock = threading.Lock()
_revealed: frozenset[str] = frozenset()


def reveal(value: str) -> None:
    """Remember a plaintext (or a private key, or a password) that is in memory from now on."""
    global _revealed
    if value and value not in _revealed:
        with _lock:
            _revealed |= {value}


def revealed() -> frozenset[str]:
    """Return everything revealed so far; the very same object until something is added."""
    return _revealed
