"""The token that stands in settings: ``backend:params:ciphertext``. No input and no output here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, quote, urlencode

from zemanta_ops.secrets.exceptions import TokenError

_BACKEND = re.compile(r"[a-z][a-z0-9_]{0,31}")


@dataclass(frozen=True)
class Token:
    """A parsed token.

    Attributes:
        backend: Name of the backend that made it.
        params: What the backend needs besides the ciphertext, in the order of the token.
        ciphertext: Whatever the backend wrote; not in the repr, since that of ``plain`` is the plaintext.
    """

    backend: str
    params: Mapping[str, str] = field(default_factory=dict)
    ciphertext: str = field(default="", repr=False)


def parse(text: str) -> Token:
    """Split a token at its first two colons.

    Params are read as SecretCrypt 1.x reads them: a query string in which the first of a doubled name wins and a raw
    ``+`` is a space.

    Raises:
        TokenError: It is not of this form. The message does not show the input, which may be a pasted plaintext.
    """
    parts = text.split(":", 2)
    if len(parts) != 3 or not _BACKEND.fullmatch(parts[0]):
        raise TokenError("not a token: expected backend:params:ciphertext, as encrypt_secret prints it")
    backend, params, ciphertext = parts
    try:
        pairs = parse_qs(params, keep_blank_values=True, strict_parsing=True) if params else {}
    except ValueError:
        raise TokenError(f"the params of a {backend} token are not name=value pairs joined by &") from None
    return Token(backend, {name: values[0] for name, values in pairs.items()}, ciphertext)


def format(token: Token) -> str:  # noqa: A001
    """Write a token; :func:`parse` reads it back to an equal one."""
    return f"{token.backend}:{urlencode(token.params, quote_via=quote)}:{token.ciphertext}"
