"""Exceptions whose text holds a secret get a stand-in of the same name, place and chain with a redacted text."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any

from zemanta_ops.secrets.redaction.values import redact

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def redact_exc_info(exc_info: ExcInfo) -> ExcInfo:
    """Return ``exc_info`` itself where neither its printed traceback nor a repr holds a secret, else a stand-in.

    The stand-in keeps class name and module, traceback, notes, cause and context; it is not an instance of the class.
    """
    text = "".join([*traceback.format_exception(*exc_info), *_reprs(exc_info[1])])
    if redact(text) is text:
        return exc_info
    stand_in = _stand_in(exc_info[1], {})
    return type(stand_in), stand_in, exc_info[2]


def _reprs(error: BaseException | None) -> Iterator[str]:
    """Show the errors of a chain as some handlers do; a repr has arguments that the message leaves out."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        with suppress(Exception):
            yield repr(error)
        error = error.__cause__ or error.__context__


def _stand_in(error: BaseException, made: dict[int, BaseException]) -> BaseException:
    if id(error) in made:
        return made[id(error)]
    new = made[id(error)] = _same_name(error, made)
    new.__cause__ = _stand_in(error.__cause__, made) if error.__cause__ else None
    new.__context__ = _stand_in(error.__context__, made) if error.__context__ else None
    new.__suppress_context__ = error.__suppress_context__
    new.__traceback__ = error.__traceback__
    notes = [redact(str(note)) for note in getattr(error, "__notes__", ())]
    if notes:
        vars(new)["__notes__"] = notes
    return new


def _same_name(error: BaseException, made: dict[int, BaseException]) -> BaseException:
    kind = type(error)
    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    members: Any = getattr(error, "exceptions", None)
    if isinstance(members, tuple) and hasattr(error, "derive"):
        group = next(base for base in kind.__mro__ if base.__module__ == "builtins")
        message = redact(str(getattr(error, "message", "")))
        new_group: BaseException = type(kind.__name__, (group,), names)(
            message, [_stand_in(member, made) for member in members]
        )
        return new_group
    new: BaseException = type(kind.__name__, (Exception,), names)(redact(_text(error)))
    return new


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001
        return "<the text of this exception cannot be had>"
