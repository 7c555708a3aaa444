"""Key pairs for HPKE, in the text form of age.

===============  =====================  =======================  =================================================
suite            private                public                   bytes
===============  =====================  =======================  =================================================
mlkem768x25519   AGE-SECRET-KEY-PQ-1…   age1pq1…                 a seed of 32; ML-KEM-768 (1,184) then X25519 (32)
x25519           AGE-SECRET-KEY-1…      age1…                    a scalar of 32; a point of 32
===============  =====================  =======================  =================================================

SHAKE-256 expands the seed to 96 bytes: 64 for ML-KEM-768 and 32 for X25519 (C2SP age, ``mlkem768x25519``).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from functools import cached_property

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from zemanta_ops.secrets.backends import _bech32
from zemanta_ops.secrets.exceptions import MissingExtraError, SecretError
from zemanta_ops.secrets.wire import REDACTED

try:
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
    from cryptography.hazmat.primitives.hpke import (
        AEAD,
        KDF,
        KEM,
        MLKEM768X25519PrivateKey,
        MLKEM768X25519PublicKey,
        Suite,
    )
except ImportError:
    raise MissingExtraError("the sealed backend", "sealed") from None

HYBRID = "mlkem768x25519"
CLASSIC = "x25519"
SUITES = {
    HYBRID: Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305),
    CLASSIC: Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305),
}

_PRIVATE = {"age-secret-key-pq-": HYBRID, "age-secret-key-": CLASSIC}
_PUBLIC = {"age1pq": HYBRID, "age": CLASSIC}
_SEED_BYTES = 32
_MLKEM_PUBLIC_BYTES = 1184
# Wheels of cryptography have ML-KEM; a build against an older OpenSSL may not.
_NO_MLKEM = "this build of cryptography has no ML-KEM: install its wheel, or use x25519 keys"


class KeyTextError(SecretError, ValueError):
    """A text is not a key of age. The message never repeats it."""


@dataclass(frozen=True)
class Recipient:
    """A public key.

    Attributes:
        suite: ``mlkem768x25519`` or ``x25519``.
        data: The bytes of the key.
    """

    suite: str
    data: bytes

    @property
    def key_id(self) -> str:
        """The first 16 hex digits of a hash of the public key."""
        return hashlib.sha256(f"zemanta_ops sealed key id {self.suite} ".encode() + self.data).hexdigest()[:16]

    def __str__(self) -> str:
        return _write(_PUBLIC, self.suite, self.data)

    def seal(self, plaintext: bytes, info: bytes) -> bytes:
        """Encrypt to this key; return encapsulation, ciphertext and tag."""
        return SUITES[self.suite].encrypt(plaintext, self._key(), info=info)

    def _key(self) -> X25519PublicKey | MLKEM768X25519PublicKey:
        if self.suite == CLASSIC:
            return X25519PublicKey.from_public_bytes(self.data)
        lattice, point = self.data[:_MLKEM_PUBLIC_BYTES], self.data[_MLKEM_PUBLIC_BYTES:]
        return MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(lattice), X25519PublicKey.from_public_bytes(point)
        )


@dataclass(frozen=True)
class Identity:
    """A private key.

    Attributes:
        suite: ``mlkem768x25519`` or ``x25519``.
        seed: The 32 bytes of the key.
    """

    suite: str
    seed: bytes = field(repr=False)

    def __str__(self) -> str:
        return REDACTED

    def text(self) -> str:
        """Return the text form of age, in capitals."""
        return _write(_PRIVATE, self.suite, self.seed).upper()

    @cached_property
    def recipient(self) -> Recipient:
        """The public half."""
        lattice, curve = self._halves
        point = curve.public_key().public_bytes_raw()
        return Recipient(self.suite, (lattice.public_key().public_bytes_raw() if lattice else b"") + point)

    def open(self, sealed: bytes, info: bytes) -> bytes:
        """Decrypt.

        Raises:
            InvalidTag: The key or ``info`` is a different one, or the ciphertext was changed.
        """
        lattice, curve = self._halves
        key = MLKEM768X25519PrivateKey(lattice, curve) if lattice else curve
        return SUITES[self.suite].decrypt(sealed, key, info=info)

    @cached_property
    def _halves(self) -> tuple[MLKEM768PrivateKey | None, X25519PrivateKey]:
        if self.suite == CLASSIC:
            return None, X25519PrivateKey.from_private_bytes(self.seed)
        expanded = hashlib.shake_256(self.seed).digest(96)
        try:
            lattice = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
        except UnsupportedAlgorithm:
            raise SecretError(_NO_MLKEM) from None
        return lattice, X25519PrivateKey.from_private_bytes(expanded[64:])


def generate(suite: str) -> Identity:
    """Generate a private key."""
    return Identity(suite, secrets.token_bytes(_SEED_BYTES))


def read_recipient(text: str) -> Recipient:
    """Read ``age1pq1…`` or ``age1…``.

    Raises:
        KeyTextError: The text is neither.
    """
    recipient = Recipient(*_read(text, _PUBLIC, "a public key of age (age1pq1… or age1…)"))
    try:
        recipient.seal(b"", b"")
    except UnsupportedAlgorithm:
        raise SecretError(_NO_MLKEM) from None
    except ValueError:
        raise KeyTextError("not a valid public key: wrong length, or not on the curve") from None
    return recipient


def read_identities(text: str) -> list[Identity]:
    """Read private keys as age-keygen writes them: one on each line, and comments that start with #.

    Raises:
        KeyTextError: A line is something else, or there is no key.
    """
    expected = "private keys of age (AGE-SECRET-KEY-PQ-1… or AGE-SECRET-KEY-1…), one on each line"
    lines = [line.strip() for line in text.splitlines()]
    found = [Identity(*_read(line, _PRIVATE, expected)) for line in lines if line and not line.startswith("#")]
    if not found or any(len(identity.seed) != _SEED_BYTES for identity in found):
        raise KeyTextError(f"expected {expected}, complete and unchanged")
    return found


def _read(text: str, prefixes: dict[str, str], expected: str) -> tuple[str, bytes]:
    try:
        prefix, data = _bech32.decode(text.strip())
        return prefixes[prefix], data
    except (ValueError, KeyError):
        raise KeyTextError(f"expected {expected}, complete and unchanged") from None


def _write(prefixes: dict[str, str], suite: str, data: bytes) -> str:
    prefix = next(prefix for prefix, named in prefixes.items() if named == suite)
    return _bech32.encode(prefix, data)
