"""End loops and commands in order on SIGINT, SIGTERM and SIGHUP, and when nobody reads their output any more.

SIGHUP is what processes get whose terminal is closed. A signal that the process was started to ignore, as by ``nohup``,
stays ignored.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# A shell reports a process that a signal ended with this and the number of the signal.
SIGNALLED = 128
# Not every system has its name.
_SIGPIPE = 13


@contextmanager
def handle_end_signals(action: Callable[[], None]) -> Iterator[None]:
    """Call ``action`` on each of these signals; restore the previous handlers at the end of the block.

    Only the main thread can handle signals. In any other thread this does nothing.
    """

    def handle(_number: int, _frame: object) -> None:
        action()

    with _handle(handle):
        yield


def _may_handle() -> bool:
    return threading.current_thread() is threading.main_thread()


@contextmanager
def _handle(handler: Callable[[int, object], None]) -> Iterator[None]:
    if not _may_handle():
        yield
        return
    # Not every system has SIGHUP.
    ends = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    heard = [number for number in ends if signal.getsignal(number) is not signal.SIG_IGN]
    previous = {number: signal.signal(number, handler) for number in heard}
    try:
        yield
    finally:
        for number, before in previous.items():
            signal.signal(number, before)


@contextmanager
def exit_on_signals() -> Iterator[None]:
    """Raise SystemExit on each of these signals, with the exit code of a shell: 130, 143 and 129.

    Likewise with 141, SIGPIPE's, if standard output is a pipe that its reader has closed, as ``head`` does. Cleanup
    runs, and no traceback is printed.
    """

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(SIGNALLED + number)

    if not _may_handle():
        yield
        return
    with _handle(leave):
        try:
            yield
            _flush_output()
        except BrokenPipeError:
            if not hasattr(select, "poll") or not _discard_closed_output():
                raise  # It is of another pipe or connection.
            raise SystemExit(SIGNALLED + _SIGPIPE) from None


def _flush_output() -> None:
    if sys.stdout is not None and not sys.stdout.closed:
        sys.stdout.flush()


def _discard_closed_output() -> bool:
    """Return whether nobody reads standard output. If so, what it has buffered goes nowhere.

    Python would write that when it exits, and report that it cannot.
    """
    try:
        number = sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):  # there is none, or it is not a file
        return False
    watch = select.poll()
    watch.register(number, 0)
    if not any(event & (select.POLLERR | select.POLLHUP) for _, event in watch.poll(0)):
        return False
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, number)
    os.close(null)
    return True


@contextmanager
def note_end_signals(wake: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether one of these signals has arrived; ``wake`` is called on each of them."""
    arrived = False

    def note() -> None:
        # A plain flag: the code that the signal interrupts could be holding the lock of an Event.
        nonlocal arrived
        arrived = True
        wake()

    with handle_end_signals(note):
        yield lambda: arrived
