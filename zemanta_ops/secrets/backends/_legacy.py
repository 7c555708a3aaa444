"""Decryption of SecretCrypt 1.x bodies: base64(IV16 ‖ AES-CBC-PKCS7), without authentication."""

from __future__ import annotations

from collections.abc import Iterable

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from zemanta_ops.secrets.exceptions import TokenError, WrongKeyError

_BLOCK = 16


def decrypt_cbc(body: bytes, keys: Iterable[bytes]) -> bytes:
    """Decrypt under each key and return the only plausible result.

    A wrong key passes strict PKCS7 by chance in 0.39 % of tries. If several keys pass, the result that is UTF-8 counts.

    Args:
        body: IV and ciphertext.
        keys: Candidates of 16, 24 or 32 bytes.

    Raises:
        TokenError: The body is not a whole number of blocks.
        WrongKeyError: No key fits, or several do.
    """
    if len(body) < 2 * _BLOCK or len(body) % _BLOCK:
        raise TokenError("malformed token of SecretCrypt 1.x: the ciphertext is truncated")
    results = [result for key in keys if (result := _decrypt(body, key)) is not None]
    if len(results) > 1:
        results = [result for result in results if _is_utf8(result)]
    if len(results) != 1:
        raise WrongKeyError(
            "no key here decrypts this token of SecretCrypt 1.x, or it was changed: encrypt the secret again"
        )
    return results[0]


def _decrypt(body: bytes, key: bytes) -> bytes | None:
    decryptor = Cipher(algorithms.AES(key), modes.CBC(body[:_BLOCK])).decryptor()
    unpadder = PKCS7(8 * _BLOCK).unpadder()
    padded = decryptor.update(body[_BLOCK:]) + decryptor.finalize()
    try:
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        return None


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
