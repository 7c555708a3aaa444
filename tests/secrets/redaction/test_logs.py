"""No log record carries a secret, whichever logger made it and whichever handler prints it."""

from __future__ import annotations

import copy
import io
import json
import linecache
import logging
import logging.handlers
import pickle
import queue
import subprocess
import sys
import textwrap
from collections.abc import Callable
from typing import Any

import pytest

from zemanta_ops.secrets.redaction import RedactingFormatter
from zemanta_ops.secrets.redaction.logs import install

pytestmark = pytest.mark.usefixtures("installed")

Say = Callable[[str], logging.Logger]


@pytest.fixture
def output(request: pytest.FixtureRequest) -> io.StringIO:
    """What a handler prints that was added to the root logger after the factory, with no knowledge of it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.addHandler(handler)
    request.addfinalizer(lambda: root.removeHandler(handler))
    return stream


class JsonFormatter(logging.Formatter):
    """Prints every attribute of the record and formats exceptions itself, as JSON formatters do."""

    def format(self, record: logging.LogRecord) -> str:
        shown = {name: repr(value) for name, value in record.__dict__.items()}
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        return json.dumps({**shown, "trace": trace, "plain": super().format(record)})


log = logging.getLogger("parent.child")


def _raise(secret: str) -> None:
    try:
        raise KeyError(secret)
    except KeyError as error:
        raise ConnectionError(f"cannot reach redis://:{secret}@host") from error


def _log_exception(secret: str) -> None:
    try:
        _raise(secret)
    except ConnectionError:
        log.exception("failed")


SAYINGS: dict[str, Callable[[str], Any]] = {
    "message": lambda s: log.error("value " + s),
    "argument": lambda s: log.error("value %s", s),
    "argument by name": lambda s: log.error("value %(a)s", {"a": s}),
    "repr of an argument": lambda s: log.error("value %r", [s]),
    "message object": lambda s: log.error(ValueError(s)),
    "extra": lambda s: log.error("value", extra={"url": f"redis://:{s}@host"}),
    "extra, nested": lambda s: log.error("value", extra={"data": {"a": [(s,)], s: 1}, "raw": s.encode()}),
    "exception": _log_exception,
    "stack": lambda s: exec(f"log.error('x', stack_info=True) # {s!r}", {"log": log}),
    "warning": lambda s: logging.getLogger("py.warnings").warning("%s", s),
}


@pytest.mark.parametrize("saying", SAYINGS)
def test_a_late_handler_on_the_root_prints_no_secret(
    saying: str, canary: str, output: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    SAYINGS[saying](canary)
    printed = output.getvalue() + capsys.readouterr().err
    assert printed
    assert "c4nary" not in printed
    if saying != "stack":
        assert "<redacted>" in printed


def test_arguments_that_do_not_fit_the_message_are_redacted(
    canary: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Apart from the root, since pytest's own handler there raises what logging prints.
    alone = logging.getLogger("alone")
    monkeypatch.setattr(alone, "propagate", False)
    monkeypatch.setattr(alone, "handlers", [logging.StreamHandler()])
    alone.error("value %d %d", canary)
    printed = capsys.readouterr().err
    assert "Arguments: ('<redacted>',)" in printed
    assert "c4nary" not in printed


def test_a_record_without_secret_keeps_message_and_arguments_apart(
    canary: str, caplog: pytest.LogCaptureFixture
) -> None:
    error = ValueError("harmless")
    request = object()
    log.error("value %s", "x", exc_info=error, extra={"request": request})
    record = caplog.records[-1]
    assert (record.msg, record.args) == ("value %s", ("x",))
    assert record.exc_info is not None
    assert record.exc_info[1] is error
    assert record.__dict__["request"] is request


def test_the_exception_keeps_name_chain_and_traceback(canary: str, caplog: pytest.LogCaptureFixture) -> None:
    _log_exception(canary)
    info = caplog.records[-1].exc_info
    assert info is not None
    text = logging.Formatter().formatException(info)
    assert "ConnectionError: cannot reach redis://:<redacted>@host" in text
    assert "KeyError: '<redacted>'" in text
    assert "in _raise" in text
    assert "direct cause" in text


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups and notes came with Python 3.11")
def test_groups_notes_and_cycles_are_redacted_too(canary: str, caplog: pytest.LogCaptureFixture) -> None:
    inner = ValueError(canary)
    group = ExceptionGroup("several " + canary, [inner, TypeError("harmless")])  # noqa: F821
    group.add_note("note " + canary)
    inner.__context__ = group
    log.error("failed", exc_info=group)
    info = caplog.records[-1].exc_info
    assert info is not None
    text = logging.Formatter().formatException(info)
    assert "c4nary" not in text
    assert "ExceptionGroup: several <redacted> (2 sub-exceptions)" in text
    assert "note <redacted>" in text
    assert "TypeError: harmless" in text


def test_an_exception_without_text_is_still_logged(canary: str, caplog: pytest.LogCaptureFixture) -> None:
    class Mute(Exception):  # noqa: N818
        def __str__(self) -> str:
            raise RuntimeError

    error = Mute()
    error.__cause__ = ValueError(canary)
    log.error("failed", exc_info=error)
    assert "c4nary" not in caplog.text


def test_records_can_be_copied_pickled_and_queued(canary: str, output: io.StringIO) -> None:
    waiting: queue.Queue[logging.LogRecord] = queue.Queue()
    handler = logging.handlers.QueueHandler(waiting)
    log.addHandler(handler)
    try:
        log.error("value %s", canary, extra={"more": canary})
    finally:
        log.removeHandler(handler)
    for record in (waiting.get(), copy.copy(waiting), pickle.loads(pickle.dumps(waiting.queue))):
        assert "c4nary" not in repr(getattr(record, "__dict__", record))


def test_the_formatter_redacts_what_becomes_text_only_there(canary: str) -> None:
    class Late:
        def __str__(self) -> str:
            return canary

    record = logging.makeLogRecord({"msg": "x", "late": Late()})
    assert RedactingFormatter("%(message)s %(late)s").format(record) == "x <redacted>"
    assert RedactingFormatter(wraps=logging.Formatter("%(late)s")).format(record) == "<redacted>"


def test_installing_twice_is_as_once() -> None:
    factory = logging.getLogRecordFactory()
    install()
    assert logging.getLogRecordFactory() is factory


def test_what_the_message_leaves_out_of_its_arguments_is_redacted(canary: str, output: io.StringIO) -> None:
    log.error("starts with %.3s", canary)
    log.error("names %(user)s", {"user": "ann", "password": canary})
    assert "c4n" not in output.getvalue()
    assert "starts with <re" in output.getvalue()
    assert "names ann" in output.getvalue()


def test_a_record_of_another_process_is_redacted_as_it_is_made(canary: str) -> None:
    received = logging.makeLogRecord({"msg": f"value {canary}", "args": (), "url": {"a": canary}})
    assert "c4nary" not in repr(vars(received))
    assert received.getMessage() == "value <redacted>"


def test_an_argument_of_an_exception_that_its_message_leaves_out_is_redacted(canary: str, output: io.StringIO) -> None:
    class Discreet(Exception):  # noqa: N818
        def __str__(self) -> str:
            return "cannot connect"

    log.error("failed", exc_info=Discreet("redis", canary))
    assert "c4nary" not in output.getvalue()


@pytest.mark.parametrize("chain", ["cause", "context"])
def test_an_argument_of_a_chained_exception_that_its_message_leaves_out_is_redacted(
    chain: str, canary: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Some handlers show the repr of every error of a chain."""

    class Discreet(Exception):  # noqa: N818
        def __str__(self) -> str:
            return "cannot connect"

    last, middle = RuntimeError("failed"), ValueError("no connection")
    for error, below in ((last, middle), (middle, Discreet("redis", canary))):
        setattr(error, f"__{chain}__", below)
    log.error("failed", exc_info=last)
    logged: BaseException | None = caplog.records[-1].exc_info[1]  # type: ignore[index]
    while logged is not None:
        assert "c4nary" not in repr(logged)
        logged = getattr(logged, f"__{chain}__")


def test_the_stack_of_a_record_is_redacted_for_every_handler(canary: str, caplog: pytest.LogCaptureFixture) -> None:
    """A stack shows source lines, and a line may contain a value that was revealed."""
    source = f"log.error('x', stack_info=True)  # {canary!r}"
    linecache.cache["<example>"] = (len(source), None, [source], "<example>")
    try:
        exec(compile(source, "<example>", "exec"), {"log": log})
    finally:
        del linecache.cache["<example>"]
    stack = caplog.records[-1].stack_info
    assert stack
    assert "log.error('x', stack_info=True)  # '<redacted>'" in stack


def test_the_handler_of_last_resort_prints_no_secret(
    canary: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lonely = logging.getLogger("lonely")
    monkeypatch.setattr(lonely, "propagate", False)
    lonely.error("value %s", canary)
    assert capsys.readouterr().err == "value <redacted>\n"


@pytest.mark.parametrize("thread", [False, True, None], ids=["main", "thread", "unraisable"])
def test_an_uncaught_exception_prints_no_secret(canary: str, thread: bool | None) -> None:
    code = f"""
        import threading
        from zemanta_ops.secrets import ledger
        from zemanta_ops.secrets.redaction.logs import install
        install()
        def work():
            value = {[ord(character) for character in canary]!r}
            ledger.reveal("".join(map(chr, value)))
            raise ValueError("x" + "".join(map(chr, value)))
        class Gone:
            def __del__(self):
                work()
        {"Gone()" if thread is None else "threading.Thread(target=work).start()" if thread else "work()"}
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert "ValueError: x<redacted>" in ended.stderr
    assert "c4nary" not in ended.stderr
