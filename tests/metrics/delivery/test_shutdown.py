"""What is called when a process ends, however it ends. The tests of whole processes are in tests/metrics/lifecycle."""

from __future__ import annotations

import gc
import multiprocessing.process
import multiprocessing.util
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from weakref import WeakSet

import pytest
from django.dispatch import Signal

from zemanta_ops.metrics.delivery import shutdown
from zemanta_ops.metrics.delivery.shutdown import close_before_exit, flush_at_sigterm, is_exiting


class Target:
    """Notes what is called; ``close`` first raises these errors, one a call."""

    def __init__(self, *errors: BaseException) -> None:
        self.calls: list[str] = []
        self._errors = list(errors)

    def close(self) -> None:
        self.calls.append("close")
        if self._errors:
            raise self._errors.pop(0)

    def flush(self) -> None:
        self.calls.append("flush")

    def hurry(self) -> None:
        self.calls.append("hurry")


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test begin in a process that is not prepared, and leave the clients of others alone."""
    monkeypatch.setattr(shutdown, "_to_close", WeakSet())
    monkeypatch.setattr(shutdown, "_prepared", set())
    monkeypatch.setattr(shutdown, "_is_exiting", False)


def test_what_is_registered_is_closed_when_the_process_exits() -> None:
    targets = [Target(), Target()]
    for target in targets:
        close_before_exit(target)
    assert is_exiting() is False
    shutdown._close_at_exit()
    assert is_exiting() is True
    assert [target.calls for target in targets] == [["close"], ["close"]]


def test_what_is_registered_is_not_kept_alive() -> None:
    target = Target()
    calls = target.calls
    close_before_exit(target)
    del target
    gc.collect()
    shutdown._close_at_exit()
    assert calls == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize(("times", "calls"), [(0, 1), (1, 2), (9, 10), (20, 10)])
def test_a_signal_handler_that_raises_during_the_call_costs_nothing(
    error: type[BaseException], times: int, calls: int
) -> None:
    target = Target(*(error() for _ in range(times)))
    close_before_exit(target)
    shutdown._close_at_exit()
    assert target.calls == ["close"] * calls


def test_an_error_is_not_hidden() -> None:
    target = Target(LookupError("on purpose"))
    close_before_exit(target)
    with pytest.raises(LookupError, match="on purpose"):
        shutdown._close_at_exit()
    assert target.calls == ["close"]


@pytest.mark.parametrize("parent", [None, object()])
def test_a_child_of_multiprocessing_closes_with_its_finalizers(parent: object, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[Any, Any, Any]] = []

    def finalize(owner: Any, callback: Callable[[], None], *, exitpriority: int) -> None:
        made.append((owner, callback, exitpriority))

    monkeypatch.setattr(multiprocessing.process, "parent_process", lambda: parent)
    monkeypatch.setattr(multiprocessing.util, "Finalize", finalize)
    target = Target()
    for _ in range(3):
        close_before_exit(target)
    if parent is None:
        assert made == []
        return
    [(owner, callback, priority)] = made
    # Without a priority, it would not be called when the child ends.
    assert (owner, priority) == (None, 10)
    callback()
    assert target.calls == ["close"]
    # A child that this child has forked has finalizers of its own.
    monkeypatch.setattr(os, "getpid", lambda: -1)
    close_before_exit(target)
    assert len(made) == 2


def test_a_process_without_multiprocessing_is_not_made_to_load_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "multiprocessing.process")
    monkeypatch.delitem(sys.modules, "celery.signals", raising=False)
    close_before_exit(Target())
    assert "multiprocessing.process" not in sys.modules
    assert "celery.signals" not in sys.modules


def test_a_worker_of_celery_closes_with_its_signal_once(monkeypatch: pytest.MonkeyPatch) -> None:
    celery, signals = ModuleType("celery"), ModuleType("celery.signals")
    # As Celery's own, which needs a worker to be sent.
    signals.worker_process_shutdown = Signal()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "celery", celery)
    monkeypatch.setitem(sys.modules, "celery.signals", signals)
    connected: list[dict[str, Any]] = []
    connect = signals.worker_process_shutdown.connect

    def note(receiver: Any, **options: Any) -> None:
        connected.append(options)
        connect(receiver, **options)

    monkeypatch.setattr(signals.worker_process_shutdown, "connect", note)
    target = Target()
    for pid in (1, 1, 2):
        # The children of a worker inherit what it has connected.
        monkeypatch.setattr(os, "getpid", lambda pid=pid: pid)
        close_before_exit(target)
    assert connected == [{"weak": False}]
    signals.worker_process_shutdown.send(sender=None, pid=1, exitcode=0)
    assert target.calls == ["close"]


@pytest.fixture
def handler() -> Iterator[Callable[[Any], Any]]:
    """Return a function that installs a handler of SIGTERM before, and returns what is installed then."""
    before = signal.getsignal(signal.SIGTERM)
    yield lambda previous: signal.signal(signal.SIGTERM, previous)
    signal.signal(signal.SIGTERM, before)


def test_a_handler_that_was_there_before_is_called_last(handler: Callable[[Any], Any]) -> None:
    target = Target()

    def previous(number: int, frame: Any) -> None:
        target.calls.append(f"previous {number} {frame is not None}")

    handler(previous)
    flush_at_sigterm(target, on_loop=True)
    signal.raise_signal(signal.SIGTERM)
    assert target.calls == ["hurry", f"previous {signal.SIGTERM:d} True"]


def test_by_default_the_process_ends_by_the_signal_after_a_flush(
    handler: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Target()
    handler(signal.SIG_DFL)
    flush_at_sigterm(target, on_loop=True)
    installed: Any = signal.getsignal(signal.SIGTERM)

    def raise_signal(number: int) -> None:
        assert signal.getsignal(number) == signal.SIG_DFL
        target.calls.append(f"raise {number:d}")

    monkeypatch.setattr(signal, "raise_signal", raise_signal)
    installed(signal.SIGTERM, None)
    assert target.calls == ["hurry", "flush", f"raise {signal.SIGTERM:d}"]


def test_without_a_loop_the_handler_of_a_server_stays_alone(handler: Callable[[Any], Any]) -> None:
    for previous in (signal.SIG_IGN, lambda *_: None):
        handler(previous)
        flush_at_sigterm(Target(), on_loop=False)
        assert signal.getsignal(signal.SIGTERM) == previous


@pytest.mark.parametrize(
    ("status", "is_installed"),
    [
        # The bit of signal 15 is the fifteenth.
        ("SigCgt:\t0000000000004000\nSeccomp:\t0\n", False),
        ("SigCgt:\tffffffffffffffff\n", False),
        ("SigCgt:\t0000000000002000\n", True),
        ("SigCgt:\t0000000000008000\n", True),
        ("SigBlk:\t0000000000004000\nSigCgt:\t0000000000000000\n", True),
        ("SigCgt:\tunknown\n", True),
        ("SigCgt:", True),
        ("", True),
        (None, True),
    ],
)
def test_without_a_loop_a_handler_of_the_program_around_python_stays_alone(
    status: str | None, is_installed: bool, handler: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_text(path: Path, **_: Any) -> str:
        assert str(path) == "/proc/self/status"
        if status is None:
            raise FileNotFoundError(path)
        return status

    handler(signal.SIG_DFL)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", read_text)
        flush_at_sigterm(Target(), on_loop=False)
    assert (signal.getsignal(signal.SIGTERM) != signal.SIG_DFL) is is_installed


@pytest.mark.parametrize("name", ["uwsgi", "mod_wsgi"])
def test_without_a_loop_servers_that_embed_python_keep_their_handler(
    name: str, handler: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, ModuleType(name))
    handler(signal.SIG_DFL)
    flush_at_sigterm(Target(), on_loop=False)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_second_call_changes_nothing(handler: Callable[[Any], Any]) -> None:
    handler(signal.SIG_DFL)
    flush_at_sigterm(Target(), on_loop=True)
    installed = signal.getsignal(signal.SIGTERM)
    flush_at_sigterm(Target(), on_loop=True)
    assert signal.getsignal(signal.SIGTERM) is installed


def test_an_ignored_signal_stays_ignored(handler: Callable[[Any], Any]) -> None:
    handler(signal.SIG_IGN)
    flush_at_sigterm(Target(), on_loop=True)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN


def test_a_handler_that_python_does_not_know_stays(
    handler: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    handler(signal.SIG_DFL)
    with monkeypatch.context() as patch:
        patch.setattr(signal, "getsignal", lambda _: None)
        flush_at_sigterm(Target(), on_loop=True)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_another_thread_than_the_main_one_changes_nothing(handler: Callable[[Any], Any]) -> None:
    handler(signal.SIG_DFL)
    errors: list[BaseException] = []

    def work() -> None:
        try:
            flush_at_sigterm(Target(), on_loop=True)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert errors == []
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_system_without_sigterm_has_no_handler(
    handler: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    number = signal.SIGTERM
    handler(signal.SIG_DFL)
    with monkeypatch.context() as patch:
        patch.delattr(signal, "SIGTERM")
        flush_at_sigterm(Target(), on_loop=True)
    assert signal.getsignal(number) == signal.SIG_DFL
