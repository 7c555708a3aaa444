"""Commands that may run on every node, and of which one process of a deployment does the work."""

from __future__ import annotations

import argparse
import json
import os
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from django.core.management.base import CommandParser

from zemanta_ops.conf import conf
from zemanta_ops.metrics.gauges import loop
from zemanta_ops.metrics.gauges.lease import create_lease
from zemanta_ops.signals import note_end_signals

_LOOP_SECONDS = 30.0
_ONCE_SECONDS = 90.0


class PeriodicWorker(ABC):
    """A worker whose waiting ends when ``wake()`` is called; a subclass says what is due."""

    def __init__(self) -> None:
        self.may_emit: Callable[[], bool] = lambda: True
        self._woken: SimpleQueue[None] = SimpleQueue()

    def wait(self, seconds: float) -> None:
        """Wait until ``wake()`` is called, for at most this many seconds."""
        # Not get(timeout=…) alone, which may block forever before Python 3.13; see Collector.wait.
        with suppress(Empty):
            self._woken.get_nowait()
            return
        if seconds > 0:
            with suppress(Empty):
                self._woken.get(timeout=seconds)

    def wake(self) -> None:
        """Make a waiting method return; safe in a signal handler."""
        self._woken.put(None)

    @abstractmethod
    def step(self) -> None:
        """Do what is due, or wait a moment."""

    @abstractmethod
    def forget(self) -> None:
        """Drop what is known: another process may have done the work since."""


def add_lease_option(parser: CommandParser) -> None:
    """Declare ``--lease``."""
    parser.add_argument(
        "--lease",
        type=parse_lease,
        metavar="SECONDS",
        help=f"how long the lock lasts without renewal (default: {_LOOP_SECONDS:g}, without --loop {_ONCE_SECONDS:g})",
    )


def parse_lease(text: str) -> float:
    """Return the length of a lease in seconds."""
    seconds = float(text)
    # A lock in a cache expires after whole seconds.
    if not 1 <= seconds <= 86400:
        raise argparse.ArgumentTypeError("must be from 1 to 86400 seconds")
    return seconds


def acquire_for_node(name: str, seconds: float | None) -> bool:
    """Take the lock of a command for this node; return False if another node holds it.

    The lease outlives the command: when cron runs it on every node, the others find the lease.

    Args:
        name: The command.
        seconds: How long the lease lasts; None for the default.

    Raises:
        LeaseError: The database or the cache cannot be reached.

    """
    return loop.acquire(create_lease(conf.metrics.gauge_lock, name, socket.gethostname(), seconds or _ONCE_SECONDS))


def run_alone(worker: loop.Worker, name: str, seconds: float | None, report: Callable[[str], None]) -> None:
    """Work while no other process does, until SIGINT, SIGTERM or SIGHUP.

    Args:
        worker: What to do.
        name: The command.
        seconds: How long the lease lasts without renewal; None for the default.
        report: Gets ``loop.WORKING`` or ``loop.WAITING`` at every change.

    Raises:
        LeaseError: The database or the cache cannot be reached at the start.

    """
    length = seconds or max(_LOOP_SECONDS, 3 * conf.metrics.agent_interval)
    owner = f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}"
    lease = create_lease(conf.metrics.gauge_lock, name, owner, length)
    with note_end_signals(worker.wake) as stopped:
        loop.run(worker, lease, length, stopped, report)


def report_state(out: Any, state: str, word: str, *, as_json: bool) -> None:
    """Print whether this process works, in the command's own ``word``, or waits; at once, also into a pipe."""
    shown = word if state == loop.WORKING else state
    out.write(json.dumps({"state": shown}) if as_json else shown)
    out.flush()
