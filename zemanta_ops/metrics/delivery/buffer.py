"""The queue between the callers and the network, and the thread that empties it.

``put``, and its copies in ``emitters``, is one read of the fork mark, one length check and one ``list.append``: no
lock, so signal handlers and ``__del__`` may emit. Everything else happens in the flusher: a daemon thread that starts
with the first sample, or, where threads do not run, the caller itself by size or age.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from zemanta_ops.metrics.delivery.batch import Packet, Sample, Tally, datagrams, group, lines, send, share_a_datagram
from zemanta_ops.metrics.delivery.emitters import Put, Queue
from zemanta_ops.metrics.delivery.shutdown import call_before_exit
from zemanta_ops.metrics.delivery.transports import Transport
from zemanta_ops.metrics.series.series import Series

logger = logging.getLogger("zemanta_ops.metrics")

EXIT_SECONDS = 2.0
LOCK_SECONDS = 0.1


class Buffer:
    """A bounded queue with a background flusher.

    Args:
        queue: where callers put samples; one buffer at a time works on it.
        transport: where datagrams go.
        datagram_bytes: the largest datagram.
        flush_seconds: pause between flushes.
        queue_size: most samples that wait; more are dropped as ``queue_full``.
        extra: returns samples to send at the end of a flush (the self-metrics), given this buffer.
        threads: False flushes inline, in the caller, by size or age.
    """

    def __init__(
        self,
        queue: Queue,
        transport: Transport,
        *,
        datagram_bytes: int = 1432,
        flush_seconds: float = 1.0,
        queue_size: int = 100_000,
        extra: Callable[[Buffer], Iterable[Sample]] | None = None,
        threads: bool = True,
    ) -> None:
        self.transport = transport
        self.datagram_bytes = datagram_bytes
        self.flush_seconds = flush_seconds
        self.queue_size = queue_size
        self.queue = queue.entries
        self.tally = Tally()
        self.last_depth = 0
        self.last_flush_seconds = 0.0
        self.last_flush_at = 0.0
        self._extra = extra
        self._threads = threads
        self._closed = False
        self._mark = queue.mark
        # From half full on, callers take the slow way, which wakes the flusher.
        queue.room[0] = max(1, queue_size // 2)
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._locks: dict[int, threading.Lock] = {}
        self._flush_lock = threading.Lock()
        self._wake = threading.Event()
        self.put: Put = self._make_put(queue)
        _forget_in_child(self)

    def _make_put(self, queue: Queue) -> Put:
        """Return the function that takes a sample; a closure, because attribute look-ups would double its cost."""
        mark, room, entries, append, slow = (
            queue.mark,
            queue.room,
            queue.entries,
            queue.entries.append,
            self._put_slowly,
        )

        def put(series: Series, value: Any) -> None:
            if mark[0] and len(entries) < room[0]:
                append((series, value))
            else:
                slow(series, value)

        return put

    def _put_slowly(self, series: Series, value: Any) -> None:
        """Take a sample where there is no live flusher, or the queue is half full."""
        if self._pid != os.getpid():
            self._begin()
        if len(self.queue) * 2 >= self.queue_size:
            self._wake.set()
        if len(self.queue) >= self.queue_size:
            self.tally.drop("queue_full")
            return
        self.queue.append((series, value))
        if not self._mark[0] and not self._start() and self._is_due():
            self.flush(timeout=0)

    def _begin(self) -> None:
        """Start afresh in this process: what a parent had queued is the parent's to send."""
        with _exclusive(self._locks) as alone:
            if not alone or self._pid == os.getpid():
                return
            if self._pid:
                self.queue.clear()
                self.transport.close()
            self.tally = Tally()
            self._flush_lock = threading.Lock()
            self._wake = threading.Event()
            self._thread = None
            self._closed = False
            self.last_flush_at = time.monotonic()
            call_before_exit(self.close)
            self._pid = os.getpid()

    def _start(self) -> bool:
        """Start the flusher; False where there can be none."""
        if not self._threads or self._closed or _threads_do_not_run():
            return False
        with _exclusive(self._locks) as alone:
            if not alone:
                return True
            if self._thread is not None and self._thread.is_alive():
                self._mark[0] = 1
                return True
            thread = threading.Thread(target=_run, args=(weakref.ref(self), self._wake), daemon=True)
            thread.name = "zemanta-ops-metrics"
            try:
                thread.start()
            except RuntimeError:
                return False
            self._thread = thread
            self._mark[0] = 1
            return True

    def _is_due(self) -> bool:
        if self._closed or len(self.queue) * 2 >= self.queue_size:
            return True
        return time.monotonic() - self.last_flush_at >= self.flush_seconds

    def flush(self, timeout: float = EXIT_SECONDS) -> bool:
        """Send what is queued, in this thread; False where another flush did not end within ``timeout`` seconds.

        Datagrams that cannot be handed to the network within ``timeout`` seconds (at least one flush interval) are
        dropped and counted.
        """
        if self._pid != os.getpid():
            self._begin()
        if not (self._flush_lock.acquire(timeout=timeout) if timeout > 0 else self._flush_lock.acquire(blocking=False)):
            return False
        try:
            self._flush(time.monotonic() + max(timeout, self.flush_seconds))
            if self._closed:
                self.transport.close()
        finally:
            self._flush_lock.release()
        return True

    def _flush(self, deadline: float) -> None:
        started = time.monotonic()
        batch = self.queue[:]
        del self.queue[: len(batch)]
        self.last_depth = len(batch)
        packets = self._packets(batch)
        own = self._packets(self._extra(self)) if self._extra is not None else []
        share_a_datagram(packets, own, self.datagram_bytes)
        send(packets, self.transport, self.tally, deadline)
        if not send(own, self.transport, self.tally, deadline):
            # What was lost in an outage is told after it.
            self.tally.report_again()
        self.last_flush_at = time.monotonic()
        self.last_flush_seconds = self.last_flush_at - started

    def _packets(self, batch: Iterable[Sample]) -> list[Packet]:
        return list(datagrams(lines(group(batch), self.datagram_bytes, self.tally), self.datagram_bytes))

    def close(self, timeout: float = EXIT_SECONDS) -> None:
        """Flush and stop; a sample given later is sent inline."""
        self._closed = True
        if self._pid != os.getpid():
            return
        self._mark[0] = 0
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)
        self.flush(timeout)

    def alive(self) -> bool:
        """Whether the flusher runs in this process."""
        return bool(self._mark[0]) and self._thread is not None and self._thread.is_alive()


@contextmanager
def _exclusive(locks: dict[int, threading.Lock]) -> Iterator[bool]:
    """Hold this process's own lock; give up soon, because a signal handler may have interrupted its holder.

    A lock by process id: one that was inherited through a fork may be held by a thread that does not exist here.
    """
    lock = locks.setdefault(os.getpid(), threading.Lock())
    alone = lock.acquire(timeout=LOCK_SECONDS)
    try:
        yield alone
    finally:
        if alone:
            lock.release()


def _run(reference: weakref.ref[Buffer], wake: threading.Event) -> None:
    """Flush every interval until the buffer is gone, or closed: then once more, here, where no signal interrupts."""
    try:
        closed = False
        while not closed and (buffer := reference()) is not None:
            seconds, buffer = buffer.flush_seconds, None
            if wake.wait(seconds):
                wake.clear()
            if (buffer := reference()) is not None:
                closed = buffer._closed
                _flush_safely(buffer)
    finally:
        if (buffer := reference()) is not None:
            buffer._mark[0] = 0


def _flush_safely(buffer: Buffer) -> None:
    try:
        buffer.flush()
    except Exception:
        logger.exception("A flush of metrics failed; the next one goes on")


def _threads_do_not_run() -> bool:
    """Whether this is uWSGI without enable-threads, where a thread starts and never gets a turn."""
    uwsgi = sys.modules.get("uwsgi")
    options = getattr(uwsgi, "opt", None)
    return isinstance(options, dict) and not (
        {"enable-threads", b"enable-threads", "threads", b"threads"} & set(options)
    )


def _forget_in_child(buffer: Buffer) -> None:
    """Clear the buffer in forked children, without keeping it alive; the first sample there begins it again.

    Not at once: ``multiprocessing`` has not made the child one of its own yet, and would forget what is to run at exit.
    """
    reference = weakref.ref(buffer)

    def after_fork() -> None:
        if (alive := reference()) is not None and alive._pid:
            alive._mark[0] = 0
            alive.queue.clear()
            alive.tally = Tally()

    os.register_at_fork(after_in_child=after_fork)
