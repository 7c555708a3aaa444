"""Sends what is queued before this process ends, however processes of its kind end.

``atexit`` serves servers and commands. Children of ``multiprocessing`` leave through ``os._exit`` after their own
finalizers, Celery's prefork workers after one of Celery's signals. Servers may end by the default action of SIGTERM.
Modules that are not loaded are not used.

Whatever this module registers, it registers once a process. It calls whatever is to be called then.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import weakref
from pathlib import Path
from typing import Any, Protocol

EXIT_PRIORITY = 10
ATTEMPTS = 10
# Modules that exist only in programs that embed Python.
_EMBEDDERS = frozenset({"uwsgi", "mod_wsgi"})


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


def flush_at_sigterm(target: Flushable, *, on_loop: bool) -> None:
    """Make SIGTERM send what is queued, in a process that serves a site; called when the site is loaded.

    waitress, cheroot, ``wsgiref`` and ``runserver --noreload`` leave SIGTERM to its default action, which ends the
    process without ``atexit`` or any other exit function. Servers that handle it leave through ``atexit``, so in a
    process without an event loop a handler of theirs stays alone.

    On an event loop, uvicorn finishes the requests in progress and then raises SIGTERM again with the handler that was
    there before uvicorn started, which by default is none. If the site is loaded before uvicorn installs its handler,
    the handler of this function is called last, and flushes. If it is loaded on the running loop, it is called first:
    from then on samples are sent without delay.

    A second call changes nothing while the handler is installed. It does nothing in a thread other than the main one,
    and if SIGTERM is ignored or handled outside of Python.
    """
    number = getattr(signal, "SIGTERM", None)
    if number is None or threading.current_thread() is not threading.main_thread():
        return
    previous = signal.getsignal(number)
    if previous is None or previous is signal.SIG_IGN or isinstance(previous, _SigtermHandler):
        return
    if not on_loop and (previous is not signal.SIG_DFL or _is_handled_by_host(number)):
        return
    signal.signal(number, _SigtermHandler(target, previous))


def _is_handled_by_host(number: int) -> bool:
    """Return whether the program that embeds Python handles a signal, although Python takes it for the default."""
    if not _EMBEDDERS.isdisjoint(sys.modules):
        return True
    try:
        status = Path("/proc/self/status").read_text(errors="replace")
        caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    except (OSError, IndexError, ValueError):
        return False
    return bool(caught >> (number - 1) & 1)
