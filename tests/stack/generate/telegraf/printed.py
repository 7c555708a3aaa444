"""Reads the points that a Telegraf without a database prints into its log."""

from __future__ import annotations

import re
from typing import NamedTuple

_POINT = re.compile(r"(?P<series>(?:\\.|[^\\ ])+) (?P<fields>.+) \d{19}")


class Printed(NamedTuple):
    """A point without its time and its values."""

    measurement: str
    tags: frozenset[tuple[str, str]]
    fields: frozenset[str]


def points(log: str) -> list[Printed]:
    """Return the points among the lines of a log."""
    found = (_POINT.fullmatch(line) for line in log.splitlines())
    return [_point(match["series"], match["fields"]) for match in found if match]


def _point(series: str, fields: str) -> Printed:
    measurement, *pairs = _split(",", series)
    tags = frozenset((_plain(key), _plain(value)) for key, value in (_split("=", pair) for pair in pairs))
    names = frozenset(_plain(_split("=", pair)[0]) for pair in _split(",", fields))
    return Printed(_plain(measurement), tags, names)


def _split(mark: str, text: str) -> list[str]:
    return re.split(rf"(?<!\\){mark}", text)


def _plain(text: str) -> str:
    return re.sub(r"\\([,= ])", r"\1", text)
