"""The parts of a value that are secrets of their own: a URL's password, the strings of a JSON document, each line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit


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
            waiting += [*_lines(part), *_of_url(part), *_of_json(part)]
    return frozenset(found)


def _lines(value: str) -> Iterator[str]:
    return (line.strip() for line in value.splitlines())


def _of_url(value: str) -> Iterator[str]:
    if "://" not in value or "@" not in value:
        return
    password: str | None = None
    with suppress(ValueError):
        password = urlsplit(value).password
    # An unescaped "/", "?", "#" or "[" in the password ends the host for a parser, but people write such URLs.
    written = value.partition("://")[2].rpartition("@")[0].partition(":")[2]
    for part in {password or "", written}:
        yield from (part, unquote(part))


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
