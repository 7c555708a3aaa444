"""Calls a function before this process ends, however processes of its kind end.

``atexit`` serves servers and commands. Children of ``multiprocessing`` leave through ``os._exit`` after their own
finalizers, Celery's prefork workers after one of Celery's signals. Modules that are not loaded are not used.
"""

from __future__ import annotations

import atexit
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

EXIT_PRIORITY = 10
REPEAT_SECONDS = 0.02
ATTEMPTS = 10


def call_before_exit(method: Callable[[], Any]) -> None:
    """Call a bound method, once or more, when the process ends, without keeping its object alive."""
    reference = weakref.WeakMethod(method)

    def call(**_: Any) -> None:
        if (alive := reference()) is not None:
            _call_until_done(alive)

    atexit.register(call)
    process = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        from multiprocessing.util import Finalize

        Finalize(None, call, exitpriority=EXIT_PRIORITY)
    if "celery.signals" in sys.modules:
        from celery.signals import worker_process_shutdown

        worker_process_shutdown.connect(call, weak=False)


def _call_until_done(method: Callable[[], Any]) -> None:
    """Call again if a signal handler raised during the call, as gunicorn's does when it ends its workers."""
    for _ in range(ATTEMPTS):
        try:
            method()
        except (KeyboardInterrupt, SystemExit):
            continue
        return


def flush_at_sigterm(flush: Callable[[], Any]) -> None:
    """Make SIGTERM send what is queued, in a server on an event loop; called when its application is loaded.

    uvicorn finishes the requests in progress and then raises SIGTERM again with the handler that was there before
    uvicorn started. By default that ends the process without ``atexit`` or any other exit function. If the application
    is loaded before uvicorn installs its handler, this installs one that flushes first. If it is loaded on the running
    loop, the only thing left is to flush again and again from the signal on.
    """
    number = getattr(signal, "SIGTERM", None)
    if number is None or threading.current_thread() is not threading.main_thread():
        return
    previous = signal.getsignal(number)
    if previous is signal.SIG_DFL:
        signal.signal(number, lambda number, _frame: _flush_and_end(flush, number))
    elif callable(previous):
        _flush_repeatedly_from(number, previous, flush)


def _flush_repeatedly_from(number: int, previous: Callable[[int, Any], Any], flush: Callable[[], Any]) -> None:
    """Start to flush repeatedly at a signal, on the running loop; do nothing without one."""
    from asyncio import get_running_loop

    try:
        loop = get_running_loop()
    except RuntimeError:
        return

    def handle(number: int, frame: Any) -> None:
        # A signal may interrupt code that holds any lock, so the loop does everything else.
        loop.call_soon_threadsafe(threading.Thread(target=_flush_repeatedly, args=(flush,), daemon=True).start)
        previous(number, frame)

    signal.signal(number, handle)


def _flush_and_end(flush: Callable[[], Any], number: int) -> None:
    signal.signal(number, signal.SIG_DFL)
    flush()
    signal.raise_signal(number)


def _flush_repeatedly(flush: Callable[[], Any]) -> None:
    while True:
        flush()
        time.sleep(REPEAT_SECONDS)
