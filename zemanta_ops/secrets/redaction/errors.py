"""Redaction of exceptions: a replacement has the same name, traceback and chain, and a redacted text."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any

from zemanta_ops.secrets.redaction.values import redact

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def redact_exc_info(exc_info: ExcInfo) -> ExcInfo:
    """Return ``exc_info`` itself if its traceback and reprs contain no secret, or else a replacement.

    The replacement keeps class name and module, traceback, notes, cause and context, but is not of the same class.
    """
    text = "".join([*traceback.format_exception(*exc_info), *_reprs(exc_info[1])])
    if redact(text) is text:
        return exc_info
    replacement = _replace(exc_info[1], {})
    return type(replacement), replacement, exc_info[2]


def _reprs(error: BaseException | None) -> Iterator[str]:
    """Yield the repr of each error of a chain, which some handlers show: it has arguments that a message leaves out."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        with suppress(Exception):
            yield repr(error)
        error = error.__cause__ or error.__context__


def _replace(error: BaseException, done: dict[int, BaseException]) -> BaseException:
    if id(error) in done:
        return done[id(error)]
    new = done[id(error)] = _same_name(error, done)
    new.__cause__ = _replace(error.__cause__, done) if error.__cause__ else None
    new.__context__ = _replace(error.__context__, done) if error.__context__ else None
    new.__suppress_context__ = error.__suppress_context__
    new.__traceback__ = error.__traceback__
    notes = [redact(str(note)) for note in getattr(error, "__notes__", ())]
    if notes:
        vars(new)["__notes__"] = notes
    return new


def _same_name(error: BaseException, done: dict[int, BaseException]) -> BaseException:
    kind = type(error)
    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    members: Any = getattr(error, "exceptions", None)
    if isinstance(members, tuple) and hasattr(error, "derive"):
        group = next(base for base in kind.__mro__ if base.__module__ == "builtins")
        message = redact(str(getattr(error, "message", "")))
        new_group: BaseException = type(kind.__name__, (group,), names)(
            message, [_replace(member, done) for member in members]
        )
        return new_group
    new: BaseException = type(kind.__name__, (Exception,), names)(redact(_text(error)))
    return new


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001
        return "<this exception has no readable text>"
