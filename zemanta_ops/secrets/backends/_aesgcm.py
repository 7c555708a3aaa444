"""AES-256-GCM as three backends frame it: a random nonce of 12 bytes, then the ciphertext and its tag."""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NAME = "AES-256-GCM"

_NONCE_BYTES = 12


def encrypt(key: bytes, plaintext: bytes, associated_data: bytes) -> bytes:
    """Return nonce, ciphertext and tag."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, associated_data)


def decrypt(key: bytes, body: bytes, associated_data: bytes) -> bytes | None:
    """Return the plaintext, or None if the key is wrong or anything was changed.

    None, not an exception: its frames would hold the key.
    """
    try:
        return AESGCM(key).decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], associated_data)
    except (InvalidTag, ValueError):
        return None
