"""Log records without secrets: a record factory, which covers every logger and handler, and a formatter."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from typing import Any

from zemanta_ops.secrets.modes import Deferred
from zemanta_ops.secrets.redacted import Redacted
from zemanta_ops.secrets.redaction.errors import redact_exc_info
from zemanta_ops.secrets.redaction.values import redact, redact_value


def install() -> None:
    """Redact every log record of this process, and the tracebacks of uncaught exceptions. Safe to call twice.

    Uncaught exceptions are those of the main thread, of other threads, and of ``__del__`` and callbacks.
    """
    previous = logging.getLogRecordFactory()
    if not isinstance(previous, RecordFactory):
        logging.setLogRecordFactory(RecordFactory(previous))
        sys.excepthook = _excepthook(sys.excepthook)
        threading.excepthook = _thread_excepthook(threading.excepthook)
        sys.unraisablehook = _unraisablehook(sys.unraisablehook)


class RecordFactory:
    """Wraps a log record factory; redacts message, arguments, exception, stack and the values of ``extra``."""

    def __init__(self, factory: Callable[..., logging.LogRecord] = logging.LogRecord) -> None:
        """Wrap ``factory``."""
        self._factory = factory

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        """Create a redacted record."""
        record = self._factory(*args, **kwargs)
        _show_undecrypted(record)
        _redact_message(record)
        if record.exc_info and record.exc_info[1] is not None:
            record.exc_info = redact_exc_info(record.exc_info)
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        # Logger.makeRecord writes `extra` into the record's __dict__ after the factory has returned.
        record.__dict__ = _Extra(record.__dict__)
        return record


class RedactingFormatter(logging.Formatter):
    """A formatter that redacts its whole output; for objects in ``extra`` that become text only here.

    Takes the arguments of ``logging.Formatter``, or ``wraps``: another formatter, whose output it redacts.
    """

    def __init__(self, *args: Any, wraps: logging.Formatter | None = None, **kwargs: Any) -> None:
        """Format like ``logging.Formatter(*args, **kwargs)``, or like ``wraps``."""
        super().__init__(*args, **kwargs)
        self._wraps = wraps

    def format(self, record: logging.LogRecord) -> str:
        """Format and redact."""
        return redact(self._wraps.format(record) if self._wraps else super().format(record))


class _Extra(dict[str, Any]):
    """A record's ``__dict__`` that redacts values as they are set."""

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, redact_value(value))

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Redact values from ``logging.makeLogRecord`` and from listeners for other processes."""
        super().update(redact_value(dict(*args, **kwargs)))

    def __reduce__(self) -> tuple[Any, ...]:
        # The process that unpickles the record may not have this package.
        return dict, (dict(self),)


def _show_undecrypted(record: logging.LogRecord) -> None:
    """Put the repr of a Secret, or of its placeholder, in its place: as text it raises, and the line would be lost."""
    record.msg = _as_repr(record.msg)
    if isinstance(record.args, dict):
        record.args = {name: _as_repr(value) for name, value in record.args.items()}
    elif record.args:
        record.args = tuple(map(_as_repr, record.args))


def _as_repr(value: Any) -> Any:
    return repr(value) if issubclass(type(value), (Redacted, Deferred)) else value


def _redact_message(record: logging.LogRecord) -> None:
    try:
        message = record.getMessage()
    except Exception:  # noqa: BLE001
        # The arguments do not fit the message: logging prints both to stderr when a handler formats them.
        record.msg = redact_value(record.msg)
        record.args = redact_value(record.args)
        return
    clean = redact(message)
    if clean is not message:
        record.msg, record.args = clean, ()
    elif record.args and not _all_in(record.args, message):
        record.args = redact_value(record.args)


def _all_in(args: Any, message: str) -> bool:
    """Whether a message without secrets contains every argument whole, so that no argument contains one.

    A message may show part (``%.4s``) or nothing (``%(name)s``) of an argument, but handlers get all of it.
    """
    for value in args if isinstance(args, tuple) else (args,):
        if value.__class__ is str:
            if value not in message:
                return False
        elif value.__class__ is not int and value.__class__ is not float:
            return False
    return True


def _excepthook(previous: Callable[..., Any]) -> Callable[..., Any]:
    def excepthook(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        previous(*redact_exc_info((kind, error, trace)))

    return excepthook


def _unraisablehook(previous: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def unraisablehook(unraisable: Any) -> None:
        if unraisable.exc_value is not None:
            clean = redact_exc_info((unraisable.exc_type, unraisable.exc_value, unraisable.exc_traceback))
            unraisable = type(unraisable)((*clean, unraisable.err_msg, unraisable.object))
        previous(unraisable)

    return unraisablehook


def _thread_excepthook(previous: Callable[[threading.ExceptHookArgs], Any]) -> Callable[..., Any]:
    def excepthook(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            clean = redact_exc_info((args.exc_type, args.exc_value, args.exc_traceback))
            args = threading.ExceptHookArgs((*clean, args.thread))
        previous(args)

    return excepthook
