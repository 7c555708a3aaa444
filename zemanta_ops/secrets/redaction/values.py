"""Redact any text or plain container by what the ledger knows to have been revealed."""

from __future__ import annotations

import threading
from typing import Any

from zemanta_ops.secrets import ledger
from zemanta_ops.secrets.redaction.matcher import Matcher

_building = threading.Lock()
_current: tuple[object, Matcher] = (None, Matcher(()))


def matcher() -> Matcher:
    """Return the matcher of everything revealed so far."""
    global _current
    values = ledger.revealed()
    if _current[0] is not values:
        with _building:
            if _current[0] is not values:
                _current = (values, Matcher(values))
    return _current[1]


def redact(text: str) -> str:
    """Return ``text`` with every revealed value, in whatever escaped form, replaced by ``<redacted>``.

    A text that holds none comes back as the very same object. Values under 8 characters are not searched for.
    """
    return matcher().redact(text)


def redact_value(value: Any) -> Any:
    """Redact the strings in a value: a str, bytes, or dicts, lists, tuples and sets of such; others pass unchanged.

    What holds no secret comes back as the very same object.
    """
    return _Redactor(matcher()).value(value)


class _Redactor:
    def __init__(self, using: Matcher) -> None:
        self.using = using
        self.open: set[int] = set()

    def value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.using.redact(value)
        if isinstance(value, (bytes, bytearray)):
            text = value.decode("utf-8", "surrogateescape")
            clean = self.using.redact(text)
            return value if clean is text else clean.encode("utf-8", "surrogateescape")
        if not isinstance(value, (dict, list, tuple, set, frozenset)) or id(value) in self.open:
            return value
        self.open.add(id(value))
        try:
            return self._container(value)
        finally:
            self.open.discard(id(value))

    def _container(self, value: Any) -> Any:
        if isinstance(value, dict):
            pairs = [(self.value(key), self.value(inner)) for key, inner in value.items()]
            same = all(a is c and b is d for (a, b), (c, d) in zip(pairs, value.items(), strict=True))
            return value if same else dict(pairs)
        items = [self.value(inner) for inner in value]
        if all(a is b for a, b in zip(items, value, strict=True)):
            return value
        kind = next(kind for kind in (list, tuple, set, frozenset) if isinstance(value, kind))
        return kind(items)
