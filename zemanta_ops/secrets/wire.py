"""The text of a token, ``backend:params:ciphertext``, and the bytes that authenticate its context. No I/O."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlencode

from zemanta_ops.secrets.exceptions import TokenError

# What becomes part of a path, a URL or a file name, wherever in a token it stands.
SAFE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_BACKEND = re.compile(r"[a-z][a-z0-9_]{0,31}")
_CONTEXT_PREFIX = "c."
_BOUND = ("app", "name")
_BACKENDS = "kms|vault|sealed|local|password|plain"
_BASE64 = "[A-Za-z0-9+/_-]{8,}={0,2}"
_TOKEN = re.compile(rf"(?:{_BACKENDS}):[^:\s]*:(?:vault:v\d+:)?{_BASE64}(?:\.{_BASE64})*")
_PLAIN = re.compile(r"plain:[^:\s]*:.*", re.DOTALL)
# A text without a match holds no token.
CANDIDATE = re.compile(rf"(?:{_BACKENDS}):")


@dataclass(frozen=True)
class Token:
    """One encrypted secret.

    Attributes:
        backend: Which backend made it.
        params: What stands between the colons, decoded; of doubled ones the first, as in SecretCrypt.
        ciphertext: The rest, in the backend's own encoding.
        doubled: Names of params that stood there more than once.
    """

    backend: str
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    ciphertext: str = field(default="", repr=False)
    doubled: frozenset[str] = field(default=frozenset(), repr=False)

    def __str__(self) -> str:
        return f"{self.backend}:<redacted>"

    @property
    def context(self) -> dict[str, str]:
        """The authenticated pairs: ``app``, ``name`` and, without their ``c.``, the free ones."""
        bound = {key: self.params[key] for key in _BOUND if key in self.params}
        free = {key[2:]: value for key, value in self.params.items() if key.startswith(_CONTEXT_PREFIX)}
        return bound | free

    def require(self, *needed: str, optional: Collection[str] = ()) -> None:
        """Refuse doubled, unknown and missing params; the context is always allowed.

        Raises:
            TokenError: Naming the backend only.
        """
        known = {*needed, *optional, *_BOUND}
        unknown = [key for key in self.params if key not in known and not key.startswith(_CONTEXT_PREFIX)]
        if unknown or self.doubled:
            raise TokenError(f"malformed {self.backend} token: a param is unknown or stands twice")
        if any(not self.params.get(key) for key in needed):
            raise TokenError(f"malformed {self.backend} token: a param is missing: {', '.join(needed)} are needed")
        reserved = [key for key in _BOUND if f"{_CONTEXT_PREFIX}{key}" in self.params]
        if reserved or not _is_context(self.context):
            raise TokenError(f"malformed {self.backend} token: a context key is not allowed, or has no value")


def parse(text: str) -> Token:
    """Split a token at its first two colons and decode its params.

    Raises:
        TokenError: The text is no token; the message never repeats it.
    """
    backend, colon, rest = text.partition(":")
    raw, second, ciphertext = rest.partition(":")
    if not colon or not second or not _BACKEND.fullmatch(backend):
        raise TokenError("not a token: expected backend:params:ciphertext, as encrypt_secret prints it")
    params: dict[str, str] = {}
    doubled = set()
    for key, value in _pairs(raw):
        if key in params:
            doubled.add(key)
        params.setdefault(key, value)
    return Token(backend, params, ciphertext, frozenset(doubled))


def is_token(text: str, *, plain: bool = True) -> bool:
    """Tell whether a string that stands anywhere is a token: its backend is one of ours and its body is encoded.

    Args:
        plain: Whether ``plain:…:…``, which may just as well be prose, counts.
    """
    value = text.strip()
    if not (_TOKEN.fullmatch(value) or (plain and _PLAIN.fullmatch(value))):
        return False
    try:
        parse(value)
    except TokenError:
        return False
    return True


def _pairs(raw: str) -> list[tuple[str, str]]:
    if not raw:
        return []
    try:
        return parse_qsl(raw, keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        raise TokenError("not a token: what stands between the first two colons is not key=value&key=value") from None


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
    """Refuse context keys that are not ``[A-Za-z0-9_-]{1,64}`` and empty values.

    Raises:
        TokenError: Without the key or the value.
    """
    if not _is_context(context):
        raise TokenError("a context key must match [A-Za-z0-9_-]{1,64} and have a value")


def _is_context(context: Mapping[str, str]) -> bool:
    return all(SAFE_NAME.fullmatch(key) and value for key, value in context.items())


def associated_data(token: Token, *, version: str, suite: str = "", key_id: str = "") -> bytes:
    """Return what authenticates a token: each part as a 4-byte big-endian length and its UTF-8 bytes.

    The parts are ``zemanta_ops``, backend, version, suite, key id, then key and value of the context, sorted by key.
    """
    pairs: Iterable[str] = (part for pair in sorted(token.context.items()) for part in pair)
    parts = (part.encode() for part in ("zemanta_ops", token.backend, version, suite, key_id, *pairs))
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
