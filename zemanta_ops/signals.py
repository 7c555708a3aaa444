"""Ends loops cleanly on SIGINT and SIGTERM."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def on_end_signals(action: Callable[[], None]) -> Iterator[None]:
    """Call ``action`` at SIGINT and SIGTERM; outside the main thread the signals stay as they are."""

    def handle(_number: int, _frame: object) -> None:
        action()

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
