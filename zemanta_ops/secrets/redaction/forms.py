"""The shapes in which one value can turn up in text: escaped by repr, JSON, a URL, HTML or base64, or line by line."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable, Iterator
from urllib.parse import quote, quote_plus

# Shorter values are not searched for: they would blank every line, and each blank would confirm a guess.
MIN_LENGTH = 8

_Escape = Callable[[str], str]


def _repr(value: str) -> str:
    return repr(value)[1:-1]


def _repr_among_quotes(value: str) -> str:
    """As repr escapes it inside a longer string that holds both kinds of quotes."""
    return repr("'\"" + value)[4:-1]


def _ascii(value: str) -> str:
    return ascii(value)[1:-1]


def _ascii_among_quotes(value: str) -> str:
    return ascii("'\"" + value)[4:-1]


def _repr_bytes(value: str) -> str:
    return repr(_utf8(value))[2:-1]


def _repr_bytes_among_quotes(value: str) -> str:
    return repr(b"'\"" + _utf8(value))[5:-1]


def _json(value: str) -> str:
    return json.dumps(value)[1:-1]


def _json_unicode(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)[1:-1]


def _json_slash(value: str) -> str:
    return _json(value).replace("/", "\\/")


def _url(safe: str) -> _Escape:
    return lambda value: quote(_utf8(value), safe=safe)


def _url_lower(value: str) -> str:
    """Escape for a URL with lower-case hexadecimal digits, as some proxies write them."""
    return "".join(chr(b) if (chr(b).isalnum() and b < 128) or b in b"-._~" else f"%{b:02x}" for b in _utf8(value))


def _url_plus(value: str) -> str:
    return quote_plus(_utf8(value))


_NESTING: tuple[_Escape, ...] = (
    _repr,
    _repr_among_quotes,
    _ascii,
    _ascii_among_quotes,
    _repr_bytes,
    _repr_bytes_among_quotes,
    _json,
    _json_unicode,
    _json_slash,
    html.escape,
)
_OUTER: tuple[_Escape, ...] = (_url(""), _url("/"), _url("!$&'()*+,;=:@/?"), _url_plus, _url_lower)


def forms(value: str) -> frozenset[str]:
    """Return every string that stands for ``value`` in what a program prints; none shorter than ``MIN_LENGTH``.

    Each line of a value of several lines counts as a value. Escapes inside escapes (the repr of a JSON text) are
    followed two levels deep, and on an HTML page three.
    """
    values = {value, *(line.strip() for line in value.splitlines())}
    found = {form for part in values if len(part) >= MIN_LENGTH for form in _forms(part)}
    return frozenset(form for form in found if len(form) >= MIN_LENGTH)


def _forms(value: str) -> Iterator[str]:
    once = {value, *(escape(value) for escape in _NESTING)}
    twice = {escape(form) for form in once for escape in _NESTING}
    yield from once
    yield from twice
    # An error page escapes what it shows once more: the repr of a JSON body, say.
    yield from map(html.escape, twice)
    yield from (escape(value) for escape in _OUTER)
    yield from _base64(_utf8(value))
    yield from (_utf8(value).hex(), _utf8(value).hex().upper())
    # As a log or a terminal shows bytes that are not text.
    yield _utf8(value).decode("utf-8", "replace")


def _base64(data: bytes) -> Iterator[str]:
    """Encode at each of the three alignments, without the characters that the neighbours of ``data`` decide."""
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + data)
        first = (8 * shift + 5) // 6
        last = 8 * (shift + len(data)) // 6
        core = encoded[first:last].decode()
        yield core
        yield core.replace("+", "-").replace("/", "_")


def _utf8(value: str) -> bytes:
    try:
        # The ledger keeps bytes that are not UTF-8 so.
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")
