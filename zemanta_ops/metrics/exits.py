"""Calls a function before this process ends, by whichever way processes of its kind end in order.

``atexit`` serves servers and commands. Children of ``multiprocessing`` leave through ``os._exit`` after their own
finalizers, Celery's prefork workers after a signal of Celery's. Modules that are not loaded are not asked.
"""

from __future__ import annotations

import atexit
import sys
import weakref
from collections.abc import Callable
from typing import Any

EXIT_PRIORITY = 10


def call_before_exit(method: Callable[[], Any]) -> None:
    """Call a bound method once or more when the process ends, without keeping its object alive."""
    reference = weakref.WeakMethod(method)

    def call(**_: Any) -> None:
        if (alive := reference()) is not None:
            alive()

    atexit.register(call)
    process = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        from multiprocessing.util import Finalize

        Finalize(None, call, exitpriority=EXIT_PRIORITY)
    if "celery.signals" in sys.modules:
        from celery.signals import worker_process_shutdown

        worker_process_shutdown.connect(call, weak=False)
