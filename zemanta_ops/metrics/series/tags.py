"""Normalizes metric names, tag keys and tag values into text that statsd agents read back unchanged.

Telegraf's statsd input has no escape syntax: ``:`` in a tag rejects the line, ``,`` injects a tag, a newline injects a
metric, whitespace cuts a name, a backslash may be lost. Characters that cannot be sent become ``_``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

UNPRINTABLE = "_unprintable"
MAX_LENGTH = 200

_NOT_NAME = re.compile(r"[^A-Za-z0-9_./-]")
_NOT_KEY = re.compile(r"[^A-Za-z0-9_.-]")
_NOT_VALUE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029,:|\\\ud800-\udfff]")

# Telegraf overwrites metric_type; InfluxDB reserves the others.
RESERVED_KEYS = frozenset({"metric_type", "time", "_field", "_measurement"})


def to_text(value: object) -> str:
    """Return the text of a tag value: ``true`` and ``false`` for bools, ``str()`` otherwise; never raises."""
    try:
        # Inside the try, because even isinstance() may run the object's code: it evaluates a lazy object.
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, bool):
            return "true" if value else "false"
        return str.__str__(str(value))
    except Exception:  # noqa: BLE001  (any object may be given as a tag)
        return UNPRINTABLE


def clean_name(name: object) -> str:
    """Return a metric name of ASCII letters, digits, ``_ . - /``, at most 200 long; "" if nothing is left.

    Leading underscores are removed, because an agent with DogStatsD extensions reads ``_e`` and ``_sc`` as events.
    """
    return _NOT_NAME.sub("_", to_text(name)[:MAX_LENGTH]).lstrip("_")


def clean_key(key: object) -> str:
    """Return a tag key of ASCII letters, digits, ``_ . -``; a reserved key gets an underscore at the end."""
    cleaned = _NOT_KEY.sub("_", to_text(key)[:MAX_LENGTH]) or "_"
    return cleaned + "_" if cleaned in RESERVED_KEYS else cleaned


def clean_value(value: object) -> str:
    """Return a tag value with ``, : | \\``, control characters and lone surrogates as ``_``, at most 200 long.

    Blanks at both ends are removed: the agent cuts them off at the end of a line.
    """
    return _NOT_VALUE.sub("_", to_text(value)[:MAX_LENGTH]).strip()


def clean_tags(tags: Mapping[str, object] | Iterable[tuple[str, object]]) -> dict[str, str]:
    """Return sanitized tags in key order; a tag that is None or empty is omitted."""
    pairs = tags.items() if isinstance(tags, Mapping) else tags
    ordered = sorted(((to_text(key), value) for key, value in pairs if value is not None), key=lambda pair: pair[0])
    cleaned = {clean_key(key): clean_value(value) for key, value in ordered}
    return {key: cleaned[key] for key in sorted(cleaned) if cleaned[key]}


def merge(tags: Mapping[str, str], defaults: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a call followed by the default tags that it does not override."""
    return {**tags, **{key: value for key, value in defaults.items() if key not in tags}}
