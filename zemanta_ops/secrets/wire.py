"""The text of a token, ``backend:params:ciphertext``, and the bytes that authenticate its context. No I/O."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlencode

from zemanta_ops.secrets.exceptions import TokenError

__all__ = ["SAFE_NAME", "Token", "associated_data", "context_params"]

# Printed in place of every token, plaintext and key.
REDACTED = "<redacted>"
# Any part of a token that becomes part of a path, a URL or a file name must match this.
SAFE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_BACKEND = re.compile(r"[a-z][a-z0-9_]{0,31}")
# What a shell leaves of a token without quotes: everything before the first &.
_CUT = re.compile(r"[a-z][a-z0-9_]{0,31}:[a-z][A-Za-z0-9_.]{0,64}=[^:&\s]*")
_CONTEXT_PREFIX = "c."
_BOUND = ("app", "name")
# The only params that SecretCrypt 1.x wrote. Our own tokens of these backends always have more.
_LEGACY_PARAMS = {"kms": {"region"}, "local": set[str](), "password": {"salt"}}
_VAULT_VERSION = re.compile(r"vault:(v[0-9]+):")


@dataclass(frozen=True)
class Token:
    """One encrypted secret.

    Attributes:
        backend: Name of the backend that made it.
        params: The decoded params between the colons. Of a repeated param the first counts, as in SecretCrypt.
        ciphertext: Everything after the second colon, in the backend's own encoding.
        doubled: Names of the params that appear more than once.
    """

    backend: str
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    ciphertext: str = field(default="", repr=False)
    doubled: frozenset[str] = field(default=frozenset(), repr=False)

    def __str__(self) -> str:
        return f"{self.backend}:{REDACTED}"

    @property
    def context(self) -> dict[str, str]:
        """The authenticated pairs: ``app``, ``name`` and the free ones, without their ``c.``."""
        bound = {key: self.params[key] for key in _BOUND if key in self.params}
        free = {key[2:]: value for key, value in self.params.items() if key.startswith(_CONTEXT_PREFIX)}
        return bound | free

    @property
    def app(self) -> str:
        """The application that the token is bound to, or ""."""
        return self.params.get("app", "")

    @property
    def name(self) -> str:
        """The setting that the token is bound to, or ""."""
        return self.params.get("name", "")

    @property
    def key_id(self) -> str:
        """The id of the key that opens the token, or "": its param ``key``, and for Vault the key's version too."""
        version = _VAULT_VERSION.match(self.ciphertext) if self.backend == "vault" else None
        return self.params.get("key", "") + (f":{version[1]}" if version else "")

    @property
    def is_legacy(self) -> bool:
        """Whether SecretCrypt 1.x wrote the token."""
        known = _LEGACY_PARAMS.get(self.backend)
        return known is not None and known.issuperset(self.params)

    @property
    def is_authenticated(self) -> bool:
        """Whether decryption detects a change. Of the tokens of SecretCrypt 1.x, only those of KMS have this."""
        return not self.is_legacy or self.backend == "kms"

    def require(self, *needed: str, optional: Collection[str] = ()) -> None:
        """Refuse repeated, unknown and missing params; the context is always allowed.

        Raises:
            TokenError: A param is wrong. The message names the backend only.
        """
        known = {*needed, *optional, *_BOUND}
        unknown = [key for key in self.params if key not in known and not key.startswith(_CONTEXT_PREFIX)]
        if unknown or self.doubled:
            raise TokenError(f"malformed {self.backend} token: a param is unknown or repeated")
        if any(not self.params.get(key) for key in needed):
            raise TokenError(f"malformed {self.backend} token: it must have the params {', '.join(needed)}")
        reserved = [key for key in _BOUND if f"{_CONTEXT_PREFIX}{key}" in self.params]
        if reserved or not _is_context(self.context):
            raise TokenError(f"malformed {self.backend} token: a context key is not allowed, or has no value")


def parse(text: str) -> Token:
    """Split a token at its first two colons and decode its params.

    Raises:
        TokenError: The text is not a token. The message never repeats it.
    """
    backend, colon, rest = text.partition(":")
    raw, second, ciphertext = rest.partition(":")
    if _CUT.fullmatch(text):
        raise TokenError(
            "not a whole token: it ends before its second colon, as if a shell had cut it at an unquoted &. "
            "Put the token in single quotes"
        )
    if not colon or not second or not _BACKEND.fullmatch(backend):
        raise TokenError("not a token: expected backend:params:ciphertext, as encrypt_secret prints it")
    params: dict[str, str] = {}
    doubled = set()
    for key, value in _split_params(raw):
        if key in params:
            doubled.add(key)
        params.setdefault(key, value)
    return Token(backend, params, ciphertext, frozenset(doubled))


def _split_params(raw: str) -> list[tuple[str, str]]:
    if not raw:
        return []
    try:
        return parse_qsl(raw, keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        raise TokenError("not a token: the text between the first two colons is not key=value&key=value") from None


def format(token: Token) -> str:  # noqa: A001 (the field's word, used as wire.format)
    """Return the text of a token; params keep their order."""
    params = urlencode(token.params, quote_via=quote, safe="/", errors="surrogatepass")
    return f"{token.backend}:{params}:{token.ciphertext}"


def context_params(context: Mapping[str, str]) -> dict[str, str]:
    """Return a context as params: ``app``, ``name``, and every other key as ``c.KEY``."""
    check_context(context)
    bound = {key: context[key] for key in _BOUND if context.get(key)}
    return bound | {f"{_CONTEXT_PREFIX}{key}": context[key] for key in sorted(context) if key not in _BOUND}


def check_context(context: Mapping[str, str]) -> None:
    """Refuse empty values, and keys that are not ``[A-Za-z0-9_-]{1,64}``.

    Raises:
        TokenError: A key or a value is not allowed. The message repeats neither.
    """
    if not _is_context(context):
        raise TokenError("a context key must match [A-Za-z0-9_-]{1,64} and have a value")


def _is_context(context: Mapping[str, str]) -> bool:
    return all(SAFE_NAME.fullmatch(key) and value for key, value in context.items())


def associated_data(token: Token, *, version: str, suite: str = "", key_id: str = "") -> bytes:
    """Return the bytes that bind a ciphertext to its token: each part as a 4-byte big-endian length and UTF-8 text.

    The parts are ``zemanta_ops``, backend, version, suite, key id, then each context key and its value, sorted by key.
    """
    pairs: Iterable[str] = (part for pair in sorted(token.context.items()) for part in pair)
    parts = (part.encode() for part in ("zemanta_ops", token.backend, version, suite, key_id, *pairs))
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
