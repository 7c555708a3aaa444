"""Redaction of text, plain containers and Sentry events by the plaintexts in the ledger."""

from __future__ import annotations

import os
import threading
import types
from collections import ChainMap, UserDict, UserList, deque
from typing import Any

from zemanta_ops.secrets import ledger
from zemanta_ops.secrets.redaction.matcher import Matcher

_ATOMS = (int, float, bool, type(None))
_ITERABLES: tuple[type[Any], ...] = (list, tuple, set, frozenset, deque, UserList)
# Not every Mapping: some ask a server for their items, and a log line must not.
_MAPPINGS: tuple[type[Any], ...] = (dict, types.MappingProxyType, UserDict, ChainMap)
_CONTAINERS = (*_ITERABLES, *_MAPPINGS, types.SimpleNamespace)

# Reentrant: a signal handler that logs may interrupt the very thread that builds.
_building = threading.RLock()
_current: tuple[frozenset[str], Matcher] = (frozenset(), Matcher())


def matcher() -> Matcher:
    """Return the matcher of all plaintexts revealed so far."""
    global _current
    values = ledger.plaintexts()
    if _current[0] is not values:
        with _building:
            seen, current = _current
            if seen is not values:
                # Adding is cheap: a process that logs after each of its secrets does not build them all each time.
                grown = current.with_values(values - seen) if seen <= values else Matcher(values)
                _current = (values, grown)
                return grown
    return _current[1]


def redact(text: str) -> str:
    """Return ``text`` with every revealed value, in any escaped form, replaced with ``<redacted>``.

    A text without secrets is returned as the same object. Values under 8 characters are not redacted.
    """
    return matcher().redact(text)


def redact_value(value: Any) -> Any:
    """Redact the strings in a value: text, bytes, and the standard library's containers of them.

    Other objects stay unchanged. A value without secrets is returned as the same object; a mapping
    that has one becomes a dict.
    """
    return _Redactor(matcher()).value(value)


def before_send(event: dict[str, Any], hint: dict[str, Any] | None = None) -> dict[str, Any]:  # noqa: ARG001
    """Redact every string of an event of Sentry's SDK; use it as ``before_send_transaction`` too.

    The SDK has already shortened long strings, so the start of a secret before an ellipsis is redacted too.
    """
    return {key: _redact_event(value) for key, value in event.items()}


def _redact_event(value: Any) -> Any:
    if isinstance(value, str):
        return matcher().redact_cut(value)
    if isinstance(value, dict):
        return {_redact_event(key): _redact_event(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_redact_event(inner) for inner in value]
    return value


class _Redactor:
    def __init__(self, using: Matcher) -> None:
        self.using = using
        self.open: set[int] = set()

    def value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.using.redact(value)
        if type(value) in _ATOMS:
            return value
        if isinstance(value, (bytes, bytearray)):
            text = value.decode("utf-8", "surrogateescape")
            clean = self.using.redact(text)
            return value if clean is text else clean.encode("utf-8", "surrogateescape")
        if not isinstance(value, _CONTAINERS) or id(value) in self.open:
            return value
        self.open.add(id(value))
        try:
            return self._container(value)
        finally:
            self.open.discard(id(value))

    def _container(self, value: Any) -> Any:
        if isinstance(value, types.SimpleNamespace):
            members = self.value(vars(value))
            return value if members is vars(value) else types.SimpleNamespace(**members)
        if isinstance(value, _MAPPINGS):
            pairs = [(self.value(key), self.value(inner)) for key, inner in value.items()]
            same = all(a is c and b is d for (a, b), (c, d) in zip(pairs, value.items(), strict=True))
            return value if same else dict(pairs)
        # Copied at once: another thread may append to a deque meanwhile.
        before = list(value)
        items = [self.value(inner) for inner in before]
        if all(a is b for a, b in zip(items, before, strict=True)):
            return value
        kind = next(kind for kind in _ITERABLES if isinstance(value, kind))
        return items if kind is UserList else kind(items)


def _reset_lock() -> None:
    """Give a forked child a lock that no thread of its parent holds."""
    global _building
    _building = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_lock)
