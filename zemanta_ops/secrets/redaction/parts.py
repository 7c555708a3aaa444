"""The parts of a value that are secrets of their own: of a URL, connection string or document, and each line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, unquote_plus, urlsplit

_WORDS = "(?:passwd|password|passphrase|pwd|pass|key|token|secret|sig|signature|auth|code)"
_SECRET_PARAM = re.compile(_WORDS, re.IGNORECASE)
# Of libpq (password='a b' host=db), of ODBC and ADO (Server=db;Pwd={a;b}) and of Azure (AccountName=a;AccountKey=b==).
_FIELD = re.compile(
    rf"""{_WORDS}\s*=\s*(?:'((?:[^'\\]|\\.)*)'|"([^"]*)"|\{{([^}}]*)\}}|([^;\s]+))""", re.IGNORECASE | re.DOTALL
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
# What is before the value in a line of YAML, TOML, .env, INI or properties. A name may be missing. In YAML, a "-" may
# be before it, and a tag or an anchor after it.
_NAME = r"""(?:"[^"]*"|'[^']*'|[\w.-]+)\s*(?::(?=\s)|=)\s*"""
_ENTRY = re.compile(rf"\s*(?:-\s+)*(?:export\s+)?(?:{_NAME})?(?:[!&]\S*\s+)*(.*)", re.DOTALL)
_COMMENT = re.compile(r"\s+#.*", re.DOTALL)
_QUOTED = re.compile(r"""("(?:[^"\\]|\\.)*")|'((?:[^']|'')*)'""")
_FLOW = re.compile(r"[][{},]")
# Letters with digits, or a long run of both cases: not a word that a path or a user is named after.
_RANDOM = re.compile(r"(?=.*\d)(?=.*[A-Za-z]).{12,}|(?=.*[a-z])(?=.*[A-Z])[A-Za-z]{16,}", re.DOTALL)

# Of a list of URLs: brokers, Sentinels, nodes of a cluster.
_NEXT_URL = re.compile(r"[;,\s]+(?=[A-Za-z][\w+.-]*://)")
# Where a parser of URLs ends a password in which these are not escaped.
_DELIMITER = re.compile(r"[/?#@:]")
_SCHEME = re.compile(r"(?:bearer|basic|token|apikey|digest)\s+(\S+)", re.IGNORECASE)
_SEPARATOR = re.compile(r"[\s,;:=]+")


def parts(value: str) -> frozenset[str]:
    """Return ``value`` and every part of it that programs print alone, as drivers do with the password of a URL.

    Parts have parts: a service account is a JSON document with a PEM file in it, which has lines.
    """
    found: set[str] = set()
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if part and part not in found:
            found.add(part)
            waiting += [
                *_lines(part),
                *_of_document(part),
                *_of_url(part),
                *_of_fields(part),
                *_of_json(part),
                *_of_list(part),
            ]
    return frozenset(found)


def _lines(value: str) -> Iterator[str]:
    return (line.strip() for line in value.splitlines())


def _of_document(value: str) -> Iterator[str]:
    """Find the values of a document by its lines: a parser may not be installed, and a part may be cut out of one."""
    for line in value.splitlines() if "\n" in value else ():
        entry = _ENTRY.fullmatch(line)
        text = entry[1].strip() if entry else line
        yield from (text, _COMMENT.sub("", text))
        for double, single in _QUOTED.findall(text):
            yield from (*_of_json(double), double[1:-1], single, single.replace("''", "'"))
        for piece in _FLOW.split(text) if text[:1] in ("{", "[") else ():
            yield from (piece.strip(), piece.partition(": ")[2].strip())


def _of_url(value: str) -> Iterator[str]:
    for url in _NEXT_URL.split(value) if "://" in value else ():
        yield from _of_one_url(url)


def _of_one_url(value: str) -> Iterator[str]:
    _, mark, rest = value.partition("://")
    if not mark:
        return
    found: set[str] = set()
    with suppress(ValueError):
        url = urlsplit(value)
        found = {url.password or "", *_of_target(url.path, url.query)}
        # An access token as the user, as in the DSN of Sentry.
        found |= {user for user in [url.username or ""] if _RANDOM.fullmatch(user)}
    # An unescaped "/", "?", "#" or "[" in the password ends the host for a parser, but people write such URLs.
    whole = rest.rpartition("@")[0].partition(":")[2]
    found.add(whole)
    if _breaks_parser(value):
        # Its error quotes what is before that, as a port that is not a number.
        found.update(_DELIMITER.split(whole))
    for part in found:
        yield from (part, unquote(part), unquote_plus(part))


def _breaks_parser(url: str) -> bool:
    try:
        address = urlsplit(url)
        return address.port is None and "@" in (address.password or "")
    except ValueError:
        return True


def _of_list(value: str) -> Iterator[str]:
    """Find the items of a list of keys, the password of ``user:password``, and what follows ``Bearer``."""
    if "://" in value or "\n" in value:
        return
    if scheme := _SCHEME.fullmatch(value):
        yield scheme[1]
    # With a dot, it is rather a host or a version.
    yield from (item for item in _SEPARATOR.split(value) if "." not in item and _RANDOM.fullmatch(item))


def _of_target(path: str, query: str) -> Iterator[str]:
    """Find what HTTP clients show after the host: the random part of a webhook, a signature or token of the query."""
    yield from (segment for segment in path.split("/") if _RANDOM.fullmatch(segment))
    for pair in query.split("&"):
        name, _, text = pair.partition("=")
        if _SECRET_PARAM.search(name) or _RANDOM.fullmatch(text):
            yield text


def _of_fields(value: str) -> Iterator[str]:
    if "=" not in value or "://" in value:
        return
    for quoted, *others in _FIELD.findall(value):
        yield from (quoted, _ESCAPED.sub(r"\1", quoted), *others)


def _of_json(value: str) -> Iterator[str]:
    if value.lstrip()[:1] not in ("{", "[", '"'):
        return
    with suppress(ValueError, RecursionError):
        yield from _strings(json.loads(value))


def _strings(document: Any) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, (dict, list)):
        for inner in document.values() if isinstance(document, dict) else document:
            yield from _strings(inner)
