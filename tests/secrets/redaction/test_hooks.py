"""The hooks of the interpreter pass on what they are given, without secrets, to the hooks before them."""

from __future__ import annotations

import logging
import pickle
import sys
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from zemanta_ops.secrets import Secret, ledger
from zemanta_ops.secrets.redaction import RedactingFormatter, logs

SECRET = "example-secret-of-a-hook"


@pytest.fixture(autouse=True)
def _revealed() -> None:
    ledger.reveal(SECRET)


class Unraisable(tuple[Any, ...]):
    """What sys.unraisablehook gets: a type that a program can make only from all its members."""

    __slots__ = ()
    exc_type = property(lambda self: self[0])
    exc_value = property(lambda self: self[1])
    exc_traceback = property(lambda self: self[2])
    err_msg = property(lambda self: self[3])
    object = property(lambda self: self[4])


def pass_on(error: BaseException | None, message: str | None, culprit: object) -> Unraisable:
    """Return what the previous hook gets."""
    seen: list[Unraisable] = []
    logs._unraisablehook(seen.append)(Unraisable((type(error), error, None, message, culprit)))
    [passed] = seen
    return passed


class Connection:
    def __init__(self, url: str) -> None:
        self.url = url

    def __repr__(self) -> str:
        return f"<Connection {self.url}>"


def test_an_error_of_del_is_passed_on_without_secrets() -> None:
    culprit = Connection(f"redis://:{SECRET}@cache")
    kind, error, trace, message, shown = pass_on(ValueError(f"cannot use {SECRET}"), f"closing {SECRET}", culprit)
    assert (kind.__name__, str(error), trace) == ("ValueError", "cannot use <redacted>", None)
    assert message == "closing <redacted>"
    assert repr(shown) == "<Connection redis://:<redacted>@cache>"


def test_what_has_no_secret_is_passed_on_as_it_is() -> None:
    culprit, error = Connection("redis://cache"), ValueError("plain")
    passed = pass_on(error, None, culprit)
    assert str(passed.exc_value) == "plain"
    assert passed.err_msg is None
    assert passed.object is culprit
    assert pass_on(None, None, culprit) == (type(None), None, None, None, culprit)


def test_an_uncaught_error_is_passed_on_without_secrets() -> None:
    seen: list[tuple[Any, ...]] = []
    logs._excepthook(lambda *args: seen.append(args))(ValueError, ValueError(SECRET), None)
    [(kind, error, trace)] = seen
    assert (kind.__name__, str(error), trace) == ("ValueError", "<redacted>", None)


def test_an_error_of_a_thread_is_passed_on_without_secrets() -> None:
    seen: list[Any] = []
    hook = logs._thread_excepthook(seen.append)
    thread = threading.Thread(name=f"worker of {SECRET}")
    for given in (thread, None):
        hook(threading.ExceptHookArgs((ValueError, ValueError(SECRET), None, given)))
        passed = seen.pop()
        assert (passed.exc_type.__name__, str(passed.exc_value), passed.thread) == ("ValueError", "<redacted>", given)
    assert thread.name == "worker of <redacted>"
    silent = SimpleNamespace(exc_type=SystemExit, exc_value=None, exc_traceback=None, thread=thread)
    hook(silent)
    assert seen == [silent]


def test_a_thread_keeps_a_name_without_a_secret() -> None:
    class Named(threading.Thread):
        def __setattr__(self, key: str, value: object) -> None:
            assert key != "name"
            super().__setattr__(key, value)

    thread = Named()
    seen: list[Any] = []
    logs._thread_excepthook(seen.append)(threading.ExceptHookArgs((ValueError, ValueError("x"), None, thread)))
    assert seen[0].thread is thread


def test_the_record_factory_of_the_program_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    class Record(logging.LogRecord):
        pass

    monkeypatch.setattr(logging, "_logRecordFactory", Record)
    for module, name in ((sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")):
        monkeypatch.setattr(module, name, getattr(module, name))
    logs.install()
    record = logging.getLogRecordFactory()("n", 30, "p", 1, "m", (), None, func="work", sinfo="stack")
    assert isinstance(record, Record)
    assert (record.funcName, record.stack_info) == ("work", "stack")


def test_the_formatter_takes_the_arguments_of_the_one_of_logging() -> None:
    formatter = RedactingFormatter("{message} {more}", style="{", defaults={"more": SECRET})
    assert formatter.format(logging.makeLogRecord({"msg": "m"})) == "m <redacted>"


def test_a_pickled_record_is_a_plain_dict_with_all_its_attributes() -> None:
    record = logs.RecordFactory()("n", 30, "p", 1, "m", (), None)
    record.__dict__.update(url=SECRET)
    attributes = pickle.loads(pickle.dumps(record.__dict__))
    assert type(attributes) is dict
    assert (attributes["name"], attributes["url"]) == ("n", "<redacted>")


def test_a_secret_among_the_arguments_is_shown_as_its_repr() -> None:
    record = logs.RecordFactory()("n", 30, "p", 1, "%s %s", (Secret("plain::x"), 7), None)
    assert record.getMessage() == "Secret(<redacted>) 7"


@pytest.mark.parametrize("args", [(Connection(SECRET),), (7, 1.5, Connection(SECRET))])
def test_objects_among_the_arguments_stay_what_they_are(args: tuple[Any, ...]) -> None:
    record = logs.RecordFactory()("n", 30, "p", 1, "%.0s" * len(args), args, None)
    assert record.args == args


def test_arguments_that_do_not_fit_keep_their_message() -> None:
    record = logs.RecordFactory()("n", 30, "p", 1, f"%d {SECRET}", ("x",), None)
    assert (record.msg, record.args) == ("%d <redacted>", ("x",))


def test_an_argument_that_a_message_shows_whole_is_not_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most log lines are of this kind, and must stay cheap."""
    monkeypatch.setattr(logs, "redact_value", lambda value: pytest.fail(f"looked into {value!r}"))
    record = logging.LogRecord("n", 30, "p", 1, "%s took %d ms of %.1f and %s", ("GET", 7, 1.5, "POST"), None)
    logs._redact_message(record)
    assert record.getMessage() == "GET took 7 ms of 1.5 and POST"


def test_names_are_redacted_once() -> None:
    calls: list[str] = []

    def redact(text: str) -> str:
        calls.append(text)
        return text

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs, "_names", (frozenset(), {}))
        patch.setattr(logs, "redact", redact)
        for _ in range(3):
            record = logging.LogRecord("logger", 30, "p", 1, "m", (), None)
            record.__dict__.update(threadName="thread", processName="process", taskName="task")
            logs._redact_names(record)
    assert calls == ["logger", "thread", "process", "task"]
