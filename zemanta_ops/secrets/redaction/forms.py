"""The forms of a value in text: escaped by repr, JSON, HTML, URLs, shells, SQL, CSV or base64, whole and in parts."""

from __future__ import annotations

import base64
import html
import json
import shlex
from collections.abc import Callable, Iterator
from urllib.parse import quote, quote_plus

from zemanta_ops.secrets.ledger import MIN_REDACTED_LENGTH
from zemanta_ops.secrets.redaction.parts import parts

_Escape = Callable[[str], str]


def _repr(value: str) -> str:
    return repr(value)[1:-1]


def _repr_among_quotes(value: str) -> str:
    """Escape as repr does inside a longer string with both kinds of quotes."""
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


def _json_script(value: str) -> str:
    """Escape as Django's ``json_script`` does."""
    return _json(value).translate({ord(char): f"\\u{ord(char):04X}" for char in "<>&"})


def _javascript(value: str) -> str:
    """Escape as Django's ``escapejs`` does."""
    return value.translate(_JAVASCRIPT)


def _javascript_json(value: str) -> str:
    return _javascript(_json(value))


def _shell(value: str) -> str:
    """Escape as ``shlex.quote`` does, without the quotes around it."""
    return shlex.quote(f" {value}")[2:-1]


def _sql(value: str) -> str:
    return value.replace("'", "''")


def _sql_backslash(value: str) -> str:
    """Escape as PostgreSQL's ``E''`` literals and, where it has quotes, MySQL's do."""
    return value.replace("\\", "\\\\").replace("'", "\\'").replace('"', '\\"')


def _sql_doubled(value: str) -> str:
    """Escape as psycopg does in ``E''`` literals."""
    return value.replace("\\", "\\\\").replace("'", "''")


def _double_quotes(value: str) -> str:
    """Escape as CSV and SQL's identifiers do."""
    return value.replace('"', '""')


def _replace(escapes: dict[str, str]) -> _Escape:
    table = {ord(char): text for char, text in escapes.items()}
    return lambda value: value.translate(table)


def _json_lower(value: str) -> str:
    """Escape as Go and Rails do."""
    return _json(value).translate({ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"})


def _json_net(value: str) -> str:
    """Escape as .NET does."""
    return _json(value).replace('\\"', "\\u0022").translate({ord(char): f"\\u{ord(char):04X}" for char in "<>&'+`"})


def _url(safe: str) -> _Escape:
    return lambda value: quote(_utf8(value), safe=safe)


def _url_lower(value: str) -> str:
    """Escape for a URL with lower-case hexadecimal digits, as some proxies do."""
    return "".join(chr(b) if (chr(b).isalnum() and b < 128) or b in b"-._~" else f"%{b:02x}" for b in _utf8(value))


def _url_plus(value: str) -> str:
    return quote_plus(_utf8(value))


def _url_twice(value: str) -> str:
    return quote(quote(_utf8(value), safe=""), safe="")


def _url_plus_twice(value: str) -> str:
    return quote_plus(quote_plus(_utf8(value)))


_JAVASCRIPT = {code: f"\\u{code:04X}" for code in (*range(32), *map(ord, "\\'\"<>&=-;`\u2028\u2029"))}


_TEXT = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}

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
_OUTER: tuple[_Escape, ...] = (
    _url(""),
    _url("/"),
    _url("!$&'()*+,;=:@/?"),
    # JavaScript's encodeURIComponent.
    _url("!'()*"),
    _url_plus,
    _url_lower,
    _url_twice,
    _url_plus_twice,
)
# Text for another language; a log shows it as it is, as repr or JSON escapes it, or on an HTML page.
_LANGUAGES: tuple[_Escape, ...] = (
    _shell,
    _replace({"'": "'\\''"}),
    _replace({char: f"\\{char}" for char in '\\"$`'}),
    _sql,
    _sql_backslash,
    _sql_doubled,
    _double_quotes,
    _javascript,
    _javascript_json,
    _json_script,
    _json_lower,
    _json_net,
    # HTML and XML of other libraries than Django: text, attributes, Jinja (MarkupSafe), Go, JavaScript's templates.
    _replace(_TEXT),
    _replace({**_TEXT, '"': "&quot;"}),
    _replace({**_TEXT, '"': "&quot;", "'": "&#039;"}),
    _replace({**_TEXT, '"': "&quot;", "'": "&#39;"}),
    _replace({**_TEXT, '"': "&quot;", "'": "&apos;"}),
    _replace({**_TEXT, '"': "&#34;", "'": "&#39;"}),
    _replace({**_TEXT, '"': "&#34;", "'": "&#39;", "+": "&#43;"}),
    _replace({**_TEXT, '"': "&quot;", "'": "&#39;", "/": "&#x2F;", "=": "&#x3D;", "`": "&#x60;"}),
)


def forms(value: str) -> frozenset[str]:
    """Return every form in which a program may print ``value``; none shorter than ``MIN_REDACTED_LENGTH``.

    Each part of a value counts as a value: see ``parts``. Nested escapes, such as the repr of a JSON text, are followed
    two levels deep, and three on an HTML page.
    """
    found = {form for part in parts(value) if len(part) >= MIN_REDACTED_LENGTH for form in _forms(part)}
    return frozenset(form for form in found if len(form) >= MIN_REDACTED_LENGTH)


def _forms(value: str) -> Iterator[str]:
    once = {value, *(escape(value) for escape in _NESTING)}
    twice = {escape(form) for form in once for escape in _NESTING}
    yield from once
    yield from twice
    # An error page escapes everything once more, such as the repr of a JSON body.
    yield from map(html.escape, twice)
    yield from (escape(value) for escape in _OUTER)
    for escape in _LANGUAGES:
        form = escape(value)
        if form not in once:
            yield form
            yield from (nest(form) for nest in _NESTING)
    yield from _base64(_utf8(value))
    yield from (_utf8(value).hex(), _utf8(value).hex().upper())
    # As logs and terminals show bytes that are not text.
    yield _utf8(value).decode("utf-8", "replace")


def _base64(data: bytes) -> Iterator[str]:
    """Encode at each of the three alignments, without the characters that depend on the bytes around ``data``."""
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + data)
        first = (8 * shift + 5) // 6
        last = 8 * (shift + len(data)) // 6
        core = encoded[first:last].decode()
        yield core
        yield core.replace("+", "-").replace("/", "_")


def _utf8(value: str) -> bytes:
    try:
        # The ledger holds bytes that are not UTF-8 in this form.
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")
