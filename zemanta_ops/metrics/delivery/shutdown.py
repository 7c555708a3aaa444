"""Calls a function before this process ends, by whichever way processes of its kind end in order.

``atexit`` serves servers and commands. Children of ``multiprocessing`` leave through ``os._exit`` after their own
finalizers, Celery's prefork workers after a signal of Celery's. Modules that are not loaded are not asked.
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
HURRY_SECONDS = 0.02
ATTEMPTS = 10


def call_before_exit(method: Callable[[], Any]) -> None:
    """Call a bound method once or more when the process ends, without keeping its object alive."""
    reference = weakref.WeakMethod(method)

    def call(**_: Any) -> None:
        if (alive := reference()) is not None:
            _insist(alive)

    atexit.register(call)
    process = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        from multiprocessing.util import Finalize

        Finalize(None, call, exitpriority=EXIT_PRIORITY)
    if "celery.signals" in sys.modules:
        from celery.signals import worker_process_shutdown

        worker_process_shutdown.connect(call, weak=False)


def _insist(method: Callable[[], Any]) -> None:
    """Call again where the handler of a signal raised in the middle, as gunicorn's does when it ends its workers."""
    for _ in range(ATTEMPTS):
        try:
            method()
        except (KeyboardInterrupt, SystemExit):
            continue
        return


def flush_at_sigterm(flush: Callable[[], Any]) -> None:
    """Let SIGTERM send what is queued, in a server on an event loop; called where its application is loaded.

    uvicorn answers what it has begun and then ends by the action that SIGTERM had before uvicorn started, by default
    one after which neither ``atexit`` nor any other exit function runs. Loaded before uvicorn takes the signal over,
    this puts a flush before that action. Loaded afterwards, on the running loop, it can only flush again and again
    from the signal on.
    """
    from asyncio import get_running_loop

    if threading.current_thread() is not threading.main_thread():
        return
    before = signal.getsignal(signal.SIGTERM)
    if before is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, lambda number, _frame: _flush_and_end(flush, number))
        return
    try:
        loop = get_running_loop()
    except RuntimeError:
        return
    if callable(before):
        then = before

        def note(number: int, frame: Any) -> None:
            # A signal may interrupt code that holds any lock, so all else is left to the loop.
            loop.call_soon_threadsafe(threading.Thread(target=_flush_often, args=(flush,), daemon=True).start)
            then(number, frame)

        signal.signal(signal.SIGTERM, note)


def _flush_and_end(flush: Callable[[], Any], number: int) -> None:
    signal.signal(number, signal.SIG_DFL)
    flush()
    signal.raise_signal(number)


def _flush_often(flush: Callable[[], Any]) -> None:
    while True:
        flush()
        time.sleep(HURRY_SECONDS)
