"""Log records without secrets: a record factory, which covers every logger and handler, and a formatter."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from typing import Any

from zemanta_ops.secrets import ledger
from zemanta_ops.secrets.modes import Deferred
from zemanta_ops.secrets.redacted import Redacted
from zemanta_ops.secrets.redaction.errors import redact_exc_info
from zemanta_ops.secrets.redaction.values import redact, redact_value

_MAX_NAMES = 1000
# The names seen since the last plaintext was revealed, redacted. Replaced as a whole: threads share it.
_names: tuple[frozenset[str], dict[str, str]] = (frozenset(), {})


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
    """Wraps a log record factory; redacts message, arguments, names, exception, stack and the values of ``extra``."""

    def __init__(self, factory: Callable[..., logging.LogRecord] = logging.LogRecord) -> None:
        """Wrap ``factory``."""
        self._factory = factory

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        """Create a redacted record."""
        record = self._factory(*args, **kwargs)
        _show_undecrypted(record)
        _redact_message(record)
        _redact_names(record)
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
    if type(record.msg) is dict and record.msg.get("exc_info"):
        record.msg = _redact_event_error(record.msg)
    try:
        message = record.getMessage()
    except Exception:  # noqa: BLE001
        # The arguments do not fit the message: logging prints both to stderr when a handler formats them.
        record.msg = redact_value(record.msg)
        record.args = redact_value(record.args)
        return
    clean = redact(message)
    if clean is not message:
        record.msg, record.args = _redact_event(record.msg) if type(record.msg) is dict else clean, ()
    elif record.args and not _all_in(record.args, message):
        record.args = redact_value(record.args)


def _redact_event_error(event: dict[Any, Any]) -> dict[Any, Any]:
    """Redact the exception of an event of structlog, which its formatter turns into text later."""
    given = event["exc_info"]
    info = (type(given), given, given.__traceback__) if isinstance(given, BaseException) else given
    info = info if isinstance(info, tuple) else sys.exc_info()
    clean = redact_exc_info(info) if info[1] is not None else info
    return event if clean is info else {**event, "exc_info": clean}


def _redact_event(event: dict[Any, Any]) -> dict[Any, Any]:
    """Redact an event and keep it a dict, which formatters such as those of structlog and JSON expect."""
    return {redact_value(key): _redact_member(redact_value(value)) for key, value in event.items()}


def _redact_member(value: Any) -> Any:
    """Return a value, or its redacted repr or text if that has a secret."""
    for text in (repr(value), str(value)):
        if (clean := redact(text)) is not text:
            return clean
    return value


def _redact_names(record: logging.LogRecord) -> None:
    """Redact the names of logger, thread, process and task: some programs put addresses or arguments into them."""
    global _names
    if _names[0] is not ledger.plaintexts() or len(_names[1]) > _MAX_NAMES:
        _names = ledger.plaintexts(), {}
    known = _names[1]
    for attribute in ("name", "threadName", "processName", "taskName"):
        name = record.__dict__.get(attribute)
        if name.__class__ is str:
            if name not in known:
                known[name] = redact(name)
            record.__dict__[attribute] = known[name]


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
            message = redact(unraisable.err_msg) if unraisable.err_msg else unraisable.err_msg
            unraisable = type(unraisable)((*clean, message, _clean_object(unraisable.object)))
        previous(unraisable)

    return unraisablehook


class _Shown:
    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _clean_object(value: Any) -> Any:
    """Return an object, or what shows its repr redacted if that has a secret."""
    try:
        text = repr(value)
        clean = redact(text)
    except Exception:  # noqa: BLE001  (it may succeed when the hook asks for it)
        return _Shown(f"<{type(value).__name__} without a repr>")
    return value if clean is text else _Shown(clean)


def _thread_excepthook(previous: Callable[[threading.ExceptHookArgs], Any]) -> Callable[..., Any]:
    def excepthook(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            clean = redact_exc_info((args.exc_type, args.exc_value, args.exc_traceback))
            if args.thread is not None and (name := redact(args.thread.name)) != args.thread.name:
                # The thread ends here; hooks print its name.
                args.thread.name = name
            args = threading.ExceptHookArgs((*clean, args.thread))
        previous(args)

    return excepthook
