"""Sends what is queued before this process ends, however processes of its kind end.

``atexit`` serves servers and commands. Children of ``multiprocessing`` leave through ``os._exit`` after their own
finalizers, Celery's prefork workers after one of Celery's signals. Servers on an event loop may end by the default
action of SIGTERM. Modules that are not loaded are not used.

Whatever this module registers, it registers once a process. It calls whatever is to be called then.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import weakref
from typing import Any, Protocol

EXIT_PRIORITY = 10
ATTEMPTS = 10


class Closable(Protocol):
    """What has something to send before the process ends."""

    def close(self) -> None:
        """Send it; may be called more than once."""
        ...


class Flushable(Protocol):
    """What sends its samples when SIGTERM is received."""

    def flush(self) -> Any:
        """Send what is queued, in this thread."""
        ...

    def hurry(self) -> None:
        """Send what is queued from now on without delay, in another thread. Takes no lock."""
        ...


_to_close: weakref.WeakSet[Closable] = weakref.WeakSet()
# The process ids for which each way to end is prepared.
_prepared: set[tuple[str, int]] = set()
_is_exiting = False


def close_before_exit(target: Closable) -> None:
    """Call ``target.close()``, once or more, when the process ends, without keeping it alive."""
    _to_close.add(target)
    process = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None and _is_first("multiprocessing", os.getpid()):
        from multiprocessing.util import Finalize

        Finalize(None, _close_all, exitpriority=EXIT_PRIORITY)
    if "celery.signals" in sys.modules and _is_first("celery", 0):
        from celery.signals import worker_process_shutdown

        worker_process_shutdown.connect(_close_all, weak=False)


def is_exiting() -> bool:
    """Return whether what has to be sent before the process ends has been sent already."""
    return _is_exiting


def _is_first(way: str, pid: int) -> bool:
    key = (way, pid)
    if key in _prepared:
        return False
    _prepared.add(key)
    return True


def _close_all(**_: Any) -> None:
    for target in list(_to_close):
        _close(target)


def _close_at_exit() -> None:
    global _is_exiting
    _is_exiting = True
    _close_all()


# At import, because what is registered while the process exits is never called. A forked child has it from its parent.
atexit.register(_close_at_exit)


def _close(target: Closable) -> None:
    """Call again if a signal handler raised during the call, as gunicorn's does when it ends its workers."""
    for _ in range(ATTEMPTS):
        try:
            target.close()
        except (KeyboardInterrupt, SystemExit):
            continue
        return


class _SigtermHandler:
    """The one handler of a process: sends what is queued, then does what SIGTERM did before."""

    def __init__(self, target: Flushable, previous: Any) -> None:
        self._target = target
        self.previous = previous

    def __call__(self, number: int, frame: Any) -> None:
        # It may interrupt code that holds any lock, so another thread sends.
        self._target.hurry()
        if callable(self.previous):
            self.previous(number, frame)
        elif self.previous is signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
            self._target.flush()
            signal.raise_signal(number)


def flush_at_sigterm(target: Flushable) -> None:
    """Make SIGTERM send what is queued, in a process that serves on an event loop; called when its site is loaded.

    uvicorn finishes the requests in progress and then raises SIGTERM again with the handler that was there before
    uvicorn started. By default that ends the process without ``atexit`` or any other exit function. If the site is
    loaded before uvicorn installs its handler, the handler of this function is called last, and flushes. If it is
    loaded on the running loop, it is called first: from then on samples are sent without delay.

    A second call changes nothing while the handler is installed. It does nothing in a thread other than the main one,
    and if SIGTERM is ignored or handled outside of Python.
    """
    number = getattr(signal, "SIGTERM", None)
    if number is None or threading.current_thread() is not threading.main_thread():
        return
    previous = signal.getsignal(number)
    if previous is None or previous is signal.SIG_IGN or isinstance(previous, _SigtermHandler):
        return
    signal.signal(number, _SigtermHandler(target, previous))
